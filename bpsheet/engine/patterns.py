"""Columns of one kind: their formulas differ only in the columns that they refer to.

In a layer, one neuron's formula becomes the next one's when each of its references moves by a
fixed number of columns. The same holds for the gradients of weights. This module compares
formulas; it knows nothing of networks.
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

# A block has at least so many columns, a run at least so many terms of a sum.
LEAST = 8
# The most columns in a repeated pattern: a neuron's sum and output, its bias and weights …
LONGEST_PATTERN = 4
INFIX = {Sub: "subtract", Mul: "multiply", Div: "divide"}
POWERS = (2.0, 3.0, 4.0)

Places = tuple[int, ...]


class _Unlike(Exception):  # noqa: N818 - no error: the column is computed by itself
    """A formula that blocks cannot compute."""


@dataclass(frozen=True)
class Item:
    """Adjoining columns of one kind. The references of each are those of the one before plus `step`.

    kind:  the formula without its references
    start: the index of the first column
    refs:  the indices of the columns to which the first column refers, in order
    """

    kind: Hashable
    start: int
    refs: Places
    step: Places
    count: int


@dataclass(frozen=True)
class Block:
    """A repeated item: `times` items, each `over` columns after the one before.

    `step` is the distance between the references of two successive items.
    """

    item: Item
    times: int
    over: int
    step: Places

    @property
    def size(self) -> int:
        return self.times * self.item.count

    def columns(self) -> np.ndarray:
        """The indices of its columns."""
        rows = self.item.start + self.over * np.arange(self.times)
        return np.add.outer(rows, np.arange(self.item.count)).ravel()


# Kinds of formulas


def _kind(node: Expr, program: Program, parameters: dict[str, Any], refs: list[int]) -> Any:
    """A formula without its references; these are appended to `refs`.

    A sum becomes runs of terms of one kind: (kind, number of terms, step from one term's
    references to the next term's).
    """

    def kind(node: Expr) -> Any:
        match node:
            case Num(value):
                return ("num", repr(value))  # as text, which tells 0.0 from -0.0
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
    """The kind itself. A plain number raises _Unlike, because it is not an array."""
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
        runs.append((kind, count, _steps(first, parts[start + 1][1])))
    return tuple(runs)


def _steps(before: Places, after: Places) -> Places:
    return tuple(b - a for a, b in zip(before, after, strict=True))


def _runs(parts: Sequence[tuple[Hashable, Places]]) -> Iterator[tuple[int, int]]:
    """The runs of parts of one kind with the same step: (first part, number of parts)."""
    start, step = 0, None
    for index, ((kind, refs), (next_kind, next_refs)) in enumerate(pairwise(parts), start=1):
        same = kind == next_kind and len(refs) > 0
        next_step = _steps(refs, next_refs) if same else None
        if not same or (step is not None and next_step != step):
            yield start, index - start
            start, step = index, None
        else:
            step = next_step
    if parts:
        yield start, len(parts) - start


def items(program: Program, columns: Sequence[int]) -> list[Item]:
    """The columns (by their indices) in order, with adjoining ones of one kind in one item."""
    parameters = {parameter.name: parameter.value for parameter in program.parameters}
    parts: list[tuple[Hashable, Places]] = []
    for index in columns:
        refs: list[int] = []
        formula = program.columns[index].formula
        try:
            assert formula is not None
            kind = _kind(formula, program, parameters, refs)
        except _Unlike:
            kind, refs = ("alone", index), []
        # The column's own index comes first, so that the columns of an item adjoin in the row.
        parts.append((kind, (index, *refs)))
    result = []
    for start, count in _runs(parts):
        kind, (index, *refs) = parts[start]
        steps = _steps(parts[start][1], parts[start + 1][1]) if count > 1 else None
        if steps is not None and steps[0] != 1:
            result += [_single(*parts[number]) for number in range(start, start + count)]
            continue
        step = steps[1:] if steps is not None else (0,) * len(refs)
        result.append(Item(kind, index, tuple(refs), step, count))
    return result


def _single(kind: Hashable, indices: Places) -> Item:
    return Item(kind, indices[0], indices[1:], (0,) * (len(indices) - 1), 1)


def patterns(items: list[Item]) -> Iterator[list[Block]]:
    """The items in order, as blocks. A repeated pattern of items is one list of blocks."""
    at = 0
    while at < len(items):
        pattern = max(
            (_repeated(items, at, length) for length in range(1, LONGEST_PATTERN + 1)),
            key=lambda blocks: sum(block.times for block in blocks) if blocks[0].times > 1 else 0,
        )
        if pattern[0].times == 1:
            pattern = pattern[:1]
        yield pattern
        at += sum(block.times for block in pattern)


def _repeated(items: list[Item], at: int, length: int) -> list[Block]:
    """The next `length` items as a pattern, repeated as often as each repetition has one step."""
    pattern, after = items[at : at + length], items[at + length : at + 2 * length]
    alone = [Block(item, 1, 0, (0,) * len(item.refs)) for item in pattern]
    if len(after) < length:
        return alone
    over = after[0].start - pattern[0].start
    steps = []
    for item, other in zip(pattern, after, strict=True):
        if not _is_like(item, other) or other.start - item.start != over:
            return alone
        steps.append(_steps(item.refs, other.refs))
    times = 2
    while True:
        last = items[at + (times - 1) * length : at + times * length]
        more = items[at + times * length : at + (times + 1) * length]
        if len(more) < length or not all(
            _is_like(item, other)
            and other.start - item.start == over
            and _steps(item.refs, other.refs) == step
            for item, other, step in zip(last, more, steps, strict=True)
        ):
            break
        times += 1
    return [Block(item, times, over, step) for item, step in zip(pattern, steps, strict=True)]


def _is_like(item: Item, other: Item) -> bool:
    return (item.kind, item.step, item.count) == (other.kind, other.step, other.count)


def is_block(blocks: list[Block]) -> bool:
    """Whether blocks are large enough, and can be computed whole, one after the other."""
    return all(block.size >= LEAST for block in blocks) and is_ordered(blocks)


def is_ordered(blocks: list[Block]) -> bool:
    """Whether each block can be computed whole, after the blocks before it.

    It can if no column refers to a column of its own or of a later block.
    """
    columns = [block.columns() for block in blocks]
    first = min(int(indices.min()) for indices in columns)
    for number, block in enumerate(blocks):
        references = _references(block)
        late = np.concatenate(columns[number:])
        inside = references[references >= first]
        if inside.size and np.isin(inside, late).any():
            return False
    return True


def _references(block: Block) -> np.ndarray:
    """The indices of the columns in the same row that a block's columns refer to."""
    indices = []
    for slot, axes in _leaves(block.item.kind, 0):
        if slot is None:
            continue
        base = np.array([block.item.refs[slot]])
        sizes = [(block.times, block.step[slot]), (block.item.count, block.item.step[slot]), *axes]
        for size, step in sizes:
            base = np.add.outer(base, step * np.arange(size)).ravel()
        indices.append(base)
    return np.concatenate(indices) if indices else np.empty(0, dtype=np.intp)


def _leaves(kind: Any, slot: int) -> list[tuple[int | None, list[tuple[int, int]]]]:
    """For each reference its slot (None for the row before) and the sums that it runs over.

    A sum is a pair: number of terms and step.
    """
    match kind:
        case ("num", _) | ("alone", _):
            return []
        case ("ref", lag):
            return [(None if lag else slot, [])]
        case ("sum", runs):
            result: list[tuple[int | None, list[tuple[int, int]]]] = []
            for inner, count, steps in runs:
                leaves = _leaves(inner, slot)
                used = _slots(inner)
                result += [
                    (s, [(count, steps[s - slot]), *axes] if s is not None and steps else axes)
                    for s, axes in leaves
                ]
                slot += used
            return result
        case (_, *operands):
            result = []
            for operand in operands:
                if isinstance(operand, tuple):
                    result += _leaves(operand, slot)
                    slot += _slots(operand)
            return result
    return []


def _slots(kind: Any) -> int:
    """The number of references in a kind."""
    match kind:
        case ("ref", _):
            return 1
        case ("sum", runs):
            return sum(_slots(inner) for inner, _, _ in runs)
        case (_, *operands):
            return sum(_slots(operand) for operand in operands if isinstance(operand, tuple))
    return 0
