"""A matplotlib figure, and axes, that a notebook shows without being told how."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["STEADY", "Panel", "Picture"]

# The same figure gives the same bytes, and its words stay words.
STEADY: dict[Any, str] = {"svg.hashsalt": "bpsheet", "svg.fonttype": "none"}


class Picture(Figure):
    """A figure. matplotlib's own is shown in a notebook only after pyplot was set up there."""

    def _repr_svg_(self) -> str:
        made = io.StringIO()
        with mpl.rc_context(STEADY):
            self.savefig(made, format="svg", metadata={"Date": None})
        return made.getvalue()


class Panel(Axes):
    """Axes that stand for their picture: `trace.plot.loss()` at the end of a cell shows it."""

    def _repr_svg_(self) -> str | None:
        figure = self.get_figure(root=True)
        return figure._repr_svg_() if isinstance(figure, Picture) else None
