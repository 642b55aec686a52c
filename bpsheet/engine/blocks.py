"""Wide networks: NumPy computes the columns of one kind together.

A block of columns (`bpsheet.engine.patterns`) becomes a few operations on views of the row. A
column outside of blocks stays a line of Python. The numbers are the same to the last bit as
formula by formula: sums are added from left to right, and Python computes what NumPy might round
differently (powers, exp, tanh …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bpsheet.engine.patterns import Block, Item, Places, is_block, items, patterns
from bpsheet.engine.recording import Values
from bpsheet.formula.tree import Ref
from bpsheet.printers.python import PythonPrinter
from bpsheet.program.program import Program

__all__ = ["MOST_SINGLE", "Blocks"]

# Up to so many columns, lines of Python are as fast as blocks.
MOST_SINGLE = 1000


class Blocks:
    """Computes rows, block by block.

    `ahead` has the columns whose values are in the row already. `printer` makes a printer of
    Python from a function that names variables, and `names` holds what this Python may use.

    operations: the number of lines of code for a row
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
        self._starts = [(index, program.columns[index].start) for index in states]
        self._advance = self._function(states)
        self._rest = self._function(others)

    def compute(self, rows: Values, before: Values | None) -> int:
        """Fill in rows, where the columns computed ahead have their values. Returns how many
        rows could be computed.
        """
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
                        for index, start in self._starts:
                            now[index] = start
                    else:
                        self._advance()
                    self._rest()
                    row[:] = now
                    last[:] = now
                    done += 1
        except (ArithmeticError, ValueError):
            pass
        return done

    def _function(self, columns: Sequence[int]) -> Callable[[], None]:
        """A function that computes these columns of the row."""
        lines: list[str] = []
        for blocks in patterns(items(self._program, columns)):
            if is_block(blocks):
                for block in blocks:
                    _Writer(self, block, lines).write()
            else:
                lines += self._single_lines(blocks)
        self.operations += len(lines)
        source = "\n".join(["def compute():", *(f" {line}" for line in lines), " return None"])
        exec(compile(source, "<blocks>", "exec"), self._names)  # noqa: S102
        return self._names["compute"]  # type: ignore[no-any-return]

    def _single_lines(self, blocks: list[Block]) -> Iterator[str]:
        """The lines for columns one by one, in order. A long item is a block by itself."""
        for turn in range(blocks[0].times):
            for block in blocks:
                item = block.item
                refs = tuple(r + turn * s for r, s in zip(item.refs, block.step, strict=True))
                own = Item(item.kind, item.start + turn * block.over, refs, item.step, item.count)
                alone = Block(own, 1, 0, (0,) * len(refs))
                if is_block([alone]):
                    lines: list[str] = []
                    _Writer(self, alone, lines).write()
                    yield from lines
                    continue
                for index in range(own.start, own.start + own.count):
                    formula = self._program.columns[index].formula
                    assert formula is not None
                    yield f"m[{index}] = {self._printer.text(formula)}"

    def name(self, value: Any) -> str:
        """A name for an array in the code."""
        name = f"a{len(self._names)}"
        self._names[name] = value
        return name


Printers = Callable[[Callable[[Ref], str]], PythonPrinter]


def _total(terms: Values, out: Values) -> None:
    """The sum over the first axis, from its first element to its last.

    NumPy keeps this order for every axis but the one whose elements adjoin in memory.
    """
    np.add.reduce(terms, axis=0, out=out, initial=None)


class _Writer:
    """The lines of code that compute a block."""

    def __init__(self, blocks: Blocks, block: Block, lines: list[str]) -> None:
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

    def _view(self, row: Values, start: int, steps: Iterable[int]) -> Values:
        """The elements of a row from `start` on that lie `steps` apart, along each axis."""
        strides = tuple(8 * step for step in steps)
        return np.lib.stride_tricks.as_strided(row[start:], self.shape, strides)

    def _value(self, kind: Any, out: str | None = None) -> str:
        """The name of the array with the value of a kind of formula; `out` names it, if given."""
        match kind:
            case ("num", value):
                name = str(value)
            case ("ref", lag):
                row = self.blocks.last if lag else self.blocks.now
                start = self.block.item.refs[self.slot]
                view = self._view(row, start, [steps[self.slot] for _, steps in self.axes])
                self.slot += 1
                name = self.blocks.name(view)
            case ("neg", operand):
                return self._call("negative", out, self._value(operand))
            case ("each", of_x, operand):
                inner = self._value(operand)
                out = out or self._new_array()
                self.lines.append(f"{out}.flat = [{of_x} for x in {inner}.ravel().tolist()]")
                return out
            case ("sum", runs):
                return self._sum(runs, out)
            case (operation, left, right):
                first = self._value(left)
                return self._call(operation, out, first, self._value(right))
        if out is None:
            return name
        self.lines.append(f"copyto({out}, {name})")
        return out

    def _new_array(self) -> str:
        return self.blocks.name(np.empty(self.shape))

    def _call(self, operation: str, out: str | None, *operands: str) -> str:
        out = out or self._new_array()
        self.lines.append(f"{operation}({', '.join(operands)}, {out})")
        return out

    def _sum(self, runs: tuple[Any, ...], out: str | None) -> str:
        """Terms added from left to right: runs of one kind along an axis, others one by one."""
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
            total = last or self._new_array()
            self.lines.append(f"total({self.blocks.name(terms)}, {total})")
        assert total is not None
        if out is not None and total != out:
            self.lines.append(f"copyto({out}, {total})")
            return out
        return total

    def _along(self, kind: Any, count: int, steps: Places, out: Values) -> None:
        """Compute the terms of a run, along a new axis."""
        first = self.slot
        spread = (0,) * first + steps + (0,) * (len(self.block.item.refs) - first - len(steps))
        self.axes.append((count, spread))
        self._value(kind, self.blocks.name(out))
        self.axes.pop()
