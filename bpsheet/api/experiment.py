"""The two classes for users: an experiment, and the trace of its run.

>>> from bpsheet.tables.data import Data
>>> from bpsheet.tables.network import Layer, Network
>>> from bpsheet.tables.training import Training
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

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import PrivateAttr

from bpsheet.api.readers import Readers
from bpsheet.errors import ExperimentError, OutputError, Problem
from bpsheet.plan.plan import Plan
from bpsheet.printers.latex import formula_latex
from bpsheet.printers.text import formula_text
from bpsheet.tables.plain import AnyNumber, AnyWhole, plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bpsheet.models.weights import Weights
    from bpsheet.pictures.curves import Plots
    from bpsheet.tables.data import Data, Prepare, Test, Validation
    from bpsheet.tables.graph import Graph
    from bpsheet.tables.network import Network
    from bpsheet.tables.notation import Notation
    from bpsheet.tables.origin import Origin
    from bpsheet.tables.training import Initial, Training
    from bpsheet.workbook.edits import Edit


__all__ = ["Experiment", "Trace"]


class Trace(Readers):
    """Every quantity of every iteration, with the methods that explain and compare them.

    `values` is an array of shape (iterations, quantities). The frames share this array. Their
    index is the iteration, from 1; their columns are the quantities, with the names that the
    experiment gives them. Counters (epoch, example …) are whole numbers there. Verdicts of tests are
    1 or 0. A value that overflowed is NaN. In `backward`, as on the sheet, the columns run from the
    last layer to the first: by position, `layer(1)`, `trace["W1"]` and `tidy` are in forward's order.

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

        The columns are phase, role, layer, neuron, input, weight, is_bias, formula, excel, latex and
        meaning. Of a gradient, of an adjustment and of what stands between them, `weight` is the
        weight that they belong to; of a weight it is the weight itself. `input` is what the weight is
        multiplied by, and is missing for biases. `excel` is the formula of the cell in the second iteration's row of the layout full; there a weight is
        the weight of the row before plus its adjustment. Formulas are "" for given values.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(1).columns.loc["z_g", "phase"]
        'forward'
        """
        import pandas as pd

        from bpsheet.runs.tidy import places_of
        from bpsheet.workbook.layout import full_layout

        layout = full_layout(self.program, self.experiment.example_count)
        rows = []
        for column, place in zip(self.program, places_of(self), strict=True):
            formula = column.formula
            rows.append(
                {
                    "name": column.name,
                    "phase": str(column.phase),
                    "role": str(column.role),
                    **place._asdict(),
                    "formula": formula_text(formula) if formula is not None else "",
                    "excel": layout.formula(column.name, layout.first_row + 1) or "",
                    "latex": formula_latex(column.name, formula) if formula is not None else "",
                    "meaning": column.meaning,
                }
            )
        frame = pd.DataFrame(rows).set_index("name")
        return frame.astype({"layer": "Int64"})

    def trained(self) -> Experiment:
        """The experiment with the weights that the last iteration leaves as its first weights.

        `trace.trained().forward()` computes what the trained network gives for its examples, and
        `.replaced(data=bp.Data(examples=[[…]]))` after that for others.
        Raises ExperimentError where these weights have overflowed.

        >>> import bpsheet as bp
        >>> trace = bp.load("two-neuron").run(100)
        >>> new = trace.trained().forward().replaced(data=bp.Data(examples=[[-0.9, 0.1], [1, 1]]))
        >>> new.run().frame["f"].round(4).tolist()
        [0.7362, 0.7619]
        """
        from bpsheet.models.weights import after_last

        weights = after_last(self)
        if not all(map(isfinite, weights.values())):
            said = "the weights after the last iteration have overflowed; run fewer iterations"
            raise ExperimentError([Problem("", said)], self.experiment.name)
        return self.experiment.changed(weights)

    def weights_at(self, iteration: AnyWhole) -> Weights:
        """The weights that an iteration uses, as arrays by name: `W1`, `b1` …

        A matrix has a row for each neuron and a column for each input; `.layer(1)` has the arrays
        of a layer. Raises ExperimentError for an iteration that was not recorded.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(3).weights_at(1)["W1"].tolist()
        [[0.6, -0.1]]
        """
        from bpsheet.models.weights import weights_at

        return weights_at(self, iteration)

    @property
    def final_weights(self) -> Weights:
        """The weights after the last update, as arrays by name.

        >>> import bpsheet as bp
        >>> trace = bp.load("two-neuron").run(100)
        >>> trace.final_weights["b1"].round(4).tolist()
        [0.731]
        >>> trace.experiment.with_weights(trace.final_weights) == trace.trained()
        True
        """
        from bpsheet.models.weights import final_weights

        return final_weights(self)

    def state_dict(self) -> dict[str, Any]:
        """The weights after the last update under the names that the model has, in its own type.

        Of a PyTorch module they are tensors, and `module.load_state_dict(trace.state_dict())` gives
        them back to it; of other models they are arrays, turned as they were. Raises ExperimentError for an experiment
        that was not imported, MissingExtraError without PyTorch.

        >>> import bpsheet as bp, torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 1))
        >>> trace = bp.from_torch(model, ([[0.5, 1]], [2]), torch.nn.MSELoss()).run()
        >>> model.load_state_dict(trace.state_dict())
        <All keys matched successfully>
        """
        from bpsheet.models.torch.giving import state_dict

        return state_dict(self)

    def to_torch(self) -> Any:
        """A PyTorch module with the weights after the last update: an `nn.Sequential` in float64.

        It computes the outputs that the trace has, which for a softmax or logistic output are
        shares, not logits. What `[[prepare]]` does is no part of it: it takes prepared inputs. Raises ModelError with each layer that PyTorch has no module for,
        MissingExtraError without PyTorch.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(1).to_torch()
        Sequential(
          (0): Linear(in_features=2, out_features=1, bias=True)
          (1): Tanh()
          (2): Linear(in_features=1, out_features=1, bias=True)
          (3): Sigmoid()
        )
        """
        from bpsheet.models.torch.giving import to_torch

        return to_torch(self)

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
        it grows, red and broken where it shrinks. A wider arrow is a larger adjustment. Formulas
        and layers of other kinds are boxes of numbers, each behind those that it uses.
        Raises ExperimentError for an iteration that was not run, LimitError for more neurons or
        arrays than can be told apart, MissingExtraError without matplotlib.
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

    def to_parquet(self, path: str | Path) -> Path:
        """Write the run as a Parquet file, from which `bpsheet.load` gives it back. Returns the path.

        The iteration is the first column. Counters are whole numbers, all other columns float64; an
        error is NaN. The experiment stands in the file's description, as `bpsheet.experiment`.
        The file appears whole or not at all, and replaces an existing file. Raises OutputError where
        the file cannot be written, MissingExtraError without pyarrow.

        >>> import bpsheet as bp, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     bp.load(bp.load("two-neuron").run(3).to_parquet(f"{folder}/run.parquet"))
        <Trace of run: 3 iterations, 31 columns>
        """
        from bpsheet.api.export import write

        path = Path(path)
        if path.suffix.lower() != ".parquet":
            raise OutputError(f"{path}: expected a name that ends in .parquet")
        write(self, path, None, None)
        return path

    def to_onnx(
        self,
        path: str | Path,
        dtype: Literal["float64", "float32"] = "float64",
        outputs: Sequence[str] | None = None,
    ) -> Path:
        """Write the trained network as a model in the format ONNX (.onnx). Returns the path.

        The model computes the forward pass with the weights after the last iteration. The first axis
        of its inputs and outputs counts examples. `dtype` is the type of its numbers; programs that
        compute convolutions and means of windows in single precision alone need "float32". `outputs`
        names the quantities that it gives. Default: the last layer's outputs; of formulas those that
        the loss takes. Parameters that came from a model keep their names there.

        The file appears whole or not at all, and replaces an existing file. Raises ExperimentError
        for weights that have overflowed and formulas that the format cannot hold, MissingExtraError
        without the package onnx, OutputError where the file cannot be written.

        >>> import bpsheet as bp, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     bp.load("two-neuron").run(5).to_onnx(f"{folder}/two.onnx").name
        'two.onnx'
        """
        from bpsheet.models.onnx.writing import write_onnx

        write_onnx(self.trained(), Path(path), dtype, outputs)
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
            functions: Mapping[str, str] = ...,
            data: Data | dict[str, Any] = ...,
            prepare: Sequence[Prepare | dict[str, Any]] = ...,
            training: Training | dict[str, Any] = ...,
            initial: Initial | dict[str, Any] = ...,
            test: Test | dict[str, Any] | None = None,
            validation: Validation | dict[str, Any] | None = None,
            notation: Notation | dict[str, Any] = ...,
            hand: Mapping[str, Mapping[str, str]] = ...,
            origin: Origin | dict[str, Any] | None = None,
        ) -> None: ...

    _edits: tuple[Edit, ...] = PrivateAttr(())

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What somebody has changed in the workbook that the experiment was loaded from.

        `edit.is_taken` tells whether the experiment has the new number. The others are what an
        experiment cannot hold: formulas, rows, emptied cells, texts. A changed copy has no edits.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").edits
        ()
        """
        return self._edits

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

    @property
    def first_weights(self) -> Weights:
        """The weights that a run begins with, given or drawn, as arrays by name.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").first_weights["W2"].tolist()
        [[0.5]]
        """
        from bpsheet.models.weights import first_weights

        return first_weights(self)

    def with_weights(self, weights: Mapping[Any, Any]) -> Experiment:
        """A copy with other first weights.

        `weights` has arrays by name, as `trace.final_weights` has them, or some of them: `W1` has a
        row for each neuron and a column for each input. Also by layer, `{1: {"W": …}}`, by the name of
        a single weight, or a `state_dict` of the model from which the experiment was imported.
        Raises ExperimentError with every unknown name and every shape that does not fit.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").with_weights({"W1": [[0.5, 0.5]]}).first_weights["W1"].tolist()
        [[0.5, 0.5]]
        """
        from bpsheet.models.weights import changes_of

        return self.changed(changes_of(self, weights))

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

    def to_page(self, path: str | Path, *, rules: bool = True) -> Path:
        """Write a page for a browser: one .html file that computes every step. Returns the path.

        With `rules`, another rule can be chosen on the page, and updates in batches; without, the
        file is smaller.

        The file appears whole or not at all, and replaces an existing file. Raises OutputError
        where the file cannot be written.

        >>> import bpsheet as bp, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     bp.load("two-neuron").to_page(f"{folder}/two-neuron.html", rules=False).name
        'two-neuron.html'
        """
        from bpsheet.page.page import write_page

        write_page(self, Path(path), rules=rules)
        return Path(path)
