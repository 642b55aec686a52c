"""Tests that repeat an example of the data.

Such a test follows the data where they stand on a sheet: whoever makes OR of XOR there is not told
that the right outputs are wrong. Its columns are made twice, with the example's numbers, and with
look-ups of that example in the data. Any other test has numbers of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bpsheet.formula.arrays import mapped
from bpsheet.formula.tree import Expr, Lookup, Num, rewrite
from bpsheet.program.column import Column
from bpsheet.program.quantities import Band, Quantity, Scope

__all__ = ["Repeated", "example_like", "kept_apart", "repeated_in"]


@dataclass(frozen=True)
class Repeated:
    """An example of the data that a test repeats: its number, from 1, and its values by look-ups."""

    number: int
    values: Mapping[Lookup, float]

    @property
    def entries(self) -> list[Expr]:
        """The look-ups, inputs before targets."""
        return list(self.values)

    def in_numbers(self, formula: Expr) -> Expr:
        """A formula with the example's numbers in the place of look-ups."""

        def number(node: Expr) -> Expr:
            if isinstance(node, Lookup) and node in self.values:
                return Num(self.values[node])
            return node

        return rewrite(formula, number)


def repeated_in(data: Mapping[str, Sequence[float]], example: Sequence[float]) -> Repeated | None:
    """The first example of the data with these inputs and targets; None where there is none.

    >>> repeated_in({"x": [0.0, 1.0], "y": [1.0, 0.0]}, [1.0, 0.0]).number
    2
    """
    names = list(data)[: len(example)]
    number = example_like(example, zip(*(data[name] for name in names), strict=True))
    if number is None:
        return None
    lookups = (Lookup(name, Num(float(number))) for name in names)
    return Repeated(number, dict(zip(lookups, example, strict=True)))


def example_like(example: Sequence[float], rows: Iterable[Sequence[float]]) -> int | None:
    """The number, from 1, of the first row that begins with the numbers of an example."""
    wanted = list(example)
    for number, row in enumerate(rows, start=1):
        if list(row[: len(wanted)]) == wanted:
            return number
    return None


def kept_apart(bands: Sequence[Band], repeated: Repeated, scope: Scope, inputs: str) -> list[Band]:
    """The bands of a test with its numbers; each column keeps the one with look-ups (`from_data`).

    `inputs` names the array of the test's inputs.
    """

    def apart(column: Column | None) -> Column | None:
        if column is None or column.formula is None:
            return column
        formula = repeated.in_numbers(column.formula)
        if formula == column.formula:
            return column
        return replace(column, formula=formula, from_data=column)

    def of(quantity: Quantity) -> Quantity:
        formula = quantity.formula
        if formula is not None:
            formula = repeated.in_numbers(formula)
        return replace(quantity, formula=formula, columns=mapped(apart, quantity.columns))

    scope.put_array(inputs, mapped(repeated.in_numbers, scope.cells[inputs]))
    return [replace(band, quantities=tuple(map(of, band.quantities))) for band in bands]
