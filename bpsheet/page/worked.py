"""The worked solution as a page shows it: each formula as a JavaScript function that writes MathML.

A function is called twice, as an explanation prints one tree twice: with symbols at its
leaves, and with the numbers of an iteration. It is given what writes a leaf: `n(0)` as it is,
`o(0,3,1)` as an operand, in parentheses where its sign or its power of ten needs them; `q`
puts a formula in parentheses that begins with a minus sign, `c` makes a choice by a test over
the numbers `x(0)`. Formulas of one form share a function, whatever their leaves are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bpsheet.formula.tree import Expr, If, Param, Ref, Text
from bpsheet.printers.atoms import AtomMathML
from bpsheet.printers.base import Binding
from bpsheet.printers.javascript import JavaScriptPrinter
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Program

__all__ = ["Worked", "worked_of"]

Leaf = Ref | Param


@dataclass(frozen=True)
class Worked:
    """The functions, and for each column which one is its formula (None: it is given) and
    what stands at its leaves.

    A leaf is the place of a column; of a column of the row before −1 minus its place; of a
    hyper-parameter its place behind all columns.
    """

    functions: Sequence[str]
    forms: Sequence[int | None]
    leaves: Sequence[Sequence[int]]

    def script(self) -> str:
        """The functions as a JavaScript list."""
        lines = [f"(n,o,q,c,x)=>`{body}`," for body in self.functions]
        return "\n".join(["[", *lines, "]"])


class _FormPrinter(AtomMathML):
    """MathML as the inside of a JavaScript template; leaves are numbered as they are met."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[Leaf, int] = {}
        self.tests = JavaScriptPrinter(
            lambda ref: f"x({self._number(ref)})",
            lambda name: f"x({self._number(Param(name))})",
            str,
        )

    def _number(self, leaf: Leaf) -> int:
        return self.found.setdefault(leaf, len(self.found))

    def text(self, node: Expr) -> str:
        if isinstance(node, Leaf):
            return f"${{n({self._number(node)})}}"
        return super().text(node)

    def operand(self, node: Expr, least: Binding, *, first: bool = False) -> str:
        if isinstance(node, Leaf):
            return f"${{o({self._number(node)},{least.value},{int(first)})}}"
        if isinstance(node, If):
            return self._choice(node, [self.operand(s, least, first=first) for s in _sides(node)])
        text = super().operand(node, least, first=first)
        # What it begins with is known when the number is.
        begins = not first and text.startswith("${")
        return f"${{q(`{text}`)}}" if begins else text

    def word(self, node: Text) -> str:
        return super().word(node).replace("\\", "&#92;").replace("`", "&#96;").replace("$", "&#36;")

    def choice(self, node: If) -> str:
        return self._choice(node, [self.text(side) for side in _sides(node)])

    def _choice(self, node: If, sides: Sequence[str]) -> str:
        then, otherwise = sides
        test, said = self.tests.text(node.test), self.text(node.test)
        return f"${{c(()=>{test},`{then}`,`{otherwise}`,`{said}`)}}"


def _sides(node: If) -> tuple[Expr, Expr]:
    return node.then, node.otherwise


def worked_of(program: Program) -> Worked:
    """The formulas of a program, but for those of what an iteration presents.

    >>> from bpsheet.formula.tree import Mul
    >>> from bpsheet.program.program import Column, Role
    >>> given = Column("x", Phase.INPUT, Role.DATA, None)
    >>> square = Column("s", Phase.FORWARD, Role.OUTPUT, Mul(Ref("x"), Ref("x")))
    >>> worked_of(Program((given, square), given={"x": [2.0]})).functions
    ['${o(0,3,1)}<mo>·</mo>${o(0,4,0)}']
    """
    cells = {p.name: len(program) + place for place, p in enumerate(program.parameters)}

    def place(leaf: Leaf) -> int:
        if isinstance(leaf, Param):
            return cells[leaf.name]
        return -1 - program.position[leaf.name] if leaf.lag else program.position[leaf.name]

    functions: dict[str, int] = {}
    forms: list[int | None] = []
    leaves: list[list[int]] = []
    for column in program:
        if column.formula is None or column.phase is Phase.INPUT or column.tables:
            forms.append(None)
            leaves.append([])
            continue
        printer = _FormPrinter()
        body = printer.side(column.formula)
        forms.append(functions.setdefault(body, len(functions)))
        leaves.append([place(leaf) for leaf in printer.found])
    return Worked(list(functions), forms, leaves)
