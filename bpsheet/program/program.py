"""The program: an ordered list of named columns, each with a formula.

Everything else in the package either makes a program (networks, training rules) or
reads one (the engine, the workbook, the printers). A row of the program is one
iteration; a formula refers to columns further left in the same row, to columns of the
row before (lag 1), and to hyper-parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from bpsheet.errors import ProgramError
from bpsheet.formula.arrays import mapped
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.quantities import Quantity

__all__ = ["Parameter", "Program", "unlike"]


# What `Lookup` reads: a number, or a row of numbers, for each example.
Table = Sequence[Any]


@dataclass(frozen=True)
class Parameter:
    """A hyper-parameter: one cell of the sheet, where a reader may change it.

    `value` is a number or one of `choices`. A number lies in the range `between`, and is a whole
    one if `whole` is set. `label` is the text beside the cell. One that `follows` from the data is
    not typed: it is a statistic (a name of `bpsheet.formula.statistics`) of a table.
    """

    name: str
    value: float | str
    label: str
    meaning: str = ""
    choices: tuple[str, ...] = ()
    between: tuple[float, float] = (-1e300, 1e300)
    whole: bool = False
    follows: tuple[str, str] | None = None

    def allows(self, value: object) -> bool:
        """Whether the cell may hold a value.

        >>> Parameter("n", 1.0, "n", between=(1, 9), whole=True).allows(9.5)
        False
        """
        if self.choices or isinstance(value, bool) or not isinstance(value, int | float):
            return value in self.choices
        lowest, highest = self.between
        return lowest <= value <= highest and (not self.whole or value == int(value))

    @property
    def expected(self) -> str:
        """What the cell may hold, in words."""
        if self.choices:
            return " or ".join(self.choices)
        lowest, highest = self.between
        return f"{'whole number' if self.whole else 'number'} between {lowest:g} and {highest:g}"


@dataclass(frozen=True)
class Program:
    """Columns, hyper-parameters, the data that `Lookup` reads, and the given values.

    tables: a value, or a row of values, for each example
    given:  a value for each row of a column without a formula
    failed: for given columns with errors, an index into `bpsheet.formula.evaluate.ERRORS` per row
    quantities: the columns as numbers, vectors and matrices, in the order in which they are computed
    arrays: the references to the cells of each array in the formulas of quantities

    Raises ProgramError where the columns do not fit together.

    >>> from bpsheet.formula.tree import Ref
    >>> Program((Column("a", Phase.FORWARD, Role.OUTPUT, Ref("b")),))
    Traceback (most recent call last):
    ...
    bpsheet.errors.ProgramError: a refers to b, which is not computed before it
    """

    columns: tuple[Column, ...]
    parameters: tuple[Parameter, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    given: Mapping[str, Sequence[float]] = field(default_factory=dict)
    failed: Mapping[str, Sequence[int]] = field(default_factory=dict)
    quantities: tuple[Quantity, ...] = field(default=(), compare=False)
    arrays: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if self.is_of_quantities:
            # Their formulas were checked as formulas of arrays.
            return
        known: set[str] = set()
        every = {column.name for column in self.columns}
        cells = {parameter.name for parameter in self.parameters}
        for column in self.columns:
            if column.name in known:
                raise ProgramError(f"two columns are named {column.name}")
            if column.formula is None:
                if column.name not in self.given:
                    raise ProgramError(f"{column.name} has neither a formula nor given values")
                known.add(column.name)
                continue
            for ref in column.references:
                if ref.lag == 0 and ref.name not in known:
                    raise ProgramError(
                        f"{column.name} refers to {ref.name}, which is not computed before it"
                    )
                if ref.lag not in (0, 1) or ref.name not in every:
                    raise ProgramError(f"{column.name} refers to {ref}, which does not exist")
            for name in column.parameters:
                if name not in cells:
                    raise ProgramError(f"{column.name} refers to an unknown parameter {name}")
            for table in column.tables:
                if table not in self.tables:
                    raise ProgramError(f"{column.name} looks up an unknown table {table}")
            known.add(column.name)

    @cached_property
    def is_of_quantities(self) -> bool:
        """Whether the quantities are all of its columns: none was exchanged, added or left out."""
        own = {id(column) for column in self.columns}
        cells = [c for quantity in self.quantities for c in quantity.columns.ravel()]
        found = [cell for cell in cells if cell is not None]
        return len(found) == len(own) and all(id(cell) in own for cell in found)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, name: str) -> Column:
        return self.columns[self.position[name]]

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Each column's index, from 0."""
        return {column.name: index for index, column in enumerate(self.columns)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def lagged(self) -> tuple[str, ...]:
        """The columns whose value in the row before is used."""
        names = {ref.name: None for column in self.columns for ref in column.references if ref.lag}
        return tuple(names)

    @cached_property
    def leaves(self) -> tuple[Column, ...]:
        """The columns that get a derivative of the loss: the weights, and inputs if asked for."""
        inputs = [column for column in self.phase(Phase.INPUT) if column.adjoint_name]
        return (*inputs, *self.phase(Phase.WEIGHT))

    @cached_property
    def loss(self) -> Column | None:
        """The column of the loss; None where a rule has no loss."""
        return next((column for column in self.columns if column.role is Role.LOSS), None)

    @property
    def slope_sign(self) -> float:
        """−1 where the backward pass has minus the derivatives of the loss, else 1."""
        return -1.0 if self.loss is not None and self.loss.turned else 1.0

    @cached_property
    def last_layer(self) -> int:
        """The number of the layer whose outputs are the network's; 0 without layers."""
        return max((column.layer or 0 for column in self.columns), default=0)

    @property
    def example_count(self) -> int:
        """How many examples the tables hold; 0 without tables."""
        return len(next(iter(self.tables.values()), ()))

    def adjustment_of(self, weight: str) -> str | None:
        """The column of a weight's adjustment; None where the weight is never updated."""
        references = self[weight].references
        return next((ref.name for ref in references if ref.name != weight), None)

    def derivative_of(self, name: str) -> str | None:
        """The column for the derivative of the loss with respect to this one, if there is one."""
        derivative = self[name].adjoint_name
        return derivative if derivative in self.position else None

    def filled(self, quantity: Quantity) -> Quantity:
        """A given array with all its entries, also those that are quantities by themselves."""
        cells = self.arrays.get(quantity.name)
        if quantity.formula is not None or cells is None:
            return quantity
        return replace(quantity, columns=mapped(lambda ref: self[ref.name], cells))

    def phase(self, *phases: Phase) -> tuple[Column, ...]:
        """The columns of these phases, in order."""
        return tuple(column for column in self.columns if column.phase in phases)


def unlike(name: str, taken: Iterable[str]) -> str:
    """A name for a column of a study, with primes added until no column of the run has it.

    >>> unlike("pass", {"pass", "pass'"})
    "pass''"
    """
    known = set(taken)
    while name in known:
        name += "'"
    return name
