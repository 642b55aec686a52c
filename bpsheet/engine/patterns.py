"""Columns of one kind: alike but for the places that their formulas refer to.

In a layer the formula of one neuron is that of the next with every reference moved on by the
same number of columns; so is that of one weight's gradient and the next's. They are found by
comparing formulas, not by knowing networks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bpsheet.formula.tree import (
    ONE,
    Call,
    Div,
    Expr,
    Mul,
    Neg,
    Num,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
)
from bpsheet.printers.python import function_name
from bpsheet.program.program import Program

__all__ = ["Block", "Item", "Places", "is_block", "is_ordered", "items", "patterns"]

# Fewer columns, or terms of a sum, than this are no block.
LEAST = 8
# A pattern of columns that repeats itself: a neuron's sum and output, its bias and weights …
LONGEST_PATTERN = 4
INFIX = {Sub: "subtract", Mul: "multiply", Div: "divide"}
POWERS = (2.0, 3.0, 4.0)

Places = tuple[int, ...]


class _Unlike(Exception):  # noqa: N818 - no error: the column is computed by itself
    """A formula that blocks do not know how to compute."""


@dataclass(frozen=True)
class Item:
    """Adjoining columns of one kind: each refers to the places of the one before, moved by `step`.

    kind:   the formula without the places that it refers to
    start:  the first column; refs: the places to which it refers, in order
    """

    kind: Hashable
    start: int
    refs: Places
    step: Places
    count: int


@dataclass(frozen=True)
class Block:
    """Columns of one kind in rows: `times` items, each `over` columns further than the last."""

    item: Item
    times: int
    over: int
    step: Places

    @property
    def size(self) -> int:
        return self.times * self.item.count

    def columns(self) -> np.ndarray:
        """The places of its columns."""
        rows = self.item.start + self.over * np.arange(self.times)
        return np.add.outer(rows, np.arange(self.item.count)).ravel()


# Kinds of formulas


def _kind(node: Expr, program: Program, parameters: dict[str, Any], refs: list[int]) -> Any:
    """A formula without its references, which are appended to `refs`.

    A long sum is kept as runs of terms of one kind: (kind, number of terms, step from one
    term's references to the next's).
    """

    def kind(node: Expr) -> Any:
        match node:
            case Num(value):
                return ("num", repr(value))  # as text: 0.0 is no -0.0
            case Param(name) if isinstance(parameters[name], float):
                return ("num", repr(parameters[name]))
            case Ref(name, lag):
                refs.append(program.position[name])
                return ("ref", lag)
            case Neg(operand):
                inner = kind(operand)
                return ("num", repr(-float(inner[1]))) if inner[0] == "num" else ("neg", inner)
            case Mul(left, right) if ONE in (left, right):
                return kind(right if left == ONE else left)
            case Sub(left, right) | Mul(left, right) | Div(left, right):
                return (INFIX[type(node)], kind(left), kind(right))
            case Pow(base, Num(exponent)) if exponent in POWERS:
                return ("each", f"x**{exponent:.0f}", _array(kind(base)))
            case Call(function, (argument,)):
                return ("each", f"{function_name(function)}(x)", _array(kind(argument)))
            case Sum(terms):
                return ("sum", _runs_of_terms(terms, program, parameters, refs))
        raise _Unlike

    return kind(node)


def _array(kind: Any) -> Any:
    """The kind, where it is not a number that is written into the formula."""
    if kind[0] == "num":
        raise _Unlike
    return kind


def _runs_of_terms(
    terms: Sequence[Expr], program: Program, parameters: dict[str, Any], refs: list[int]
) -> tuple[Any, ...]:
    parts = []
    for term in terms:
        own: list[int] = []
        parts.append((_kind(term, program, parameters, own), tuple(own)))
    runs: list[tuple[Any, int, Places]] = []
    for start, count in _runs(parts):
        kind, first = parts[start]
        if count < LEAST:
            for index in range(start, start + count):
                refs += parts[index][1]
                runs.append((kind, 1, ()))
            continue
        refs += first
        runs.append((kind, count, _moved(first, parts[start + 1][1])))
    return tuple(runs)


def _moved(before: Places, after: Places) -> Places:
    return tuple(b - a for a, b in zip(before, after, strict=True))


def _runs(parts: Sequence[tuple[Hashable, Places]]) -> Iterator[tuple[int, int]]:
    """Where parts of one kind, each moved on as the one before, begin, and how many they are."""
    start, step = 0, None
    for index, ((kind, refs), (next_kind, next_refs)) in enumerate(pairwise(parts), start=1):
        same = kind == next_kind and len(refs) > 0
        moved = _moved(refs, next_refs) if same else None
        if not same or (step is not None and moved != step):
            yield start, index - start
            start, step = index, None
        else:
            step = moved
    if parts:
        yield start, len(parts) - start


def items(program: Program, places: Sequence[int]) -> list[Item]:
    """The columns, in order, those of one kind side by side put together."""
    parameters = {parameter.name: parameter.value for parameter in program.parameters}
    parts: list[tuple[Hashable, Places]] = []
    for place in places:
        refs: list[int] = []
        formula = program.columns[place].formula
        try:
            assert formula is not None
            kind = _kind(formula, program, parameters, refs)
        except _Unlike:
            kind, refs = ("alone", place), []
        # Adjoining in the row, too.
        parts.append((kind, (place, *refs)))
    found = []
    for start, count in _runs(parts):
        kind, (place, *refs) = parts[start]
        moved = _moved(parts[start][1], parts[start + 1][1]) if count > 1 else None
        if moved is not None and moved[0] != 1:
            found += [_single(*parts[index]) for index in range(start, start + count)]
            continue
        step = moved[1:] if moved is not None else (0,) * len(refs)
        found.append(Item(kind, place, tuple(refs), step, count))
    return found


def _single(kind: Hashable, places: Places) -> Item:
    return Item(kind, places[0], places[1:], (0,) * (len(places) - 1), 1)


def patterns(items: list[Item]) -> Iterator[list[Block]]:
    """The items in order; where a pattern of them repeats itself, its items in rows."""
    at = 0
    while at < len(items):
        found = max(
            (_repeated(items, at, length) for length in range(1, LONGEST_PATTERN + 1)),
            key=lambda blocks: sum(block.times for block in blocks) if blocks[0].times > 1 else 0,
        )
        if found[0].times == 1:
            found = found[:1]
        yield found
        at += sum(block.times for block in found)


def _repeated(items: list[Item], at: int, length: int) -> list[Block]:
    """The pattern of the next items, and how often it is repeated, moved on by the same step."""
    pattern, after = items[at : at + length], items[at + length : at + 2 * length]
    alone = [Block(item, 1, 0, (0,) * len(item.refs)) for item in pattern]
    if len(after) < length:
        return alone
    over = after[0].start - pattern[0].start
    steps = []
    for item, other in zip(pattern, after, strict=True):
        if not _is_like(item, other) or other.start - item.start != over:
            return alone
        steps.append(_moved(item.refs, other.refs))
    times = 2
    while True:
        last = items[at + (times - 1) * length : at + times * length]
        more = items[at + times * length : at + (times + 1) * length]
        if len(more) < length or not all(
            _is_like(item, other)
            and other.start - item.start == over
            and _moved(item.refs, other.refs) == step
            for item, other, step in zip(last, more, steps, strict=True)
        ):
            break
        times += 1
    return [Block(item, times, over, step) for item, step in zip(pattern, steps, strict=True)]


def _is_like(item: Item, other: Item) -> bool:
    return (item.kind, item.step, item.count) == (other.kind, other.step, other.count)


def is_block(blocks: list[Block]) -> bool:
    """Whether blocks are large enough, and can be computed one after the other as wholes."""
    return all(block.size >= LEAST for block in blocks) and is_ordered(blocks)


def is_ordered(blocks: list[Block]) -> bool:
    """Whether each block can be computed as a whole, after those before it.

    No column refers to one of its own block, or of a later one.
    """
    places = [block.columns() for block in blocks]
    begins = min(int(columns.min()) for columns in places)
    for number, block in enumerate(blocks):
        refers = _references(block)
        late = np.concatenate(places[number:])
        inside = refers[refers >= begins]
        if inside.size and np.isin(inside, late).any():
            return False
    return True


def _references(block: Block) -> np.ndarray:
    """The places in the same row that the columns of a block refer to."""
    found = []
    for slot, axes in _leaves(block.item.kind, 0):
        if slot is None:
            continue
        base = np.array([block.item.refs[slot]])
        sizes = [(block.times, block.step[slot]), (block.item.count, block.item.step[slot]), *axes]
        for size, step in sizes:
            base = np.add.outer(base, step * np.arange(size)).ravel()
        found.append(base)
    return np.concatenate(found) if found else np.empty(0, dtype=np.intp)


def _leaves(kind: Any, slot: int) -> list[tuple[int | None, list[tuple[int, int]]]]:
    """For each reference its number, None for the row before, and the sums that it runs over."""
    match kind:
        case ("num", _) | ("alone", _):
            return []
        case ("ref", lag):
            return [(None if lag else slot, [])]
        case ("sum", runs):
            found: list[tuple[int | None, list[tuple[int, int]]]] = []
            for inner, count, steps in runs:
                leaves = _leaves(inner, slot)
                used = _slots(inner)
                found += [
                    (s, [(count, steps[s - slot]), *axes] if s is not None and steps else axes)
                    for s, axes in leaves
                ]
                slot += used
            return found
        case (_, *operands):
            found = []
            for operand in operands:
                if isinstance(operand, tuple):
                    found += _leaves(operand, slot)
                    slot += _slots(operand)
            return found
    return []


def _slots(kind: Any) -> int:
    """How many references a kind has."""
    match kind:
        case ("ref", _):
            return 1
        case ("sum", runs):
            return sum(_slots(inner) for inner, _, _ in runs)
        case (_, *operands):
            return sum(_slots(operand) for operand in operands if isinstance(operand, tuple))
    return 0
