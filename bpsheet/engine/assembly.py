"""The text of a function for LLVM: instructions, variables, loops, and what marks a bad row."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from bpsheet.formula.arrays import Shape

__all__ = ["INFINITE", "Assembly", "Index", "Unsupported"]

# The exponent's bits of a number: all of them are set in an infinity and in NaN.
INFINITE = 0x7FF0000000000000
# Marks of instructions: nothing, and that the first way is the likely one.
NOTHING, LIKELY = "!1", "!2"
MARKS = (
    "!0 = distinct !{!0}",
    f"{NOTHING} = !{{}}",
    f'{LIKELY} = !{{!"branch_weights", i32 100, i32 1}}',
)

ROWS = """
define i64 @run(ptr %rows, i64 %count, ptr %before) {{
entry:
 %any = icmp sgt i64 %count, 0
 br i1 %any, label %begin, label %done
begin:
 %number = phi i64 [ 0, %entry ], [ %next, %good ]
 %last = phi ptr [ %before, %entry ], [ %row, %good ]
 %row = phi ptr [ %rows, %entry ], [ %row.next, %good ]
 %flag = call i64 @row(ptr %row, ptr %last)
 %ok = icmp eq i64 %flag, 0
 br i1 %ok, label %good, label %failed
good:
 %row.next = getelementptr double, ptr %row, i64 {width}
 %next = add i64 %number, 1
 %more = icmp slt i64 %next, %count
 br i1 %more, label %begin, label %done
failed:
 ret i64 %number
done:
 ret i64 %count
}}
"""

# An index along one axis: the name of an i64 in the code, or a number.
Index = tuple[str | int, ...]


class Unsupported(Exception):  # noqa: N818 - no error: Python computes the program
    """A program that is not turned into machine code."""


class Assembly:
    """Writes the function of a row, instruction by instruction.

    An instruction's value is a name, such as `%v12`, or a number as LLVM writes it.
    """

    def __init__(self) -> None:
        self.body: list[str] = []
        self.slots: list[str] = []
        self.marks = list(MARKS)
        self.count = 0
        # What the loads of the loop at hand are marked with.
        self._reading = ""

    def new(self) -> str:
        """A new name for a value."""
        self.count += 1
        return f"%v{self.count}"

    def line(self, text: str) -> None:
        """An instruction without a value."""
        self.body.append(f" {text}")

    def block(self, label: str) -> None:
        """The beginning of a block."""
        self.body.append(f"{label}:")

    def op(self, text: str) -> str:
        """An instruction; its value's name."""
        name = self.new()
        self.line(f"{name} = {text}")
        return name

    def slot(self, kind: str) -> str:
        """A variable of the function; a loop or a choice writes it."""
        self.count += 1
        name = f"%s{self.count}"
        self.slots.append(f" {name} = alloca {kind}")
        return name

    def number(self, value: float) -> str:
        """A number as LLVM writes it, bit by bit."""
        return f"0x{struct.pack('>d', value).hex().upper()}"

    def put(self, value: str, address: str) -> None:
        """Store a number."""
        self.line(f"store double {value}, ptr {address}")

    def watch(self, value: str) -> str:
        """The value; a row in which it is infinite is computed again, with care."""
        bits = self.op(f"bitcast double {value} to i64")
        exponent = self.op(f"and i64 {bits}, {INFINITE}")
        is_bad = self.op(f"icmp eq i64 {exponent}, {INFINITE}")
        wide = self.op(f"zext i1 {is_bad} to i64")
        flag = self.op("load i64, ptr %flag")
        self.line(f"store i64 {self.op(f'or i64 {flag}, {wide}')}, ptr %flag")
        return value

    @contextmanager
    def loops(self, shape: Shape, first: int = 0) -> Any:
        """A loop for each axis; gives the indices. The first axis begins at `first`."""
        ends = []
        indices: list[str | int] = []
        for axis, size in enumerate(shape):
            begin = first if axis == 0 else 0
            if size - begin == 1:
                indices.append(begin)
                continue
            self.count += 1
            number = self.count
            slot = self.slot("i64")
            self.line(f"store i64 {begin}, ptr {slot}")
            self.line(f"br label %loop{number}")
            self.block(f"loop{number}")
            index = self.op(f"load i64, ptr {slot}")
            indices.append(index)
            ends.append((number, slot, index, size))
        yield tuple(indices)
        for number, slot, index, size in reversed(ends):
            after = self.op(f"add i64 {index}, 1")
            self.line(f"store i64 {after}, ptr {slot}")
            more = self.op(f"icmp slt i64 {after}, {size}")
            self.line(f"br i1 {more}, label %loop{number}, label %end{number}")
            self.block(f"end{number}")

    def within(self, value: str, least: float, most: float) -> str:
        """The value; where it is not in these bounds, the least one, and the row is a bad one."""
        is_more = self.op(f"fcmp oge double {value}, {self.number(least)}")
        is_less = self.op(f"fcmp olt double {value}, {self.number(most + 1)}")
        is_good = self.op(f"and i1 {is_more}, {is_less}")
        good, bad = self.number(0.0), self.number(math.inf)
        self.watch(self.op(f"select i1 {is_good}, double {good}, double {bad}"))
        return self.op(f"select i1 {is_good}, double {value}, double {self.number(least)}")

    def unless(self, test: str, quick: str, careful: Callable[[], str]) -> str:
        """The quick value where it is certain to be right, and elsewhere that of the C library."""
        slot = self.slot("double")
        self.count += 1
        number = self.count
        self.put(quick, slot)
        self.line(f"br i1 {test}, label %certain{number}, label %careful{number}, !prof {LIKELY}")
        self.block(f"careful{number}")
        self.put(careful(), slot)
        self.line(f"br label %certain{number}")
        self.block(f"certain{number}")
        return self.op(f"load double, ptr {slot}")

    def load(self, address: str) -> str:
        """The number at an address."""
        return self.op(f"load double, ptr {address}{self._reading}")

    @contextmanager
    def apart(self) -> Any:
        """A loop that stores where none of its loads are; gives what marks its stores."""
        number = len(self.marks)
        self.marks += [
            f"!{number} = distinct !{{!{number}, !0}}",
            f"!{number + 1} = !{{!{number}}}",
        ]
        self._reading = f", !alias.scope !{number + 1}"
        try:
            yield f", !noalias !{number + 1}"
        finally:
            self._reading = ""

    def functions(self, width: int) -> list[str]:
        """The function of a row, and the one that calls it for all rows.

        The arguments are two rows, so nothing that is written is read through the other one.
        """
        return [
            *ROWS.format(width=width).splitlines(),
            "define internal i64 @row(ptr noalias %row, ptr noalias %last) noinline {",
            " %flag = alloca i64",
            *self.slots,
            " store i64 0, ptr %flag",
            *self.body,
            " %flag.is = load i64, ptr %flag",
            " ret i64 %flag.is",
            "}",
            *self.marks,
        ]
