"""Experiments: read from a file, built in code, checked, run, written back.

>>> from bpsheet.spec import Layer
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

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field, PrivateAttr

from bpsheet.build import columns_of, program_of
from bpsheet.checks import problems_of
from bpsheet.datafile import resolve_file
from bpsheet.errors import ExperimentError, Problem
from bpsheet.model import GraphModel, Model, NetworkModel
from bpsheet.notation import Notation
from bpsheet.problems import nearest, shown
from bpsheet.program import Column, Program
from bpsheet.spec import (
    Data,
    Graph,
    Initial,
    Network,
    Spec,
    Test,
    Training,
    without_examples,
)
from bpsheet.updates import settings_of

if TYPE_CHECKING:
    from bpsheet.trace import Trace

__all__ = ["Experiment"]


def _one_of_two(schema: dict[str, Any]) -> None:
    """In the JSON schema: a network or a graph, and its description without code."""
    without_examples(schema)
    schema["oneOf"] = [{"required": ["network"]}, {"required": ["graph"]}]


class Experiment(Spec):
    """A network (or formulas), its data and its training: everything that a run is made of.

    Raises ExperimentError, with every problem, where the parts do not fit together.
    """

    model_config = ConfigDict(json_schema_extra=_one_of_two)

    title: str = Field("", description="Stands at the top of the sheet.")
    notes: str = Field("", description="What the reader should know; on the sheet About.")
    network: Network | None = Field(None, description="Inputs, layers and the loss.")
    graph: Graph | None = Field(
        None, description="Instead of a network: formulas of one's own, their parameters and loss."
    )
    data: Data = Field(description="The examples and their order.")
    training: Training = Field(default_factory=Training, description="The rule and its length.")
    initial: Initial = Field(
        default_factory=Initial, description="How weights that are not given are drawn."
    )
    test: Test | None = Field(None, description="Examples that each row is tested on.")
    notation: Notation = Field(
        default_factory=Notation, description="How this source writes names."
    )
    hand: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Figures printed in the source, as text: iteration, then quantity.",
    )

    # The file's text, where the experiment is what the text says and nothing more.
    _text: str | None = PrivateAttr(None)
    # The name under which it was loaded; workbooks are named after it.
    _name: str = PrivateAttr("experiment")

    def __init__(self, **values: Any) -> None:
        tables = {
            key: value.model_dump(exclude_unset=True) if isinstance(value, Spec) else value
            for key, value in values.items()
        }
        problems = resolve_file(tables, Path())
        if problems:
            raise ExperimentError(problems)
        super().__init__(**tables)
        problems = problems_of(self)
        if problems:
            raise ExperimentError(problems)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @property
    def name(self) -> str:
        """The name under which it was loaded: a template's, or the file's without its ending."""
        return self._name

    @cached_property
    def model(self) -> Model:
        """What is trained: the network, or the formulas."""
        if self.graph is not None:
            return GraphModel(self.graph, self.notation)
        assert self.network is not None
        return NetworkModel(self.network, self.initial, self.notation)

    @property
    def uphill(self) -> bool:
        """Whether the loss is to be maximised."""
        return self.training.rule == "gradient_ascent" or self.model.uphill

    @cached_property
    def data_names(self) -> tuple[str, ...]:
        """The columns of the data: the inputs, then the targets."""
        if self.graph is not None:
            return tuple(self.graph.inputs)
        assert self.network is not None
        return (*self.network.inputs, *self.network.targets)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its program."""
        return tuple(
            columns_of(
                self.model,
                self.training,
                self.test,
                self.notation,
                examples=len(self.data.examples or ()),
                cyclic=self.data.order == "cyclic",
            )
        )

    @property
    def iterations(self) -> int:
        """How many rows a run has (0 where the tables do not say, which is refused)."""
        training, order = self.training, self.data.order
        if training.iterations is not None:
            return training.iterations
        if training.epochs is not None:
            return training.epochs * len(self.data.examples or ())
        if isinstance(order, list):
            return len(order)
        # Where nothing is trained, each example is presented once.
        is_fixed = self.graph is not None and not self.graph.parameters
        return len(self.data.examples or ()) if is_fixed else 0

    def ordered_examples(self) -> list[list[float]]:
        """The examples, inputs before targets; as they are where they do not fit the columns."""
        examples = self.data.examples or []
        names = self.data_names
        if self.data.columns is None or sorted(self.data.columns) != sorted(names):
            return examples
        if any(len(row) != len(names) for row in examples):
            return examples
        places = [self.data.columns.index(name) for name in names]
        return [[row[place] for place in places] for row in examples]

    def program(self, iterations: int | None = None) -> Program:
        """The program of a run."""
        columns = zip(*self.ordered_examples(), strict=True)
        tables = dict(zip(self.data_names, columns, strict=True))
        return program_of(
            self.columns,
            self.training,
            tables,
            order=self.data.order,
            seed=self.data.seed,
            iterations=iterations or self.iterations,
        )

    def run(
        self,
        iterations: int | None = None,
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
        from bpsheet.engine import check_memory, run
        from bpsheet.recording import EVERYTHING, Keep
        from bpsheet.trace import Trace

        longer = self._of_length(iterations)
        chosen = Keep.of(keep) if keep is not None else EVERYTHING
        check_memory(chosen.count(longer.iterations), len(longer.columns))
        program = longer.program()
        return Trace(longer, program, run(program, longer.iterations, progress, chosen))

    def write(
        self,
        path: str | Path,
        iterations: int | None = None,
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
        from bpsheet.export import check, write
        from bpsheet.longrun import LongRun
        from bpsheet.recording import EVERYTHING, Keep

        chosen = Keep.of(keep) if keep is not None else EVERYTHING
        check(Path(path), layout)
        run = LongRun(self._of_length(iterations), chosen)
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
        from bpsheet.page import write_page

        write_page(self, Path(path))
        return Path(path)

    def _of_length(self, iterations: int | None) -> Experiment:
        if iterations is None or iterations == self.iterations:
            return self
        return self.changed({"iterations": iterations})

    def changed(self, changes: Mapping[str, float | str]) -> Experiment:
        """A copy with some of its numbers changed.

        The keys are names of weights (their first values), of hyper-parameters
        (`learning_rate`, `batch_size`, `reduction`; those that the rule and its schedule have:
        `momentum`, `schedule_factor`), `iterations`, or cells of the data: `x1[2]` is x1 of
        example 2.
        Raises ExperimentError for names that it does not have and values that do not fit.
        """
        problems: list[Problem] = []
        tables: dict[str, Any] = {
            key: getattr(self, key).model_dump(exclude_unset=True) for key in ("data", "training")
        }
        cells = self._cells()
        weights: dict[str, float] = {}
        for key, value in changes.items():
            cell = re.fullmatch(r"(.+)\[([0-9]{1,9})\]", key)
            words = {"reduction": ("sum", "mean"), "batch_size": ("all",)}.get(key, ())
            if isinstance(value, str) and value not in words:
                expected = " or ".join(["a number", *words] if key != "reduction" else words)
                problems.append(Problem(f"--set {key}", f"{expected} expected; got {shown(value)}"))
                continue
            if key in cells:
                put_setting(tables["training"], key, value)
            elif key == "iterations":
                tables["training"].pop("epochs", None)
                tables["training"][key] = value
            elif key in self.model.weights:
                weights[key] = float(value)
            elif cell and self._is_data(cell[1], int(cell[2])):
                names = self.data.columns or list(self.data_names)
                tables["data"]["examples"][int(cell[2]) - 1][names.index(cell[1])] = value
            else:
                problems.append(Problem(f"--set {key}", self._unknown(key)))
        if problems:
            raise ExperimentError(problems, self._name)
        tables["graph" if self.graph is not None else "network"] = self.model.with_weights(weights)
        copied = {name: getattr(self, name) for name in self.model_fields_set if name not in tables}
        try:
            made = Experiment(**(copied | tables))
        except ExperimentError as error:
            raise ExperimentError(error.problems, "with these changes") from None
        made._name = self._name
        return made

    def _cells(self) -> list[str]:
        """The hyper-parameters' names; a batch may be asked for where there is none yet."""
        return ["learning_rate", "batch_size", "reduction", *settings_of(self.training)]

    def _is_data(self, name: str, number: int) -> bool:
        return name in self.data_names and 1 <= number <= len(self.data.examples or ())

    def _unknown(self, key: str) -> str:
        data = [
            f"{name}[{number + 1}]"
            for name in self.data_names
            for number in range(min(len(self.data.examples or ()), 3))
        ]
        known = [*self._cells(), "iterations", *self.model.weights, *data]
        return f"no such number; {nearest(key, known)}"

    def to_toml(self) -> str:
        """The experiment as an experiment file that makes it again, data included."""
        return toml_text(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The experiment as plain tables, without what was left to its default."""
        return self.model_dump(exclude_unset=True, exclude_none=True)

    @property
    def text(self) -> str:
        """The experiment file's text, with its comments where it has not been changed since."""
        return self._text if self._text is not None else self.to_toml()


def put_setting(training: dict[str, Any], cell: str, value: float | str) -> None:
    """A hyper-parameter into the table [training], or into its schedule."""
    _, in_schedule, key = cell.partition("schedule_")
    if in_schedule:
        training["schedule"][key] = value
    else:
        training[cell] = value


def toml_text(tables: Mapping[str, Any]) -> str:
    """Tables as the text of an experiment file."""
    import tomli_w

    return _rows_on_one_line(tomli_w.dumps(tables))


def _rows_on_one_line(text: str) -> str:
    """Innermost lists on one line, as people write them: `[0.6, -0.1]`.

    Only a list begins at the end of a line, for a text's last character is its quote.
    """
    lines: list[str] = []
    begun: int | None = None
    for line in text.rstrip("\n").split("\n"):
        lines.append(line)
        if line.endswith("["):
            begun = len(lines) - 1
        elif begun is not None and line.strip() in ("]", "],"):
            inside = " ".join(part.strip() for part in lines[begun + 1 : -1]).removesuffix(",")
            lines[begun:] = [f"{lines[begun]}{inside}{line.strip()}"]
            begun = None
    return "\n".join(lines) + "\n"
