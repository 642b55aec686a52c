"""The program of a page: its formulas as JavaScript."""

from __future__ import annotations

from collections.abc import Callable

from bpsheet.formula.tree import Num, Ref
from bpsheet.page.counted import marked
from bpsheet.printers.javascript import JavaScriptPrinter
from bpsheet.program.program import Program

__all__ = ["CountedPrinter", "script_of"]


class CountedPrinter(JavaScriptPrinter):
    """Prints the number `mark`, which is the number of examples, as `count`."""

    def __init__(
        self,
        variable: Callable[[Ref], str],
        parameter: Callable[[str], str],
        lookup_table: Callable[[str], str],
        *,
        mark: int | None,
        count: str,
    ) -> None:
        super().__init__(variable, parameter, lookup_table)
        self.mark, self.count = mark, count

    def number(self, node: Num) -> str:
        return self.count if marked(node, self.mark) else super().number(node)


def script_of(program: Program, mark: int | None = None) -> str:
    """The formulas of a program as a JavaScript list of functions, with null for given columns.

    The number `mark` is the number of examples (see `bpsheet.page.counted`).

    >>> from bpsheet.formula.tree import Num, Ref
    >>> from bpsheet.program.kinds import Phase, Role
    >>> from bpsheet.program.column import Column
    >>> print(script_of(Program((Column("a", Phase.FORWARD, Role.OUTPUT, Num(0.5)),))))
    [
    (v,u,p,t)=>0.5,
    ]
    """
    cells = {parameter.name: f"p[{i}]" for i, parameter in enumerate(program.parameters)}
    tables = {name: f"t[{index}]" for index, name in enumerate(program.tables)}
    printer = CountedPrinter(
        lambda ref: f"{'u' if ref.lag else 'v'}[{program.position[ref.name]}]",
        cells.__getitem__,
        tables.__getitem__,
        mark=mark,
        count="t[0].length",
    )
    lines = [
        "null," if c.formula is None else f"(v,u,p,t)=>{printer.text(c.formula)}," for c in program
    ]
    return "\n".join(["[", *lines, "]"])
