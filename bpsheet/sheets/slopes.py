"""The derivatives of the loss, from the tape: one walk from its end to its beginning.

Each cell gets a row of its own, so that other formulas can refer to its derivative. So does a part of
a formula from which many slopes go on, such as the weighted sum inside a sigmoid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bpsheet.errors import LimitError, WorkbookError
from bpsheet.formula.evaluate import ERRORS, CellError, evaluate
from bpsheet.formula.tree import ONE, ZERO, Expr, Num, Ref, Sum, walk
from bpsheet.sheets.tape import Item, times
from bpsheet.sheets.way import Way

__all__ = ["MAX_FORMULA", "SLOPE", "Derivative", "Slopes", "slopes_of", "too_long"]

# The name of a derivative begins so, as no sheet's name can.
SLOPE = "d:"
MAX_FORMULA = 8_192

# A part of a formula with at least so many slopes gets a row of its own.
MANY = 4
MOST_ERRORS = 10


@dataclass
class Derivative:
    """A row of the new sheet: a value, and the derivative of the loss with respect to it.

    name:    the cell, or what the part of a formula is called
    formula: the derivative, over cells and other derivatives (`d:name`)
    slope:   its present value
    level:   how many steps it is from the loss
    number:  for a part of a formula: which part of its cell
    """

    name: str
    item: Item
    formula: Expr
    slope: float
    level: int
    cell: str
    number: int = 0


@dataclass
class Slopes:
    """All derivatives.

    by_name: the rows, the loss first
    values:  the numbers of all cells and derivatives that formulas refer to
    steps:   the parameters that move the loss by steps only
    apart:   the parameters that do not move it at all
    reached: the cells that the loss depends on
    """

    by_name: dict[str, Derivative]
    values: Mapping[str, float]
    steps: tuple[str, ...]
    apart: tuple[str, ...]
    reached: frozenset[str]


class _Backwards:
    def __init__(self, way: Way) -> None:
        self.way = way
        self.values = dict(way.tape.numbers)
        self.rows: dict[str, Derivative] = {}
        # For each item the terms of its derivative, and how far the rows are that they refer to.
        self.terms: dict[int, list[Expr]] = {}
        self.levels: dict[int, int] = {}
        # Items from which a step leads to the loss.
        self.steps: set[int] = set()
        self.reached: set[str] = set()
        self.parts: dict[str, int] = {}
        self.cell = ""
        self.errors: list[tuple[str, str]] = []

    def walk(self) -> None:
        loss = self.way.items[self.way.loss]
        self.terms[id(loss)] = [ONE]
        self.levels[id(loss)] = 0
        for item in reversed(self.way.tape.items):
            key = id(item)
            terms = self.terms.pop(key, None)
            if item.is_cell:
                self.cell = item.name
            if terms is None:
                if key in self.steps:
                    self._step(item)
                continue
            if item.is_cell:
                self.reached.add(item.name)
            self._pass_on(item, terms)

    def _step(self, item: Item) -> None:
        """Note that whatever moves an item moves the loss by steps."""
        if item.is_cell:
            self.reached.add(item.name)
        self.steps.update(id(parent) for parent, _ in item.edges)

    def _pass_on(self, item: Item, terms: list[Expr]) -> None:
        whole = terms[0] if len(terms) == 1 else Sum(tuple(terms))
        level = self.levels[id(item)]
        is_part = len(item.edges) >= MANY and not isinstance(whole, Ref | Num)
        if item.is_cell or is_part:
            whole = self._row(item, whole, level)
            level += 1
        for parent, slope in item.edges:
            key = id(parent)
            if slope is None:
                self.steps.add(key)
                continue
            self.terms.setdefault(key, []).append(times(whole, slope))
            self.levels[key] = max(self.levels.get(key, 0), level)

    def _row(self, item: Item, formula: Expr, level: int) -> Expr:
        name, number = item.name, 0
        if not item.is_cell:
            number = self.parts[self.cell] = self.parts.get(self.cell, 0) + 1
            name = f"{self.cell}, part {number}"
        _refuse_long(name, formula)
        slope = 0.0
        try:
            slope = evaluate(formula, lambda ref: self.values[ref.name], self.way.tape.known, {})
        except CellError as error:
            self.errors.append((self.cell, ERRORS[error.code]))
        self.values[SLOPE + name] = slope
        self.rows[name] = Derivative(name, item, formula, slope, level, self.cell, number)
        return ONE if formula is ONE else Ref(SLOPE + name)


def _refuse_long(name: str, formula: Expr) -> None:
    """Refuse a derivative that no cell holds before anything is made of it.

    A reference is as long as its name, and all else a character at least. Only a sum is cut in
    parts.
    """
    for term in formula.terms if isinstance(formula, Sum) else (formula,):
        length = 0
        for node in walk(term):
            length += len(node.name) if isinstance(node, Ref) else 1
            if length > MAX_FORMULA:
                raise too_long(name, f"more than {MAX_FORMULA:,}")


def too_long(name: str, characters: str) -> LimitError:
    """The error for a derivative that is too long for a cell."""
    return LimitError(
        f"{name}: its derivative would be a formula of {characters} characters; a cell holds "
        f"{MAX_FORMULA:,}. It is used in too many places, or in a formula of too many factors: "
        "split that among several cells"
    )


def slopes_of(way: Way) -> Slopes:
    """The derivatives of the loss with respect to every cell on the way.

    Raises WorkbookError, which names the cells, where a derivative has no value.
    """
    back = _Backwards(way)
    back.walk()
    loss = way.loss.name
    if back.errors:
        raise WorkbookError(
            "\n".join(
                f"{name}: the derivative of {loss} with respect to it is {kind} at these numbers"
                for name, kind in dict.fromkeys(back.errors[:MOST_ERRORS])
            )
        )
    steps: list[str] = []
    apart: list[str] = []
    for place in way.parameters:
        item = way.items[place]
        if place.name not in back.rows:
            (steps if id(item) in back.steps else apart).append(place.name)
            back.rows[place.name] = Derivative(place.name, item, ZERO, 0.0, 0, place.name)
            back.values[SLOPE + place.name] = 0.0
    return Slopes(back.rows, back.values, tuple(steps), tuple(apart), frozenset(back.reached))
