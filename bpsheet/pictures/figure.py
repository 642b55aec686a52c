"""A matplotlib figure, and axes, that a notebook shows without any setting."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["STEADY", "Panel", "Picture"]

# With these settings the same figure gives the same bytes, and its words stay text.
STEADY: dict[Any, str] = {"svg.hashsalt": "bpsheet", "svg.fonttype": "none"}


class Picture(Figure):
    """A figure that a notebook shows. (It shows matplotlib's figures only with pyplot set up.)"""

    def _repr_svg_(self) -> str:
        text = io.StringIO()
        with mpl.rc_context(STEADY):
            self.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


class Panel(Axes):
    """Axes that a notebook shows as their figure: `trace.plot.loss()` at the end of a cell."""

    def _repr_svg_(self) -> str | None:
        figure = self.get_figure(root=True)
        return figure._repr_svg_() if isinstance(figure, Picture) else None
