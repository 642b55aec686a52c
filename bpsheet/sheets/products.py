"""Functions that pair the cells of arrays: SUMPRODUCT, MMULT, and their kin.

Inside them arithmetic goes cell by cell, in any cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bpsheet.errors import FormulaError
from bpsheet.formula.tree import ONE, Expr, Mul, Num, Sub, Sum, total
from bpsheet.sheets.evaluate import Evaluator, Function
from bpsheet.sheets.nodes import Fault, Tree
from bpsheet.sheets.results import Cells, Grid, Here, Result
from bpsheet.sheets.tape import Edge, Item, Tape, times
from bpsheet.sheets.values import Unknown

__all__ = ["PRODUCTS"]

# The most products of cells of one product of matrices.
MAX_FACTORS = 500_000
# A product of lines of at least so many cells is written over ranges.
LONG = 4


def _grids(
    reader: Evaluator, arguments: tuple[Tree, ...], here: Here
) -> tuple[list[Grid], str | None]:
    """The arguments as arrays, and their text if they are ranges."""
    results = [reader.result(argument, here._replace(is_array=True)) for argument in arguments]
    text: str | None = None
    if all(isinstance(result, Cells) for result in results):
        text = ",".join(
            reader.within(area).address
            for result in results
            for area in result.areas  # type: ignore[union-attr]
        )
    return [reader.grid(result) for result in results], text


def _shapes(grids: list[Grid]) -> set[tuple[int, int]]:
    return {(len(grid), len(grid[0])) for grid in grids}


def _faults(items: list[Item]) -> list[Item]:
    return [item for item in items if isinstance(item.value, Fault | Unknown)]


def _sum_product(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    """The sum of products; what is no number counts as 0."""
    grids, text = _grids(reader, arguments, here)
    if len(_shapes(grids)) > 1:
        why = "SUMPRODUCT needs ranges of the same shape"
        return Item(Fault.at("#VALUE!", reader.tape.here, why))
    lines = [[item for row in grid for item in row] for grid in grids]
    flat = [item for line in lines for item in line]
    if faults := _faults(flat):
        return reader.tape.failed(faults)
    products = [
        items
        for items in zip(*lines, strict=True)
        if all(isinstance(item.value, float) for item in items)
    ]
    values = [float(math.prod(item.value for item in items)) for items in products]
    edges: list[Edge] = []
    for items in products:
        edges += [(item, _others(items, i)) for i, item in enumerate(items) if item.moves]
    edges += reader.tape.steps(*(i for i in flat if i.moves and not isinstance(i.value, float)))
    written = _Written("SUMPRODUCT", text, [_product(items) for items in products])
    return _total(reader, values, written, edges)


def _others(items: tuple[Item, ...], index: int) -> Expr:
    slope: Expr = ONE
    for other, item in enumerate(items):
        if other != index:
            slope = times(slope, item.expr)
    return slope


def _product(items: tuple[Item, ...]) -> Expr:
    whole = items[0].expr
    for item in items[1:]:
        whole = Mul(whole, item.expr)
    return whole


class _Written(NamedTuple):
    """A function as a formula: of ranges, if `text` has them, or as a sum of terms."""

    name: str
    text: str | None
    terms: list[Expr]

    def expr(self, tape: Tape, value: float) -> Expr:
        if self.text is not None:
            return tape.written(f"{self.name}({self.text})", value)
        return total(self.terms)


def _total(
    reader: Evaluator, values: Sequence[float], written: _Written, edges: list[Edge]
) -> Item:
    tape = reader.tape
    found = _fsum(values)
    if not math.isfinite(found):
        return tape.failed([item for item, _ in edges], Fault("#NUM!"))
    return tape.made(found, lambda: written.expr(tape, found), tuple(edges))


def _fsum(values: Sequence[float]) -> float:
    return math.fsum(values) if all(map(math.isfinite, values)) else math.inf


def _squares(name: str) -> Function:
    """SUMXMY2 and its kin: pairs in which one is no number are left out."""

    def make(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
        (left, right), text = _grids(reader, arguments, here)
        first = [item for row in left for item in row]
        second = [item for row in right for item in row]
        if len(first) != len(second):
            return Item(Fault.at("#N/A", reader.tape.here, f"{name} needs ranges of the same size"))
        if faults := _faults([*first, *second]):
            return reader.tape.failed(faults)
        edges: list[Edge] = []
        values, terms = [], []
        for a, b in zip(first, second, strict=True):
            x, y = a.value, b.value
            if not (isinstance(x, float) and isinstance(y, float)):
                continue
            values.append(_pair(name, x, y))
            terms.append(_pair_expr(name, a.expr, b.expr))
            for item, slope in zip((a, b), _pair_slopes(name, a, b), strict=True):
                if item.moves:
                    edges.append((item, slope))
        if not values:
            return Item(Fault.at("#N/A", reader.tape.here, f"{name} of no pairs of numbers"))
        return _total(reader, values, _Written(name, text, terms), edges)

    return Function(2, 2, make)


def _pair(name: str, x: float, y: float) -> float:
    if name == "SUMXMY2":
        return (x - y) * (x - y)
    return x * x + (y * y if name == "SUMX2PY2" else -y * y)


def _pair_expr(name: str, x: Expr, y: Expr) -> Expr:
    if name == "SUMXMY2":
        return Mul(Sub(x, y), Sub(x, y))
    return Sum((Mul(x, x), Mul(y, y))) if name == "SUMX2PY2" else Sub(Mul(x, x), Mul(y, y))


def _pair_slopes(name: str, a: Item, b: Item) -> tuple[Expr, Expr]:
    if name == "SUMXMY2":
        return (
            Mul(Num(2.0), Sub(a.expr, b.expr)),
            Mul(Num(2.0), Sub(b.expr, a.expr)),
        )
    return Mul(Num(2.0), a.expr), Mul(Num(2.0 if name == "SUMX2PY2" else -2.0), b.expr)


def _matrix_product(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    (left, right), _ = _grids(reader, arguments, here)
    if len(left[0]) != len(right):
        why = "MMULT needs as many columns on the left as rows on the right"
        return Item(Fault.at("#VALUE!", reader.tape.here, why))
    if len(left) * len(right) * len(right[0]) > MAX_FACTORS:
        raise FormulaError(f"MMULT of matrices with more than {MAX_FACTORS:,} products of cells")
    flat = [item for grid in (left, right) for row in grid for item in row]
    if faults := _faults(flat):
        return reader.tape.failed(faults)
    if any(not isinstance(item.value, float | bool) for item in flat):
        odd = next(item for item in flat if not isinstance(item.value, float | bool))
        why = "MMULT takes numbers only; it is empty or holds something else"
        return Item(Fault.at("#VALUE!", odd.name or reader.tape.here, why))
    columns = list(zip(*right, strict=True))
    return [[_inner(reader, row, column) for column in columns] for row in left]


def _inner(reader: Evaluator, row: list[Item], column: tuple[Item, ...]) -> Item:
    edges: list[Edge] = []
    for a, b in zip(row, column, strict=True):
        if a.moves:
            edges.append((a, b.expr))
        if b.moves:
            edges.append((b, a.expr))
    values = [float(a.value * b.value) for a, b in zip(row, column, strict=True)]  # type: ignore[operator]
    found = _fsum(values)
    if not math.isfinite(found):
        return reader.tape.failed([item for item, _ in edges], Fault("#NUM!"))

    def written() -> Expr:
        text = _of_lines(reader.tape, row, column)
        if text is not None:
            return reader.tape.written(text, found)
        return total([Mul(a.expr, b.expr) for a, b in zip(row, column, strict=True)])

    return reader.tape.made(found, written, tuple(edges))


def _of_lines(tape: Tape, row: Sequence[Item], column: Sequence[Item]) -> str | None:
    """The sum of products of two lines of cells, as a formula of ranges; None for other values."""
    if len(row) < LONG or not all(isinstance(i.value, float) for i in (*row, *column)):
        return None
    left, right = tape.line(row), tape.line(column)
    if left is None or right is None:
        return None
    if (left.rows == 1) == (right.rows == 1):
        return f"SUMPRODUCT({left.address},{right.address})"
    first, second = (left, right) if left.rows == 1 else (right, left)
    return f"SUM(MMULT({first.address},{second.address}))"


def _transpose(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    grid = reader.grid(reader.result(arguments[0], here._replace(is_array=True)))
    return [list(row) for row in zip(*grid, strict=True)]


PRODUCTS: Mapping[str, Function] = {
    "MMULT": Function(2, 2, _matrix_product),
    "SUMPRODUCT": Function(1, 255, _sum_product),
    "SUMX2MY2": _squares("SUMX2MY2"),
    "SUMX2PY2": _squares("SUMX2PY2"),
    "SUMXMY2": _squares("SUMXMY2"),
    "TRANSPOSE": Function(1, 1, _transpose),
}
