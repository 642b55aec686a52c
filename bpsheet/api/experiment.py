"""What users hold: an experiment, and the trace of its run.

>>> from bpsheet.tables.spec import Data, Layer, Network, Training
>>> experiment = Experiment(
...     title="One weight",
...     network=Network(
...         inputs=["x"], targets=["y"], loss="half_squared_error",
...         layers=[Layer(neurons=["o"], activation="linear", weights=[[0.5]], bias=False)],
...     ),
...     data=Data(examples=[[2.0, 3.0]]),
...     training=Training(learning_rate=0.1, iterations=2),
... )
>>> experiment.run().frame["o"].tolist()
[1.0, 1.8]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpsheet.api.readers import Readers
from bpsheet.plan.plan import Plan
from bpsheet.printers.latex import formula_latex
from bpsheet.printers.text import formula_text
from bpsheet.tables.plain import AnyNumber, AnyWhole, plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bpsheet.pictures.curves import Plots
    from bpsheet.tables.notation import Notation
    from bpsheet.tables.spec import Data, Graph, Initial, Network, Test, Training


__all__ = ["Experiment", "Trace"]


class Trace(Readers):
    """Every quantity of every iteration, with the methods that explain and compare them.

    The frames share the one array (`values`), are indexed by iteration from 1, and have a
    column for each quantity, named as the source writes it. Verdicts of tests are 1 or 0;
    a value that overflowed is NaN.

    >>> import bpsheet as bp
    >>> trace = bp.load("two-neuron").run(iterations=3)
    >>> round(trace.frame.loc[1, "g"], 4)
    np.float64(-0.2449)
    """

    experiment: Experiment

    def _repr_html_(self) -> str:
        from bpsheet.runs.cards import trace_card

        return trace_card(self)

    @cached_property
    def columns(self) -> pd.DataFrame:
        """What each column is: phase, role, layer, neuron, meaning, and its formula.

        The formula comes as text, as LaTeX, and as the cell of the full layout in the row
        of the second iteration (where a weight is the last one plus its adjustment).
        """
        import pandas as pd

        from bpsheet.workbook.layout import full_layout

        layout = full_layout(self.program, self.experiment.example_count)
        rows = []
        for column in self.program:
            formula = column.formula
            rows.append(
                {
                    "name": column.name,
                    "phase": str(column.phase),
                    "role": str(column.role),
                    "layer": column.layer,
                    "neuron": column.neuron,
                    "formula": formula_text(formula) if formula is not None else "",
                    "excel": layout.formula(column.name, layout.first_row + 1) or "",
                    "latex": formula_latex(column.name, formula) if formula is not None else "",
                    "meaning": column.meaning,
                }
            )
        frame = pd.DataFrame(rows).set_index("name")
        return frame.astype({"layer": "Int64"})

    @property
    def plot(self) -> Plots:
        """`.loss()`, `.weights()`, `.gradients()` and `.surface(w1, w2)`, as matplotlib axes.

        Raises MissingExtraError without matplotlib.
        """
        from bpsheet.pictures.curves import Plots

        return Plots(self)

    def draw(self, iteration: AnyWhole = 1, axes: Axes | None = None) -> Figure:
        """The network at an iteration, as a matplotlib figure (or into `axes`).

        Neurons with their outputs and error terms; an arrow for each weight, green where it
        grows and red, and broken, where it shrinks, as wide as its adjustment is large.
        Raises ExperimentError for formulas without layers and an iteration that was not run,
        LimitError where there are too many neurons to tell apart, MissingExtraError without matplotlib.
        """
        from bpsheet.pictures.network import draw_network

        return draw_network(self, self._whole_of(iteration), axes)

    def to_excel(
        self,
        path: str | Path,
        layout: str = "full",
        sheets: Iterable[str] | Mapping[str, Mapping[str, AnyNumber | str]] | None = None,
    ) -> Path:
        """Write the run as a workbook with live formulas; `layout` is "full" or "book".

        `sheets` says which sheets it has besides: "walkthrough", "diagram", "charts",
        "gradient-check", "hessian", or with what they are set to:
        `{"gradient-check": {"iteration": 2, "delta_w": 1e-4, "method": "forward"}}`.
        By default a workbook in the layout full has the first three, as far as the run is
        small enough for them; `sheets=[]` is none.

        Returns the path. The file appears whole or not at all, and replaces what is there.
        Raises LimitError where a worksheet cannot hold it, ExperimentError for a sheet that
        this run cannot have, OutputError where the file cannot be written.
        """
        from bpsheet.workbook.writing import write_workbook

        chosen = None
        if isinstance(sheets, Mapping):
            chosen = {
                name: {key: plain(value) for key, value in settings.items()}
                for name, settings in sheets.items()
            }
        elif sheets is not None:
            chosen = {name: {} for name in sheets}
        write_workbook(self, Path(path), layout, chosen)
        return Path(path)


class Experiment(Plan):
    """A network (or formulas), its data and its training: everything that a run is made of.

    Raises ExperimentError, with every problem, where the parts do not fit together.
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            title: str = "",
            notes: str = "",
            network: Network | dict[str, Any] | None = None,
            graph: Graph | dict[str, Any] | None = None,
            data: Data | dict[str, Any],
            training: Training | dict[str, Any] = ...,
            initial: Initial | dict[str, Any] = ...,
            test: Test | dict[str, Any] | None = None,
            notation: Notation | dict[str, Any] = ...,
            hand: Mapping[str, Mapping[str, str]] = ...,
        ) -> None: ...

    def _repr_html_(self) -> str:
        from bpsheet.runs.cards import experiment_card

        return experiment_card(self)

    def run(
        self,
        iterations: AnyWhole | None = None,
        progress: Callable[[int], None] | None = None,
        keep: str | None = None,
    ) -> Trace:
        """Train, and record every quantity of every iteration.

        `progress` is called with the number of iterations done, now and then. Of a long run
        `keep` records a part: "every:100" (iterations 1, 101, 201 … and the last) or
        "last:1000". Raises LimitError where the result would not fit in memory (`write` needs
        no memory), ExperimentError for another `keep`.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(1000, keep="every:400").frame.index.tolist()
        [1, 401, 801, 1000]
        """
        return Trace.of(self, iterations, progress, keep)

    def write(
        self,
        path: str | Path,
        iterations: AnyWhole | None = None,
        keep: str | None = None,
        layout: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Path:
        r"""Train, and write the run to a file (.xlsx, .csv or .parquet) as it goes.

        The run is never in memory as a whole, so it may be as long as the disk has room.
        `keep` as in `run`; of a workbook's rows only those after one another can be live.
        `layout` is a workbook's, "full" or "book"; it has none of the sheets that need the
        whole run, Walkthrough, Diagram and Charts.
        Returns the path; the file appears whole or not at all, and replaces what is there.
        Raises OutputError where it cannot be written, LimitError where a worksheet is too
        narrow, ExperimentError for another `keep`.

        >>> import bpsheet as bp, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = bp.load("two-neuron").write(f"{folder}/run.csv", 100_000, "every:1000")
        ...     path.read_text().count("\n")
        102
        """
        from bpsheet.api.export import check, write
        from bpsheet.engine.recording import EVERYTHING, Keep
        from bpsheet.runs.longrun import LongRun

        chosen = Keep.of(keep) if keep is not None else EVERYTHING
        check(Path(path), layout)
        longer = self.of_length(iterations)
        if Path(path).suffix.lower() == ".xlsx":
            from bpsheet.workbook.writing import check_fits

            check_fits(longer, layout or "full", chosen.count(longer.iterations))
        run = LongRun(longer, chosen)
        write(run, Path(path), layout, progress)
        return Path(path)

    def to_page(self, path: str | Path) -> Path:
        """Write a page for a browser, one .html file: step by step, and it computes by itself.

        Returns the path; the file appears whole or not at all, and replaces what is there.
        Raises OutputError where it cannot be written.

        >>> import bpsheet as bp, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     bp.load("two-neuron").to_page(f"{folder}/two-neuron.html").name
        'two-neuron.html'
        """
        from bpsheet.page.page import write_page

        write_page(self, Path(path))
        return Path(path)
