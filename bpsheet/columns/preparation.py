"""Prepared inputs: raw inputs that a formula changes before the first layer takes them.

A network, its layers of whatever kind, or the formulas of a graph take *prepared* inputs by their
names. The data have the *raw* ones. Between them stand the steps of `[[prepare]]`, each with
its formula (`bpsheet.textbook.preparations`): every prepared input is a column of the forward pass,
`length_s = (length - mean_length)/sd_length`, and every constant a cell of the sheet. A constant
that is not given follows from the examples: the cell holds a formula over the sheet Data.

What trains does not know of any of this: it finds the names of its inputs in the program as ever. So
a reader of somebody's model writes the model as it stands after its scalers, and adds a step for
each of them: `Prepare(kind="scaled", of=["a", "b"], names=["a_s", "b_s"], offset=[…], factor=[…])`
beside a network with the inputs `a_s` and `b_s`, and data with the columns `a` and `b`. A step may
take what one before it gives. An array of `shapes` is prepared entry by entry: its `names` are
`x_1_1`, `x_1_2`, ….

>>> from bpsheet.tables.data import Prepare
>>> step = Prepare(kind="standard", of=["length"], mean=[2.0], sd=[0.5])
>>> preparation = Preparation.of([step], ["length_s", "age"])
>>> preparation.raw, preparation.settings
(['length', 'age'], {'mean_length': 2.0, 'sd_length': 0.5})
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bpsheet.formula.arrays import Array, named
from bpsheet.formula.filling import fill
from bpsheet.formula.parse import is_name
from bpsheet.formula.statistics import STATISTICS
from bpsheet.formula.tree import Expr, Num, Param, Ref, replace_refs
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Parameter, Table
from bpsheet.program.quantities import Band, Quantity, Scope, alone
from bpsheet.tables.data import Prepare
from bpsheet.tables.prepared import raw_inputs
from bpsheet.textbook.preparations import PREPARATIONS

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["Preparation", "preparation_of"]

# The array of raw inputs that stands in for an array of prepared ones.
RAW = "raw {}"


@dataclass(frozen=True)
class _Cell:
    """A constant's cell: its name, its key in the step, its given number, or what it follows from."""

    name: str
    step: int
    key: str
    place: int
    value: float | None
    source: str


