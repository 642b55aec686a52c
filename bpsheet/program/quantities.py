"""Programs of arrays, and the columns that they become.

A *quantity* is a number, a vector or a matrix with one formula, such as `z1 = b1 + W1 @ x`. The
sheet has a column for each of its entries. Quantities that belong together, such as the weighted
sums and the outputs of a layer, are a *band*: their entries stand neuron by neuron.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np

from bpsheet.errors import ProgramError
from bpsheet.formula.arrays import Array, Shape, mapped, named, shape_of, written_out
from bpsheet.formula.tree import ZERO, Expr, Operation, Ref, nodes_of
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase

__all__ = ["Band", "Make", "Quantity", "Scope", "alone", "columns_of"]

Index = tuple[int, ...]
# Makes the column of an entry from its place in the array, its formula and its derivatives.
Make = Callable[[Index, Expr, Mapping[str, Expr] | None], Column]


@dataclass(frozen=True, eq=False)
class Quantity:
    """A named array.

    name:     what formulas of arrays call it, such as `W1`
    formula:  its value, as a formula of quantities; None where its values are given
    columns:  its entries, in an array of its shape; None for an entry without a column
    partials: its derivatives by quantity, where a textbook writes them in a form of its own: entry
              by entry, or a matrix with a row for each of its entries
    step:     which step of a sequence it belongs to, such as 2 for h[2]; None outside of sequences
    """

    name: str
    formula: Expr | None
    columns: Array
    partials: Mapping[str, Expr] | None = None
    step: int | None = None

    @property
    def shape(self) -> Shape:
        """() for a number, (n,) for a vector, (n, m) for a matrix of n rows and m columns."""
        shape: Shape = self.columns.shape
        return shape

    def each(self, value: Callable[[Column], Any]) -> Array:
        """A value of each column, in an array of its shape; None where there is no column."""
        return mapped(lambda column: None if column is None else value(column), self.columns)

    @cached_property
    def first(self) -> Column:
        """Its first column, which is like the others in all but its place."""
        found = next((column for column in self.columns.ravel() if column is not None), None)
        if found is None:
            raise ProgramError(f"{self.name} has no column")
        return found  # type: ignore[no-any-return]

    @property
    def adjoint(self) -> str:
        """The name of the quantity for the derivative of the loss with respect to it."""
        return f"d{self.name}" if self.shape else str(self.first.adjoint_name)

    @property
    def slope(self) -> str:
        """The name of the quantity for its derivative with respect to the one that it uses."""
        return f"{self.name}'" if self.shape else str(self.first.slope_name)

    @property
    def phase(self) -> Phase:
        """When in an iteration it is computed."""
        return self.first.phase


@dataclass(frozen=True, eq=False)
class Band:
    """Quantities whose entries stand together, row by row: `backwards` from the last row on."""

    quantities: tuple[Quantity, ...]
    backwards: bool = False

    def columns(self) -> Iterator[Column]:
        """Its columns, in the order of the sheet."""
        parts = [
            q.columns.reshape(len(q.columns), -1) if q.shape else q.columns.reshape(1, 1)
            for q in self.quantities
        ]
        rows = range(max((len(part) for part in parts), default=0))
        for row in reversed(rows) if self.backwards else rows:
            for part in parts:
                # A number beside arrays, such as a bias that a layer shares, stands in the first.
                if row < len(part):
                    yield from (column for column in part[row] if column is not None)


def columns_of(bands: Iterable[Band]) -> list[Column]:
    """The columns of some bands, in the order of the sheet."""
    return [column for band in bands for column in band.columns()]


def alone(columns: Iterable[Column]) -> list[Band]:
    """Columns that are numbers, each a quantity and a band of its own."""
    bands = []
    for column in columns:
        whole = np.empty((), object)
        whole[()] = column
        bands.append(Band((Quantity(column.name, column.formula, whole, column.partials),)))
    return bands


class Scope:
    """The arrays that formulas may refer to: the references to their cells, and their shapes."""

    def __init__(self) -> None:
        self.cells: dict[str, Array] = {}
        self.shapes: dict[str, Shape] = {}
        # Whether a weight that is never updated leaves a gap in an array.
        self.has_gaps = False

    def has_arrays(self, formula: Expr | None) -> TypeGuard[Expr]:
        """Whether a formula refers to an array, or makes one of numbers."""
        return formula is not None and any(
            isinstance(node, Operation) or (isinstance(node, Ref) and node.name in self.cells)
            for node in nodes_of(formula)
        )

    def announce(self, name: str, entries: Any) -> None:
        """Let formulas refer to an array whose columns have these names; None for no column."""
        entries = np.asarray(entries, object)
        if entries.shape:
            self.put_array(name, named(entries))
            self.has_gaps = self.has_gaps or any(entry is None for entry in entries.ravel())

    def given(self, name: str, columns: Array) -> Quantity:
        """An array whose columns exist already: what an example gives."""
        self.announce(name, mapped(lambda column: column.name, columns))
        return Quantity(name, None, columns)

    def put(self, name: str, values: Sequence[Expr]) -> None:
        """Let formulas refer to a vector of formulas, such as the numbers of a test example."""
        whole = np.empty(len(values), object)
        whole[:] = values
        self.put_array(name, whole)

    def put_array(self, name: str, values: Array) -> None:
        """Let formulas refer to an array of formulas."""
        self.cells[name] = values
        self.shapes[name] = values.shape

    def quantity(
        self,
        name: str,
        entries: Any,
        formula: Expr,
        make: Make,
        partials: Mapping[str, Expr] | None = None,
    ) -> Quantity:
        """A quantity with its columns: the formula is written out for each entry.

        Raises ProgramError where the formula's shape does not fit the entries.
        """
        entries = np.asarray(entries, object)
        shape = entries.shape
        self.announce(name, entries)
        found = shape_of(formula, self.shapes)
        if found not in (shape, ()):
            raise ProgramError(f"{name} has the shape {shape}, and its formula {found}")
        formulas: Array = np.broadcast_to(self._written(formula), shape)
        slopes = None if partials is None else self._slopes(partials, shape)
        columns = np.empty(shape, object)
        for index in np.ndindex(*shape):
            if entries[index] is not None:
                own = None if slopes is None else slopes[index]
                columns[index] = make(index, formulas[index] or ZERO, own)
        return Quantity(name, formula, columns, partials)

    def _written(self, formula: Expr) -> Array:
        return written_out(formula, self.cells, has_gaps=self.has_gaps)

    def _slopes(self, partials: Mapping[str, Expr], shape: Shape) -> Array:
        """The derivatives of each entry, by the names of the columns that it uses."""
        slopes = np.empty(shape, object)
        for index in np.ndindex(*shape):
            slopes[index] = {}
        for name, partial in partials.items():
            sources = self.cells[name]
            written = self._written(partial)
            if not shape or written.ndim > len(shape):
                # A row for each entry, with a column for each entry of the other quantity.
                rows = np.broadcast_to(written, (*shape, *sources.shape))
                for index in np.ndindex(*shape):
                    pairs = zip(sources.ravel(), rows[index].ravel(), strict=True)
                    slopes[index] |= {source.name: slope for source, slope in pairs}
            else:
                each = np.broadcast_to(written, shape)
                for index in np.ndindex(*shape):
                    slopes[index][sources[index].name] = each[index]
        return slopes
