"""Narrow networks: straight-line code over local variables, a line for each column.

The function stores a row in one call, and is as fast as Python gets. It knows no errors: where
it raises it stops, and what overflows is left as an infinity for the engine to find.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bpsheet.engine.recording import Values
from bpsheet.formula.arithmetic import LOWEST_SUM
from bpsheet.formula.tree import ONE, Call, Mul, Ref
from bpsheet.printers.base import Binding
from bpsheet.printers.python import ENVIRONMENT, PythonPrinter
from bpsheet.program.program import Column, Program

__all__ = ["Lines", "names_for", "printer_for"]


class _LoopPrinter(PythonPrinter):
    """Python for the loop that trains: the same values to the last bit, with less to do."""

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
    """Prints the formulas of a program, its hyper-parameters as numbers."""
    values = {parameter.name: repr(parameter.value) for parameter in program.parameters}
    tables = {name: f"t{index}" for index, name in enumerate(program.tables)}
    return _LoopPrinter(variable, values.__getitem__, tables.__getitem__)


def names_for(program: Program) -> dict[str, Any]:
    """What the generated code may use."""
    tables = {f"t{i}": _from_1(values) for i, values in enumerate(program.tables.values())}
    return {**ENVIRONMENT, **tables, "nan": float("nan")}


Compiled = Callable[[int, list[float] | None, Iterable[tuple[float, ...]], memoryview], int | None]


class Lines:
    """Computes rows, line by line. `ahead` are the columns whose values are there already.

    loop:      the other columns
    stored:    the columns that the loop stores: adjoining ones
    handed_in: those computed ahead that the loop uses, or stores with the others
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
        self.source = self._written(program)
        names = names_for(program)
        names["pack"] = struct.Struct(f"{len(self.stored)}d").pack_into
        exec(compile(self.source, "<program>", "exec"), names)  # noqa: S102
        self._run: Compiled = names["run"]

    def compute(self, rows: Values, before: Values | None) -> int:
        """Fill in rows, in which what is computed ahead is there; says how many it could."""
        stride, first = 8 * self._width, 8 * self.stored.start
        places = range(first, stride * len(rows), stride)
        handed_in = (rows[:, index].tolist() for index in self.handed_in)
        ahead = zip(places, *handed_in, strict=True)
        last = None if before is None else before.tolist()
        failed = self._run(first, last, ahead, memoryview(rows.data).cast("B"))
        return len(rows) if failed is None else failed // stride

    def _written(self, program: Program) -> str:
        """The source of the function that runs the program.

        It is called with the place of the first row in the buffer, the row before it (None at
        the very beginning), for each row its place and what was computed ahead, and the buffer
        to fill. It returns the place of the row that it could not compute, None where it did all.
        """
        if not self.loop:
            return "def run(at, before, ahead, buffer):\n return None"
        place = program.position
        printer = printer_for(program, lambda ref: f"{'l' if ref.lag else 'v'}{place[ref.name]}")
        # Weights and the like are known as soon as the row before is complete, and are
        # computed there, all at once; nothing else then needs last row's value of them.
        columns = [program.columns[index] for index in self.loop]
        state = [column for column in columns if column.is_state]
        advance = printer_for(program, lambda ref: f"v{place[ref.name]}")
        kept = {
            ref.name: None
            for column in columns
            if not column.is_state
            for ref in column.references
            if ref.lag
        }
        every = ",".join(f"v{index}" for index in range(len(program)))
        lines = ["def run(at, before, ahead, buffer):", " try:", "  if before is None:", "   pass"]
        lines += [f"   v{place[column.name]} = {column.start!r}" for column in state]
        lines += [f"   l{place[name]} = nan" for name in kept]
        lines += ["  else:", f"   {every}, = before"]
        lines += [f"   l{place[name]} = v{place[name]}" for name in kept]
        step = _advance(state, advance)
        lines += [f"   {line}" for line in step]
        lines.append(f"  for at,{','.join(f'v{index}' for index in self.handed_in)} in ahead:")
        lines += [
            f"   v{place[column.name]} = {printer.text(column.formula)}"
            for column in columns
            if not column.is_state and column.formula is not None
        ]
        packed = ",".join(f"v{index}" for index in self.stored)
        lines.append(f"   pack(buffer, at, {packed})")
        lines += [f"   l{place[name]} = v{place[name]}" for name in kept]
        lines += [f"   {line}" for line in step]
        lines += [" except (ArithmeticError, ValueError):", "  return at", " return None"]
        return "\n".join(lines)


def _advance(state: Sequence[Column], printer: PythonPrinter) -> list[str]:
    """The assignments that take weights and the like to the next row.

    One after the other; all at once where one needs another's value of the row before.
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
    """A table counted from 1, as the sheet counts examples; of several columns these too."""
    return [0.0, *map(_from_1, table)] if isinstance(table, Sequence) else table
