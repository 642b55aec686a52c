"""Wide networks: columns of the same kind computed together, as NumPy computes them.

In a layer the formula of one neuron is that of the next with every reference moved on by the
same number of columns; so is that of one weight's gradient and the next's. Such columns are
found by comparing formulas, not by knowing networks, and become a few operations on views of
the row. A column that has no such neighbours stays a line of Python.

The numbers are those of one formula after the other, to the last bit: sums are taken from left
to right, and what NumPy might round otherwise (powers, exp, tanh …) is left to Python.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bpsheet.expr import (
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
from bpsheet.printers.python import FUNCTION_NAMES, PythonPrinter
from bpsheet.program import Program
from bpsheet.recording import Values

__all__ = ["MOST_SINGLE", "Blocks"]

# Fewer columns are as fast one by one.
MOST_SINGLE = 1000
# Fewer columns, or terms, than this are no block.
LEAST = 8
# A pattern of columns that repeats itself: a neuron's sum and output, its bias and weights …
LONGEST_PATTERN = 4
INFIX = {Sub: "subtract", Mul: "multiply", Div: "divide"}
POWERS = (2.0, 3.0, 4.0)

Places = tuple[int, ...]


class _Unlike(Exception):  # noqa: N818 - no error: the column is computed by itself
    """A formula that blocks do not know how to compute."""


@dataclass(frozen=True)
class _Item:
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
class _Block:
    """Columns of one kind in rows: `times` items, each `over` columns further than the last."""

    item: _Item
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
            case Call(function, (argument,)) if function in FUNCTION_NAMES:
                return ("each", f"{FUNCTION_NAMES[function]}(x)", _array(kind(argument)))
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


# Blocks


def _items(program: Program, places: Sequence[int]) -> list[_Item]:
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
    items = []
    for start, count in _runs(parts):
        kind, (place, *refs) = parts[start]
        moved = _moved(parts[start][1], parts[start + 1][1]) if count > 1 else None
        if moved is not None and moved[0] != 1:
            items += [_single(*parts[index]) for index in range(start, start + count)]
            continue
        step = moved[1:] if moved is not None else (0,) * len(refs)
        items.append(_Item(kind, place, tuple(refs), step, count))
    return items


def _single(kind: Hashable, places: Places) -> _Item:
    return _Item(kind, places[0], places[1:], (0,) * (len(places) - 1), 1)


def _patterns(items: list[_Item]) -> Iterator[list[_Block]]:
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


def _repeated(items: list[_Item], at: int, length: int) -> list[_Block]:
    """The pattern of the next items, and how often it is repeated, moved on by the same step."""
    pattern, after = items[at : at + length], items[at + length : at + 2 * length]
    alone = [_Block(item, 1, 0, (0,) * len(item.refs)) for item in pattern]
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
    return [_Block(item, times, over, step) for item, step in zip(pattern, steps, strict=True)]


def _is_like(item: _Item, other: _Item) -> bool:
    return (item.kind, item.step, item.count) == (other.kind, other.step, other.count)


# The code


class Blocks:
    """Computes rows, block by block.

    operations: how many lines of code a row takes
    `printer` prints formulas as Python where a variable is what it is told; `names` is what
    that Python may use.
    """

    def __init__(
        self, program: Program, ahead: Sequence[int], printer: Printers, names: Mapping[str, Any]
    ) -> None:
        self._program = program
        self._ahead = np.array(ahead, dtype=np.intp)
        self.now, self.last = np.zeros(len(program)), np.full(len(program), np.nan)
        self._names: dict[str, Any] = dict(names) | {
            "m": memoryview(self.now.data),
            "l": memoryview(self.last.data),
            "total": _total,
            "copyto": np.copyto,
            **{name: getattr(np, name) for name in ("add", "subtract", "multiply", "divide")},
            "negative": np.negative,
        }
        self.operations = 0
        self._printer = printer(
            lambda ref: f"{'l' if ref.lag else 'm'}[{program.position[ref.name]}]"
        )
        known = set(ahead)
        states = [i for i, c in enumerate(program) if c.is_state and i not in known]
        others = [i for i, c in enumerate(program) if not c.is_state and i not in known]
        self._starts = [(place, program.columns[place].start) for place in states]
        self._advance = self._function(states)
        self._rest = self._function(others)

    def compute(self, rows: Values, before: Values | None) -> int:
        """Fill in rows, in which what is computed ahead is there; says how many it could."""
        now, last, ahead = self.now, self.last, self._ahead
        if before is not None:
            last[:] = before
        done = 0
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                for row in rows:
                    now[ahead] = row[ahead]
                    if before is None and not done:
                        last[:] = np.nan
                        for place, start in self._starts:
                            now[place] = start
                    else:
                        self._advance()
                    self._rest()
                    row[:] = now
                    last[:] = now
                    done += 1
        except (ArithmeticError, ValueError):
            pass
        return done

    def _function(self, places: Sequence[int]) -> Callable[[], None]:
        lines: list[str] = []
        for blocks in _patterns(_items(self._program, places)):
            if _is_ordered(blocks) and all(block.size >= LEAST for block in blocks):
                for block in blocks:
                    _Writer(self, block, lines).write()
            else:
                lines += self._singly(blocks)
        self.operations += len(lines)
        source = "\n".join(["def compute():", *(f" {line}" for line in lines), " return None"])
        exec(compile(source, "<blocks>", "exec"), self._names)  # noqa: S102
        return self._names["compute"]  # type: ignore[no-any-return]

    def _singly(self, blocks: list[_Block]) -> Iterator[str]:
        """Columns one by one, in order; long runs of them as blocks of their own."""
        for turn in range(blocks[0].times):
            for block in blocks:
                item = block.item
                refs = tuple(r + turn * s for r, s in zip(item.refs, block.step, strict=True))
                own = _Item(item.kind, item.start + turn * block.over, refs, item.step, item.count)
                alone = _Block(own, 1, 0, (0,) * len(refs))
                if item.count >= LEAST and _is_ordered([alone]):
                    lines: list[str] = []
                    _Writer(self, alone, lines).write()
                    yield from lines
                    continue
                for place in range(own.start, own.start + own.count):
                    formula = self._program.columns[place].formula
                    assert formula is not None
                    yield f"m[{place}] = {self._printer.text(formula)}"

    def name(self, value: Any) -> str:
        """A name for an array in the code."""
        name = f"a{len(self._names)}"
        self._names[name] = value
        return name


Printers = Callable[[Callable[[Ref], str]], PythonPrinter]


def _is_ordered(blocks: list[_Block]) -> bool:
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


def _references(block: _Block) -> np.ndarray:
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


def _total(terms: Values, out: Values) -> None:
    """The sum over the first axis, from its first element to its last.

    NumPy adds in another order only along the axis that lies together in memory.
    """
    np.add.reduce(terms, axis=0, out=out, initial=None)


class _Writer:
    """The lines of code that compute a block."""

    def __init__(self, blocks: Blocks, block: _Block, lines: list[str]) -> None:
        self.blocks = blocks
        self.block = block
        self.lines = lines
        self.slot = 0

    def write(self) -> None:
        block, item = self.block, self.block.item
        axes = [(block.times, block.step, block.over), (item.count, item.step, 1)]
        axes = [axis for axis in axes if axis[0] > 1]
        self.axes = [(size, steps) for size, steps, _ in axes]
        out = self._view(self.blocks.now, item.start, [over for _, _, over in axes])
        self._value(item.kind, self.blocks.name(out))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(size for size, _ in self.axes)

    def _view(self, row: Values, place: int, steps: Iterable[int]) -> Values:
        """The places of a row that lie `steps` apart, along each axis."""
        strides = tuple(8 * step for step in steps)
        return np.lib.stride_tricks.as_strided(row[place:], self.shape, strides)

    def _value(self, kind: Any, out: str | None = None) -> str:
        """The name of what a kind comes to; with `out`, it is put there."""
        match kind:
            case ("num", value):
                found = str(value)
            case ("ref", lag):
                row = self.blocks.last if lag else self.blocks.now
                place = self.block.item.refs[self.slot]
                view = self._view(row, place, [steps[self.slot] for _, steps in self.axes])
                self.slot += 1
                found = self.blocks.name(view)
            case ("neg", operand):
                return self._call("negative", out, self._value(operand))
            case ("each", of_x, operand):
                inner = self._value(operand)
                out = out or self._made()
                self.lines.append(f"{out}.flat = [{of_x} for x in {inner}.ravel().tolist()]")
                return out
            case ("sum", runs):
                return self._sum(runs, out)
            case (operation, left, right):
                first = self._value(left)
                return self._call(operation, out, first, self._value(right))
        if out is None:
            return found
        self.lines.append(f"copyto({out}, {found})")
        return out

    def _made(self) -> str:
        return self.blocks.name(np.empty(self.shape))

    def _call(self, operation: str, out: str | None, *operands: str) -> str:
        out = out or self._made()
        self.lines.append(f"{operation}({', '.join(operands)}, {out})")
        return out

    def _sum(self, runs: tuple[Any, ...], out: str | None) -> str:
        """Terms added from left to right: short ones one by one, runs of them along an axis."""
        total: str | None = None
        for number, (kind, count, steps) in enumerate(runs):
            last = out if number == len(runs) - 1 else None
            if count == 1:
                term = self._value(kind)
                total = term if total is None else self._call("add", last, total, term)
                continue
            before = 0 if total is None else 1
            terms = np.empty((count + before, *self.shape))
            if total is not None:
                self.lines.append(f"copyto({self.blocks.name(terms[0])}, {total})")
            self._along(kind, count, steps, np.moveaxis(terms[before:], 0, -1))
            total = last or self._made()
            self.lines.append(f"total({self.blocks.name(terms)}, {total})")
        assert total is not None
        if out is not None and total != out:
            self.lines.append(f"copyto({out}, {total})")
            return out
        return total

    def _along(self, kind: Any, count: int, steps: Places, out: Values) -> None:
        """The terms of a run, along an axis of their own."""
        first = self.slot
        spread = (0,) * first + steps + (0,) * (len(self.block.item.refs) - first - len(steps))
        self.axes.append((count, spread))
        self._value(kind, self.blocks.name(out))
        self.axes.pop()
