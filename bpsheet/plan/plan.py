"""Plans: checked experiments, which can be changed and written back.

>>> from bpsheet.tables.data import Data
>>> from bpsheet.tables.network import Layer, Network
>>> from bpsheet.tables.training import Training
>>> plan = Plan(
...     title="One weight",
...     network=Network(
...         inputs=["x"], targets=["y"], loss="half_squared_error",
...         layers=[Layer(neurons=["o"], activation="linear", weights=[[0.5]], bias=False)],
...     ),
...     data=Data(examples=[[2.0, 3.0]]),
...     training=Training(learning_rate=0.1, iterations=2),
... )
>>> [column.name for column in plan.columns][-2:]
['dloss_dw_o_1', 'delta_w_o_1']
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import PrivateAttr, ValidationError

from bpsheet.columns.assembly import bands_of, program_of
from bpsheet.columns.model import Model, model_of
from bpsheet.columns.preparation import Preparation, preparation_of
from bpsheet.columns.updates import setting_names
from bpsheet.elsewhere import same_name
from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.checks.problems import problems_of
from bpsheet.plan.drawn import with_drawn
from bpsheet.plan.forward import forward_only
from bpsheet.plan.further import further_problems
from bpsheet.plan.toml import put_setting, toml_text
from bpsheet.program.column import Column
from bpsheet.program.program import Program
from bpsheet.program.quantities import Band, Scope, columns_of
from bpsheet.tables.plain import AnyWhole, Changes, plain
from bpsheet.tables.problems import translate
from bpsheet.tables.resolving import resolve_data
from bpsheet.tables.table import Spec
from bpsheet.tables.tables import Tables
from bpsheet.textbook.activations import ACTIVATIONS
from bpsheet.textbook.losses import LOSSES
from bpsheet.textbook.rules import RULES
from bpsheet.words import nearest, shown

__all__ = ["Plan"]


# What is made of the tables, once, and takes most of the time.
QUANTITIES = ("model", "preparation", "_bands", "columns")


class Plan(Tables):
    """A network (or formulas), its data and its training: everything that a run needs.

    Raises ExperimentError, with every problem, where the parts do not fit together.
    """

    # The file's text, if the text alone says what the experiment is.
    _text: str | None = PrivateAttr(None)

    def __init__(self, *, _like: Plan | None = None, **values: Any) -> None:
        tables: dict[str, Any] = {key: _plain(value) for key, value in values.items()}
        problems = resolve_data(tables, Path())
        if problems:
            raise ExperimentError(problems)
        super().__init__(**tables)
        if _like is not None:
            # It differs in the number of iterations alone, which no quantity depends on.
            made = _like.__dict__
            self.__dict__.update({name: made[name] for name in QUANTITIES if name in made})
        problems = problems_of(self, lambda: self.columns)
        if problems:
            raise ExperimentError(problems)
        self._show_drawn()

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def from_dict(
        cls, tables: Mapping[str, Any], *, base: Path | None = None, source: str = "this experiment"
    ) -> Self:
        """An experiment from plain tables; `base` is the folder of its data file.

        Raises ExperimentError with every problem. Wrong single values are set aside, so that
        the other values can still be checked against each other.

        >>> import bpsheet as bp
        >>> bp.Experiment.from_dict(bp.load("two-neuron").to_dict()).network.inputs
        ['x1', 'x2']
        """
        copied = deepcopy(dict(tables))
        problems = resolve_data(copied, base or Path())
        try:
            experiment = cls.model_validate(copied)
        except ValidationError as error:
            problems += translate(error, cls)
            problems += further_problems(copied, error, problems)
            raise ExperimentError(problems, source) from None
        problems += problems_of(experiment, lambda: experiment.columns)
        if problems:
            raise ExperimentError(problems, source)
        experiment._show_drawn()  # noqa: SLF001 - of the same class
        return experiment

    def _show_drawn(self) -> None:
        """Let the layers show the weights that are drawn. As defaults do, they count as not given."""
        if self.network is not None:
            self.__dict__["network"] = with_drawn(self.network, self.model)

    @cached_property
    def model(self) -> Model:
        """What is trained: the network, or the formulas."""
        return model_of(self)

    @cached_property
    def preparation(self) -> Preparation:
        """How the raw inputs are prepared."""
        return preparation_of(self)

    @property
    def uphill(self) -> bool:
        """Whether the loss is to be maximised."""
        return self.training.rule == "gradient_ascent" or self.model.uphill

    @cached_property
    def _bands(self) -> tuple[list[Band], Scope]:
        """The quantities of the program, and the arrays among them."""
        return bands_of(
            self.model,
            self.training,
            self.test,
            self.notation,
            validation=self.validation,
            preparation=self.preparation,
            meanings=self.data.meanings,
            examples=self.example_count,
            cyclic=self.data.order == "cyclic",
            data=self._columns_of_data(),
        )

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the program."""
        return tuple(columns_of(self._bands[0]))

    def need_examples(self, source: str = "") -> None:
        """Raise ExperimentError for a plan whose examples are still to be given."""
        if self.has_data and not self.data.examples:
            said = "at least one example expected: a row for each, inputs before targets"
            raise ExperimentError([Problem("data.examples", said)], source or self._name)

    def program(self, iterations: int | None = None) -> Program:
        """The program of a run. Raises ExperimentError without examples."""
        self.need_examples()
        return program_of(
            *self._bands,
            self.training,
            self._columns_of_data(),
            self.model.settings,
            preparation=self.preparation,
            examples=self.example_count,
            order=self.data.order,
            seed=self.data.seed,
            iterations=iterations or self.iterations,
            masks=self.model.masks,
        )

    def _columns_of_data(self) -> dict[str, tuple[float, ...]]:
        """The numbers of each column of the data, example by example."""
        columns = zip(*self.ordered_examples(), strict=True)
        # Without examples no column is there.
        return dict(zip(self.data_names, columns, strict=bool(self.data.examples)))

    def of_length(self, iterations: AnyWhole | None) -> Self:
        """The plan with another number of iterations; None leaves it unchanged."""
        number = plain(iterations)
        is_same = type(number) is int and number == self.iterations
        return self if number is None or is_same else self.changed({"iterations": number})

    def forward(self) -> Self:
        """The same network, or formulas, with forward passes alone: each example once.

        The plan has the rule none. Its program has inputs, weights, weighted sums and outputs, and
        neither targets and loss nor anything that a training adds. What prepares the inputs keeps
        its constants, so that further examples are scaled as those of the training.

        >>> import bpsheet as bp
        >>> [*bp.load("two-neuron").forward().run().forward]
        ['z_g', 'g', 'z_f', 'f']
        """
        tables = self.to_dict()
        if self.prepare and self.data.examples:
            tables["prepare"] = self.preparation.fixed(self._columns_of_data())
        plan = type(self).from_dict(forward_only(tables))
        plan._name = self._name  # noqa: SLF001
        return plan

    def changed(self, changes: Changes) -> Self:
        """A copy with some of its numbers changed.

        A key is the name of a weight (for its first value), of a hyper-parameter
        (`learning_rate`, `batch_size`, `reduction`, or one of the rule and its schedule, such as
        `momentum` and `schedule_factor`), `iterations`, or a cell of the data: `x1[2]` is x1 of
        example 2.
        Raises ExperimentError for unknown names and for values that do not fit.
        """
        if not hasattr(changes, "items"):
            said = f'numbers by their names expected, such as {{"learning_rate": 0.2}}; got {shown(changes)}'
            raise ExperimentError([Problem("changes", said)], self._name)
        problems: list[Problem] = []
        tables: dict[str, Any] = {
            key: getattr(self, key).model_dump(exclude_unset=True) for key in ("data", "training")
        }
        if self.prepare:
            tables["prepare"] = [step.model_dump(exclude_unset=True) for step in self.prepare]
        constants = self.preparation.settings
        cells = setting_names(self.training, (*self.model.settings, *constants))
        settings: dict[str, float | str] = {}
        weights: dict[str, float] = {}
        for name, given in changes.items():
            key, value = str(name), plain(given)
            cell = re.fullmatch(r"(.+)\[([0-9]{1,9})\]", key)
            words = {"reduction": ("sum", "mean"), "batch_size": ("all",)}.get(key, ())
            is_data = cell is not None and self._is_data(cell[1], int(cell[2]))
            if not (is_data or key in (*cells, "iterations", *self.model.weights)):
                problems.append(Problem(key, self._unknown(key)))
            elif isinstance(value, str) and value not in words:
                expected = " or ".join(["a number", *words] if key != "reduction" else words)
                known = same_name(value, words)
                hint = "" if known is None else f'; here it is "{known}"'
                problems.append(Problem(key, f"{expected} expected; got {shown(value)}{hint}"))
            elif key in cells:
                settings[key] = value
            elif key == "iterations":
                tables["training"].pop("epochs", None)
                tables["training"][key] = value
            elif key in self.model.weights:
                weights[key] = value
            else:
                assert cell is not None
                names = self.data.columns or list(self.data_names)
                tables["data"]["examples"][int(cell[2]) - 1][names.index(cell[1])] = value
        if problems:
            raise ExperimentError(problems, self._name)
        tables["graph" if self.graph is not None else "network"] = self.model.with_weights(weights)
        for key, value in settings.items():
            if key in constants:
                self.preparation.put(tables, key, value)
            else:
                put_setting(tables, key, value)
        copied = {name: getattr(self, name) for name in self.model_fields_set if name not in tables}
        like = self if {str(name) for name, _ in changes.items()} == {"iterations"} else None
        try:
            changed = type(self)(_like=like, **(copied | tables))
        except ExperimentError as error:
            raise ExperimentError(error.problems, "with these changes") from None
        changed._name = self._name  # noqa: SLF001
        return changed

    def _is_data(self, name: str, number: int) -> bool:
        return name in self.data_names and 1 <= number <= self.example_count

    def _unknown(self, key: str) -> str:
        data = [
            f"{name}[{number + 1}]"
            for name in self.data_names
            for number in range(min(self.example_count, 3))
        ]
        own = (*self.model.settings, *self.preparation.settings)
        settings = setting_names(self.training, own)
        known = [*settings, "iterations", *self.model.weights, *data]
        for what, names in (("activation", ACTIVATIONS), ("loss", LOSSES), ("rule", RULES)):
            if (name := same_name(key, names)) is not None:
                return f'no such number; the {what} "{name}" is set in the experiment file'
        if key in ("activation", "loss", "rule", "schedule"):
            return f"no such number; the {key} is set in the experiment file"
        return f"no such number; {nearest(key, known, is_key=True)}"

    def to_toml(self) -> str:
        """The text of an experiment file for this experiment, with its data."""
        return toml_text(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The experiment as plain tables, without the keys that have their defaults."""
        return self.model_dump(exclude_unset=True, exclude_none=True)

    @property
    def text(self) -> str:
        """The experiment file's text, with the file's comments if nothing has been changed."""
        return self._text if self._text is not None else self.to_toml()


def _plain(value: Any) -> Any:
    """A table, or a list of tables, as plain dictionaries."""
    if isinstance(value, Spec):
        return value.model_dump(exclude_unset=True)
    return [_plain(item) for item in value] if isinstance(value, list) else value
