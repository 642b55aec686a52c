"""The tape: every value on the way from the parameters to the loss, with its slopes.

An item is a value inside a formula. It knows the items from which it was computed, and its slope
with respect to each: a formula over cells, so that the derivatives stay live. Whatever the loss is
made of comes earlier on the tape, so that one walk backwards gives all derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bpsheet.errors import FormulaError
from bpsheet.formula.tree import ONE, ZERO, Div, Expr, If, Mul, Neg, Num, Param, Ref, total
from bpsheet.printers.excel import ExcelPrinter
from bpsheet.sheets.areas import Area, Place
from bpsheet.sheets.nodes import Fault
from bpsheet.sheets.values import Known, Unknown, number_in

__all__ = ["Item", "SheetPrinter", "Tape", "number", "times"]

# The slope of an item with respect to one before it. None is a step: the slope is 0 beside jumps.
Edge = tuple["Item", Expr | None]
MINUS = Num(-1.0)
MOST_ITEMS = 1_000_000
# A formula that is put together from those of two items when it is needed.
Joined = tuple[Callable[[Expr, Expr], Expr], "Item", "Item"]


class Item:
    """A value inside a formula.

    value: a number, a text, a truth, an error, nothing, or unknown
    edges: the items that move it, with slopes; empty for a constant
    name:  the cell whose value it is, or the name of its row on the new sheet
    """

    __slots__ = ("_expr", "edges", "is_cell", "moves", "name", "value")

    def __init__(
        self,
        value: Known | Unknown,
        expr: Expr | Callable[[], Expr] | Joined | None = None,
        edges: Sequence[Edge] = (),
        name: str = "",
    ) -> None:
        self.value = value
        self._expr: Any = expr
        self.edges = edges
        self.moves = bool(edges)
        self.name = name
        self.is_cell = False

    @property
    def expr(self) -> Expr:
        """The formula of this value, over cells."""
        found: Any = self._expr
        if isinstance(found, tuple):
            join, left, right = found
            found = join(left.expr, right.expr)
        elif found is None:
            found = _written(self.value)
        elif callable(found):
            found = found()
        self._expr = found
        expr: Any = found
        return expr  # type: ignore[no-any-return]

    @property
    def fault(self) -> Fault | Unknown | None:
        return self.value if isinstance(self.value, Fault | Unknown) else None


def _written(value: Known | Unknown) -> Expr:
    if isinstance(value, bool):
        return Num(float(value))
    return Num(value) if isinstance(value, float) else ZERO


def number(item: Item) -> float | Fault | Unknown:
    """An item's value as arithmetic takes it: an empty cell is 0, a truth 0 or 1."""
    value = item.value
    if type(value) is float or isinstance(value, Fault | Unknown):
        return value
    if value is None:
        return 0.0
    if isinstance(value, str):
        found = number_in(value)
        if found is not None:
            return found
        why = f"it holds {value[:40]!r}, which is no number"
        return Fault.at("#VALUE!", item.name, why if item.name else "")
    return float(value)


def times(adjoint: Expr, slope: Expr) -> Expr:
    """A product of derivatives. What stands behind a test stays behind it."""
    if slope is ONE or slope == ZERO:
        return adjoint if slope is ONE else ZERO
    if adjoint is ONE:
        return slope
    if isinstance(slope, If):
        return If(slope.test, times(adjoint, slope.then), times(adjoint, slope.otherwise))
    if isinstance(adjoint, If):
        return If(adjoint.test, times(adjoint.then, slope), times(adjoint.otherwise, slope))
    if adjoint == ZERO:
        return ZERO
    if slope is MINUS:
        return adjoint.operand if isinstance(adjoint, Neg) else Neg(adjoint)
    if isinstance(slope, Div) and slope.left is ONE:
        return Div(adjoint, slope.right)
    if isinstance(slope, Neg):
        return Neg(times(adjoint, slope.operand))
    if isinstance(adjoint, Neg):
        return Neg(times(adjoint.operand, slope))
    return Mul(adjoint, slope)