@dataclass(frozen=True)
class Preparation:
    """The prepared inputs of an experiment.

    steps: the steps of `[[prepare]]`
    raw:   the names of the raw inputs: the columns of the data before the targets
    """

    steps: Sequence[Prepare]
    raw: Sequence[str]
    cells: Mapping[tuple[int, str, int], _Cell]

    @classmethod
    def of(cls, steps: Sequence[Prepare], taken: Sequence[str]) -> Preparation:
        """The preparation of the inputs that a network or a graph takes."""
        pairs = [(step.of, step.prepared) for step in steps]
        cells: dict[tuple[int, str, int], _Cell] = {}
        names: set[str] = set()
        for number, step in enumerate(steps):
            for place, source in enumerate(step.of):
                for key in PREPARATIONS[step.kind].constants:
                    values = getattr(step, key)
                    name = _cell_name(key, source, step.prepared[place], names)
                    names.add(name)
                    value = None if values is None else values[place]
                    cells[number, key, place] = _Cell(name, number, key, place, value, source)
        return cls(steps, raw_inputs(pairs, taken), cells)

    @property
    def settings(self) -> dict[str, float]:
        """The given constants, by the names of their cells. They may be changed."""
        return {c.name: c.value for c in self.cells.values() if c.value is not None}

    def put(self, tables: dict[str, Any], cell: str, value: Any) -> None:
        """Write a constant into the experiment's tables."""
        for own in self.cells.values():
            if own.name == cell:
                tables["prepare"][own.step][own.key][own.place] = value

    def fixed(self, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
        """The steps as plain tables, with the constants that follow from these examples as numbers."""
        steps = [step.model_dump(exclude_unset=True) for step in self.steps]
        values = {parameter.name: parameter.value for parameter in self.parameters(tables)}
        for number, step in enumerate(steps):
            for key in PREPARATIONS[step["kind"]].constants:
                places = range(len(step["of"]))
                step[key] = [values[self.cells[number, key, place].name] for place in places]
        return steps

    def parameters(self, tables: Mapping[str, Table]) -> tuple[Parameter, ...]:
        """The constants' cells. Those that are not given follow from the examples in `tables`."""
        return tuple(_parameter(cell, tables) for cell in self.cells.values())

    def given(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The arrays that an example gives: raw inputs in place of the prepared arrays."""
        if not self.steps:
            return dict(inputs)
        prepared = self._prepared()
        plain = {
            name: names
            for name, names in inputs.items()
            if not any(str(entry) in prepared for entry in names.ravel())
        }
        known = {str(entry) for names in plain.values() for entry in names.ravel()}
        rest = [name for name in self.raw if name not in known]
        # Raw inputs are numbers: what was an array comes together again once they are prepared.
        return plain | {RAW.format(name): _scalar(name) for name in rest}

    def bands(self, inputs: Mapping[str, Array], scope: Scope) -> list[Band]:
        """The prepared inputs, step by step, then together as the arrays that the model takes."""
        columns = [column for number in range(len(self.steps)) for column in self._columns(number)]
        return self._together(columns, inputs, scope)

    def example_bands(
        self,
        test: str,
        inputs: Mapping[str, Array],
        values: Sequence[Expr],
        scope: Scope,
        phase: Phase,
    ) -> list[Band]:
        """The inputs of a further example, such as one of a test: its raw inputs, prepared.

        Its arrays, and their columns, have the name of the `test` in parentheses.
        """
        numbers: dict[Ref, Expr] = {
            Ref(name): value for name, value in zip(self.raw, values, strict=False)
        }
        columns = []
        for number in range(len(self.steps)):
            for column in self._columns(number):
                assert column.formula is not None
                own = replace(
                    column,
                    name=f"{column.name} ({test})",
                    phase=phase,
                    role=Role.TEST_SUM,
                    formula=replace_refs(column.formula, numbers),
                    meaning=f"value of {column.name} with the inputs of {test}",
                )
                numbers[Ref(column.name)] = Ref(own.name)
                columns.append(own)
        for name, names in inputs.items():
            scope.put(f"{name} ({test})", [numbers[Ref(entry)] for entry in names.ravel()])
        return alone(columns)

    def _together(
        self, columns: Sequence[Column], inputs: Mapping[str, Array], scope: Scope
    ) -> list[Band]:
        """Prepared inputs as the arrays that the model takes; first those that only prepare others.

        An input of an array that is taken as it is stands among the raw ones: a gap in the array.
        """
        by_name = {column.name: column for column in columns}
        arrays = []
        for name, names in inputs.items():
            entries = [by_name.pop(entry, None) for entry in names.ravel()] if names.shape else []
            if any(entry is not None for entry in entries):
                whole = np.empty(len(entries), object)
                whole[:] = entries
                scope.put_array(name, named(names))
                arrays.append(Band((Quantity(name, None, whole.reshape(names.shape)),)))
        return [*alone(by_name.values()), *arrays]

    def _prepared(self) -> Collection[str]:
        return {name for step in self.steps for name in step.prepared}

    def _columns(self, number: int) -> list[Column]:
        """The columns of a step."""
        step = self.steps[number]
        kind = PREPARATIONS[step.kind]
        columns = []
        for index, name in enumerate(step.prepared):
            place = 0 if kind.by_category else index
            source = step.of[place]
            operands: dict[str, Expr] = {
                key: Param(self.cells[number, key, place].name) for key in kind.constants
            }
            operands["x"] = Ref(source)
            meaning = f"prepared input: {source} {kind.meaning}"
            if kind.by_category:
                category = (step.categories or [])[index]
                operands["category"] = Num(category)
                word = f" ({step.words[int(category) - 1]})" if step.words else ""
                meaning = f"prepared input: 1 where {source} is {category:g}{word}, else 0"
            columns.append(
                Column(
                    name=name,
                    phase=Phase.FORWARD,
                    role=Role.PREPARED,
                    formula=fill(kind.formula, **operands),
                    meaning=meaning,
                )
            )
        return columns


def preparation_of(tables: Tables) -> Preparation:
    """The prepared inputs of an experiment; without steps its raw inputs are those that are taken."""
    return Preparation.of(tables.prepare, tables.taken_inputs)


def _scalar(name: str) -> Array:
    whole = np.empty((), object)
    whole[()] = name
    return whole


def _cell_name(key: str, source: str, prepared: str, taken: Collection[str]) -> str:
    """The name of a constant's cell: after its input, or after what comes out where that is taken."""
    candidates = [f"{key}_{name}" for name in (source, prepared) if is_name(name)]
    candidates += [f"{key}_{number}" for number in range(1, len(taken) + 2)]
    return next(name for name in candidates if name not in taken)


def _parameter(cell: _Cell, tables: Mapping[str, Table]) -> Parameter:
    label = cell.name.replace("_", " ", 1)
    if cell.value is not None:
        return Parameter(
            cell.name, cell.value, label, f"{cell.key} of {cell.source}, before the run"
        )
    statistic = FOLLOWING[cell.key]
    row = STATISTICS[statistic]
    meaning = f"{row.meaning.format(cell.source)}, over the examples"
    value = float(row.value(tables[cell.source]))
    return Parameter(cell.name, value, label, meaning, follows=(statistic, cell.source))


FOLLOWING = {
    key: statistic
    for row in PREPARATIONS.values()
    for key, statistic in row.constants.items()
    if statistic is not None
}
