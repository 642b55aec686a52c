"""The user's own formulas as columns: `t = x + y`, `f = t * z`, `e = (f - w)^2`.

>>> read_line("t = x + y", ["x", "y"])
('t', Sum(terms=(Ref(name='x', lag=0), Ref(name='y', lag=0))))
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from bpsheet.errors import FormulaError
from bpsheet.formula.parse import NAME, parse_formula
from bpsheet.formula.tree import Expr, Ref, Sum
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Graph

__all__ = ["graph_columns", "parameter_columns", "read_line"]

LINE = re.compile(rf"\s*(?P<name>{NAME})\s*=(?!=)")


def read_line(line: str, names: Collection[str]) -> tuple[str, Expr]:
    """The name and the formula of a line. The formula may refer to `names` only.

    Raises FormulaError for any other line; a caret points at the wrong character.
    """
    begin = LINE.match(line)
    if begin is None:
        shown = line.replace("\n", " ")[:100]
        raise FormulaError(f"a name, = and a formula expected, such as t = x + y\n  {shown}\n  ^")
    return begin["name"], parse_formula(line, names, begin.end())


def parameter_columns(
    graph: Graph, notation: Notation, adjustments: Mapping[str, str]
) -> list[Column]:
    """The parameters: typed in the first row, then the last value plus its adjustment."""
    loss = graph.loss
    columns = []
    for name, value in graph.parameters.items():
        adjustment = adjustments.get(name)
        last = Ref(name, lag=1)
        follows = "from the second row on, the last one plus its adjustment"
        columns.append(
            Column(
                name=name,
                phase=Phase.WEIGHT,
                role=Role.WEIGHT,
                formula=Sum((last, Ref(adjustment, lag=1))) if adjustment else last,
                start=value,
                adjoint_name=notation.name("gradient", weight=name, loss=loss),
                meaning=f"parameter {name}; {follows if adjustment else 'never updated'}",
            )
        )
    return columns


def graph_columns(graph: Graph, notation: Notation) -> list[Column]:
    """The formulas in order. Each except the loss gets a derivative in the backward pass."""
    known = dict.fromkeys([*graph.inputs, *graph.parameters])
    columns = []
    for line in graph.forward:
        name, formula = read_line(line, known)
        known[name] = None
        is_loss = name == graph.loss
        columns.append(
            Column(
                name=name,
                phase=Phase.FORWARD,
                role=Role.LOSS if is_loss else Role.VALUE,
                formula=formula,
                adjoint_name=None
                if is_loss
                else notation.name("derivative", value=name, loss=graph.loss),
                meaning="what is minimised (or, by gradient ascent, maximised)"
                if is_loss
                else f"value {name}, by its formula in the experiment",
            )
        )
    return columns
