"""What the tests of worked solutions and of their formats share."""

from __future__ import annotations

from bpsheet.explain.chain import Graph, chain_of
from bpsheet.explain.row import Row
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Ref
from bpsheet.printers.atoms import AtomText
from tests.helpers.samples import small_templates

FORMATS = ("text", "markdown", "latex", "html")
TEMPLATES = small_templates()


def chain_ends_equal_the_gradient(trace, iteration, weights):
    graph = Graph(trace.program)
    row = Row(trace, iteration)
    ended = 0
    for name in weights:
        chain = chain_of(trace.program, name, graph)
        if chain.product is None:
            continue
        try:
            exact, gradient = (
                row.evaluate(chain.formula),
                chain.sign * row.value(Ref(chain.gradient)),
            )
            scale = chain.scale(row)
        except CellError:
            continue
        assert abs(exact - gradient) <= 1e-12 * scale, name
        end = chain.worked(row)[-1].sides[-1]
        assert AtomText(end.atoms).text(end.expr) == row.number(gradient).text
        ended += 1
    return ended
