"""The formulas of a page's worked solution, as JavaScript functions that write MathML.

The page calls a function twice: with the symbols of its leaves, and with the numbers of an
iteration. The function's arguments write its parts:

n(0)      writes leaf 0 as it is
o(0,3,1)  writes leaf 0 as an operand, in parentheses where a sign or power of ten needs them
q(text)   puts a text that begins with a minus sign into parentheses
c(…)      chooses between two texts by a test
x(0)      gives the number of leaf 0 to a test
k()       gives the number of examples

Formulas of the same form share a function, even where their leaves differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bpsheet.formula.tree import Expr, If, Num, Param, Ref, Text
from bpsheet.page.counted import marked
from bpsheet.page.script import CountedPrinter
from bpsheet.printers.atoms import AtomMathML
from bpsheet.printers.base import Binding
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Program

__all__ = ["Worked", "worked_of"]

Leaf = Ref | Param


@dataclass(frozen=True)
class Worked:
    """The functions and, for each column, the number of its function (None: given) and its leaves.

    A leaf is a number: i for column i, −1 − i for column i of the row before, and the number of
    columns plus k for hyper-parameter k.
    """

    functions: Sequence[str]
    forms: Sequence[int | None]
    leaves: Sequence[Sequence[int]]

    def script(self) -> str:
        """The functions as a JavaScript list."""
        lines = [f"(n,o,q,c,x,k)=>`{body}`," for body in self.functions]
        return "\n".join(["[", *lines, "]"])


class _FormPrinter(AtomMathML):
    """Prints MathML as the text of a JavaScript template. Leaves are numbered in reading order."""

    def __init__(self, mark: int | None = None) -> None:
        super().__init__()
        self.mark = mark
        self.leaves: dict[Leaf, int] = {}
        self.tests = CountedPrinter(
            lambda ref: f"x({self._number(ref)})",
            lambda name: f"x({self._number(Param(name))})",
            str,
            mark=mark,
            count="k()",
        )

    def _number(self, leaf: Leaf) -> int:
        return self.leaves.setdefault(leaf, len(self.leaves))

    def text(self, node: Expr) -> str:
        if isinstance(node, Num) and marked(node, self.mark):
            return "<mn>${k()}</mn>"
        if isinstance(node, Leaf):
            return f"${{n({self._number(node)})}}"
        return super().text(node)

    def operand(self, node: Expr, least: Binding, *, first: bool = False) -> str:
        if isinstance(node, Leaf):
            return f"${{o({self._number(node)},{least.value},{int(first)})}}"
        if isinstance(node, If):
            return self._choice(node, [self.operand(s, least, first=first) for s in _sides(node)])
        text = super().operand(node, least, first=first)
        # Only the number at the leaf decides whether the text begins with a minus sign.
        begins = not first and text.startswith("${")
        return f"${{q(`{text}`)}}" if begins else text

    def word(self, node: Text) -> str:
        return super().word(node).replace("\\", "&#92;").replace("`", "&#96;").replace("$", "&#36;")

    def choice(self, node: If) -> str:
        return self._choice(node, [self.text(side) for side in _sides(node)])

    def _choice(self, node: If, sides: Sequence[str]) -> str:
        then, otherwise = sides
        test, condition = self.tests.text(node.test), self.text(node.test)
        return f"${{c(()=>{test},`{then}`,`{otherwise}`,`{condition}`)}}"


def _sides(node: If) -> tuple[Expr, Expr]:
    return node.then, node.otherwise


def worked_of(program: Program, mark: int | None = None) -> Worked:
    """The formulas of a program, without those of its inputs.

    The number `mark` is the number of examples (see `bpsheet.page.counted`).

    >>> from bpsheet.formula.tree import Mul
    >>> from bpsheet.program.column import Column
    >>> from bpsheet.program.kinds import Role
    >>> given = Column("x", Phase.INPUT, Role.DATA, None)
    >>> square = Column("s", Phase.FORWARD, Role.OUTPUT, Mul(Ref("x"), Ref("x")))
    >>> worked_of(Program((given, square), given={"x": [2.0]})).functions
    ['${o(0,3,1)}<mo>·</mo>${o(0,4,0)}']
    """
    cells = {p.name: len(program) + index for index, p in enumerate(program.parameters)}

    def number(leaf: Leaf) -> int:
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
        printer = _FormPrinter(mark)
        body = printer.side(column.formula)
        forms.append(functions.setdefault(body, len(functions)))
        leaves.append([number(leaf) for leaf in printer.leaves])
    return Worked(list(functions), forms, leaves)
