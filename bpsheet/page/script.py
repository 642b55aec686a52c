"""The program of a page: its formulas as JavaScript."""

from __future__ import annotations

from bpsheet.printers.javascript import JavaScriptPrinter
from bpsheet.program.program import Program

__all__ = ["script_of"]


def script_of(program: Program) -> str:
    """The formulas of a program as a JavaScript list of functions, with null for given columns.

    >>> from bpsheet.formula.tree import Num
    >>> from bpsheet.program.kinds import Phase, Role
    >>> from bpsheet.program.column import Column
    >>> print(script_of(Program((Column("a", Phase.FORWARD, Role.OUTPUT, Num(0.5)),))))
    [
    (v,u,p,t)=>0.5,
    ]
    """
    cells = {parameter.name: f"p[{i}]" for i, parameter in enumerate(program.parameters)}
    tables = {name: f"t[{index}]" for index, name in enumerate(program.tables)}
    printer = JavaScriptPrinter(
        lambda ref: f"{'u' if ref.lag else 'v'}[{program.position[ref.name]}]",
        cells.__getitem__,
        tables.__getitem__,
    )
    lines = [
        "null," if c.formula is None else f"(v,u,p,t)=>{printer.text(c.formula)}," for c in program
    ]
    return "\n".join(["[", *lines, "]"])
