"""The two classes for users: an experiment, and the trace of its run.

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

    `values` is an array of shape (iterations, quantities). The frames share this array. Their
    index is the iteration, from 1; their columns are the quantities, with the names that the
    experiment gives them. Verdicts of tests are 1 or 0. A value that overflowed is NaN.

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
        """A table of the quantities, a row for each, with its name as the index.

        The columns are phase, role, layer, neuron, formula, excel, latex and meaning. `excel` is
        the formula of the cell in the second iteration's row of the layout full; there a weight is
        the weight of the row before plus its adjustment. Formulas are "" for given values.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(1).columns.loc["z_g", "phase"]
        'forward'
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
        """Plots of the run: `.loss()`, `.weights()`, `.gradients()` and `.surface(w1, w2)`.

        Each method returns matplotlib axes. Raises MissingExtraError without matplotlib.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(10).plot.loss().get_ylabel()
        'MSE'
        """
        from bpsheet.pictures.curves import Plots

        return Plots(self)

    def draw(self, iteration: AnyWhole = 1, axes: Axes | None = None) -> Figure:
        """The network at an iteration, as a matplotlib figure (or into `axes`).

        Neurons show their outputs and error terms. Each weight is an arrow, green and solid where
        it grows, red and broken where it shrinks. A wider arrow is a larger adjustment.
        Raises ExperimentError for formulas without layers and an iteration that was not run,
        LimitError for too many neurons to tell apart, MissingExtraError without matplotlib.
        """
        from bpsheet.pictures.network import draw_network

        return draw_network(self, self._whole_of(iteration), axes)

    def to_excel(
        self,
        path: str | Path,
        layout: str = "full",
        sheets: Iterable[str] | Mapping[str, Mapping[str, AnyNumber | str]] | None = None,
    ) -> Path:
        """Write the run as a workbook (.xlsx) with live formulas. Returns the path.

        `layout` is "full", "book" or "matrix". `sheets` names further sheets: "matrices",
        "walkthrough", "diagram", "charts", "gradient-check", "hessian". A dict also gives their settings:
        `{"gradient-check": {"iteration": 2, "delta_w": 1e-4, "method": "forward"}}`.
        By default the layout full has walkthrough, diagram and charts as far as they fit; `sheets=[]` gives none.

        The file appears whole or not at all, and replaces an existing file. Raises LimitError
        where a worksheet cannot hold the run, ExperimentError for a sheet that this run cannot
        have, OutputError where the file cannot be written.

        >>> import bpsheet as bp, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     bp.load("two-neuron").run(5).to_excel(f"{folder}/run.xlsx", "book").name
        'run.xlsx'
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
    """A network (or formulas) with its data and its training: everything that a run needs.

    Raises ExperimentError, with every problem, for parts that do not fit together.
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
        """Train, and record every quantity of every iteration. Returns the trace.

        `iterations` replaces the number of iterations of the experiment. `progress` is called now
        and then with the number of iterations done. `keep` records a part of a long run:
        "every:100" (iterations 1, 101, 201 … and the last) or "last:1000".
        Raises LimitError where the trace would not fit in memory (`write` has no such limit),
        ExperimentError for another `keep`.

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
        r"""Train, and write the run to a file (.xlsx, .csv or .parquet) row by row. Returns the path.

        The whole run is never in memory, so its length is limited only by the disk.
        `iterations`, `keep` and `progress` are those of `run`. In a workbook with "last:N" the
        rows are live; with "every:K" each row takes the weights before it as typed numbers.
        `layout` is that of a workbook, "full" or "book". The workbook has no sheets that need the
        whole run (Matrices, Walkthrough, Diagram, Charts).
        The file appears whole or not at all, and replaces an existing file. Raises OutputError
        where the file cannot be written, LimitError where a worksheet cannot hold the run,
        ExperimentError for another `keep`.

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
        """Write a page for a browser: one .html file that computes every step. Returns the path.

        The file appears whole or not at all, and replaces an existing file. Raises OutputError
        where the file cannot be written.

        >>> import bpsheet as bp, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     bp.load("two-neuron").to_page(f"{folder}/two-neuron.html").name
        'two-neuron.html'
        """
        from bpsheet.page.page import write_page

        write_page(self, Path(path))
        return Path(path)
