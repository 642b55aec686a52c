"""Narrow networks: straight-line code over local variables, a line for each column.

The function stores a row in one call, and is as fast as Python gets. It does not handle errors:
it stops where Python raises, and it leaves infinities for the engine to notice.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

from bpsheet.engine.recording import Values
from bpsheet.formula.arithmetic import LOWEST_SUM
from bpsheet.formula.tree import ONE, Call, Mul, Ref
from bpsheet.printers.base import Binding
from bpsheet.printers.python import ENVIRONMENT, PythonPrinter
from bpsheet.program.column import Column
from bpsheet.program.program import Program

__all__ = ["Lines", "code_for", "names_for", "printer_for"]


class _LoopPrinter(PythonPrinter):
    """Python for the training loop: shorter code with the same values to the last bit."""

    def product(self, node: Mul) -> str:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if one == ONE:
                return self.operand(other, Binding.PRODUCT, first=True)
        return super().product(node)

    def call(self, node: Call) -> str:
        if node.function == "logistic" and isinstance(node.arguments[0], Ref):
            z = self.text(node.arguments[0])
            return f"(0.0 if {z} < {LOWEST_SUM!r} else 1.0/(1.0+exp(-{z})))"
        return super().call(node)


def printer_for(program: Program, variable: Callable[[Ref], str]) -> _LoopPrinter:
    """A printer for the formulas of a program that writes hyper-parameters as numbers."""
    values = {parameter.name: repr(parameter.value) for parameter in program.parameters}
    tables = {name: f"t{index}" for index, name in enumerate(program.tables)}
    return _LoopPrinter(variable, values.__getitem__, tables.__getitem__)


def names_for(program: Program) -> dict[str, Any]:
    """The names that the generated code may use."""
    tables = {f"t{i}": _from_1(values) for i, values in enumerate(program.tables.values())}
    return {**ENVIRONMENT, **tables, "nan": float("nan")}


Compiled = Callable[[int, list[float] | None, Iterable[tuple[float, ...]], memoryview], int | None]


@lru_cache(maxsize=16)
def code_for(source: str, name: str) -> CodeType:
    """The code of a source. Further runs of an experiment have the same."""
    return compile(source, name, "exec")


class Lines:
    """Computes rows, line by line. `ahead` has the columns whose values are in the row already.

    loop:      the other columns
    stored:    the range of columns that the loop stores
    handed_in: the columns computed ahead that the loop uses or stores
    """

    def __init__(self, program: Program, ahead: Sequence[int]) -> None:
        self._width = len(program)
        known = frozenset(ahead)
        self.loop = [index for index in range(len(program)) if index not in known]
        self.stored = range(min(self.loop, default=0), max(self.loop, default=-1) + 1)
        used = {
            program.position[ref.name]
            for index in self.loop
            for ref in program.columns[index].references
        }
        self.handed_in = sorted(known & used.union(self.stored))
        self.source = self._source(program)
        names = names_for(program)
        names["pack"] = struct.Struct(f"{len(self.stored)}d").pack_into
        exec(code_for(self.source, "<program>"), names)  # noqa: S102
        self._run: Compiled = names["run"]

    def compute(self, rows: Values, before: Values | None) -> int:
        """Fill in rows, where the columns computed ahead have their values. Returns how many
        rows could be computed.
        """
        stride, first = 8 * self._width, 8 * self.stored.start
        offsets = range(first, stride * len(rows), stride)
        handed_in = (rows[:, index].tolist() for index in self.handed_in)
        ahead = zip(offsets, *handed_in, strict=True)
        last = None if before is None else before.tolist()
        failed = self._run(first, last, ahead, memoryview(rows.data).cast("B"))
        return len(rows) if failed is None else failed // stride

    def _source(self, program: Program) -> str:
        """The source of the function that runs the program.

        Its arguments are the first row's offset in the buffer, the row before (None at the very
        beginning), for each row its offset and the values computed ahead, and the buffer to fill.
        It returns the offset of the row that it could not compute, or None after all rows.
        """
        if not self.loop:
            return "def run(at, before, ahead, buffer):\n return None"
        position = program.position
        printer = printer_for(program, lambda ref: f"{'l' if ref.lag else 'v'}{position[ref.name]}")
        # Weights and other states are known as soon as the row before is complete. They are
        # computed there together, so no other column needs their value in the row before.
        columns = [program.columns[index] for index in self.loop]
        state = [column for column in columns if column.is_state]
        advance = printer_for(program, lambda ref: f"v{position[ref.name]}")
        kept = {
            ref.name: None
            for column in columns
            if not column.is_state
            for ref in column.references
            if ref.lag
        }
        every = ",".join(f"v{index}" for index in range(len(program)))
        lines = ["def run(at, before, ahead, buffer):", " try:", "  if before is None:", "   pass"]
        lines += [f"   v{position[column.name]} = {column.start!r}" for column in state]
        lines += [f"   l{position[name]} = nan" for name in kept]
        lines += ["  else:", f"   {every}, = before"]
        lines += [f"   l{position[name]} = v{position[name]}" for name in kept]
        step = _advance(state, advance)
        lines += [f"   {line}" for line in step]
        lines.append(f"  for at,{','.join(f'v{index}' for index in self.handed_in)} in ahead:")
        lines += [
            f"   v{position[column.name]} = {printer.text(column.formula)}"
            for column in columns
            if not column.is_state and column.formula is not None
        ]
        packed = ",".join(f"v{index}" for index in self.stored)
        lines.append(f"   pack(buffer, at, {packed})")
        lines += [f"   l{position[name]} = v{position[name]}" for name in kept]
        lines += [f"   {line}" for line in step]
        lines += [" except (ArithmeticError, ValueError):", "  return at", " return None"]
        return "\n".join(lines)


def _advance(state: Sequence[Column], printer: PythonPrinter) -> list[str]:
    """The assignments that take weights and other states to the next row.

    They are separate lines. If one needs another's value in the row before, they are one line.
    """
    values = [printer.text(column.formula) for column in state if column.formula]
    names = [printer.variable(Ref(column.name)) for column in state]
    done: set[str] = set()
    for column in state:
        if any(ref.name in done for ref in column.references):
            return [f"{','.join(names)}, = {','.join(values)},"]
        done.add(column.name)
    return [f"{name} = {value}" for name, value in zip(names, values, strict=True)]


def _from_1(table: Any) -> Any:
    """A table whose rows, and columns if there are several, are counted from 1 as in a sheet."""
    return [0.0, *map(_from_1, table)] if isinstance(table, Sequence) else table