class SheetPrinter(ExcelPrinter):
    """References are cells of the user's sheets, and are never joined into ranges.

    `address` gives the text of a reference.
    """

    def __init__(self, address: Callable[[Ref], str]) -> None:
        super().__init__(address, parameter=str, data=str, guard=True)  # type: ignore[arg-type]

    def _adjoins(self, last: Expr, term: Expr) -> bool:  # noqa: ARG002
        return False


class Tape:
    """All items that move, in the order in which they were computed."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        # The values of texts that stand in slopes: `AVERAGE('Sheet1'!$A$1:$A$9)`.
        self.known: dict[str, float | str] = {}
        # The cells of references in slopes, by their names, and their numbers.
        self.places: dict[str, Place] = {}
        self.numbers: dict[str, float] = {}
        # What is said of a cell, such as a jump: each once.
        self.remarks: dict[tuple[str, str], None] = {}
        # The cell whose formula is being read.
        self.here = ""
        self.printer = SheetPrinter(lambda ref: self.places[ref.name].address)

    def made(
        self,
        value: Known | Unknown,
        expr: Expr | Callable[[], Expr] | Joined | None,
        edges: Sequence[Edge],
    ) -> Item:
        """A new item. Without edges it is a constant."""
        item = Item(value, expr, edges)
        if edges:
            if len(self.items) > MOST_ITEMS:
                raise FormulaError(
                    f"the formulas on the way do more than {MOST_ITEMS:,} operations"
                )
            self.items.append(item)
        return item

    def cell(self, place: Place, value: Known | Unknown, source: Item | None = None) -> Item:
        """The item of a cell: of what moves, from the item of its formula."""
        name = place.name
        self.places[name] = place
        item = Item(value, Ref(name), ((source, ONE),) if source is not None else (), name)
        item.is_cell = True
        if source is not None:
            self.items.append(item)
        found = number(item)
        self.numbers[name] = found if isinstance(found, float) else 0.0
        return item

    def line(self, items: Sequence[Item]) -> Area | None:
        """The range of items that are cells one beside another, or one below another."""
        places = [self.places.get(item.name) for item in items]
        first, last = places[0], places[-1]
        if first is None or last is None:
            return None
        area = Area(first.sheet, first.row, first.column, last.row, last.column)
        is_line = area.size == len(items) and 1 in (area.rows, area.columns)
        return area if is_line and list(area.places()) == places else None

    def text(self, item: Item) -> str:
        """An item as a part of a formula on another sheet."""
        return self.printer.text(item.expr)

    def written(self, text: str, value: float | str) -> Param:
        """A part of a formula that only a spreadsheet computes, with its present value."""
        self.known[text] = value
        return Param(text)

    def steps(self, *items: Item) -> tuple[Edge, ...]:
        """The edges of a value that changes by steps only."""
        return tuple((item, None) for item in items if item.moves)

    def failed(self, items: Sequence[Item], fault: Fault | Unknown | None = None) -> Item:
        """An error that comes from one of some items, or is new."""
        if fault is None:
            faults = [number(item) for item in items]
            reasons = [r for f in faults if isinstance(f, Unknown) for r in f.reasons]
            if reasons:
                fault = Unknown(tuple(dict.fromkeys(reasons))[:20])
            else:
                fault = next(f for f in faults if isinstance(f, Fault))
        if isinstance(fault, Fault) and not fault.where:
            fault = Fault.at(fault, self.here, fault.why)
        return self.made(fault, None, self.steps(*items))

    def remark(self, text: str) -> None:
        """Say something of the present cell."""
        self.remarks[self.here, text] = None

    def total(self, items: Sequence[Item]) -> Expr:
        """The sum of items as a formula."""
        return total([item.expr for item in items])
