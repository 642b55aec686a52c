"""Every printer knows every node and every function, and refuses what it does not know."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bpsheet.errors import ProgramError
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.tree import Call, Neg, Operation, Symbol
from bpsheet.printers.base import NODES, Printer
from bpsheet.printers.latex import LatexPrinter
from bpsheet.printers.mathtext import MathTextPrinter
from bpsheet.printers.text import TextPrinter
from tests.helpers.printing import A, B, excel_printer, python_printer
from tests.helpers.strategies import ONE_OF_EACH

PRINTERS = (excel_printer(), python_printer(), TextPrinter(), LatexPrinter(), MathTextPrinter())


@pytest.mark.parametrize("printer", PRINTERS, ids=lambda printer: type(printer).__name__)
def test_every_printer_covers_every_node(printer):
    assert (
        {type(node) for node in ONE_OF_EACH}
        == set(NODES) - {Symbol, Operation}
        == set(printer.table)
    )
    for node in ONE_OF_EACH:
        assert printer.text(node)


@pytest.mark.parametrize("printer", PRINTERS, ids=lambda printer: type(printer).__name__)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_printer_covers_every_function(printer, name):
    arguments = {0: (), 1: (A,), 2: (A, B)}[FUNCTIONS[name].arguments[0]]
    printed = printer.text(Call(name, arguments)).lower()
    assert "a" in printed if arguments else printed in ("pi()", r"\pi", "π")


@pytest.mark.parametrize("printer", PRINTERS, ids=lambda printer: type(printer).__name__)
def test_a_symbol_is_for_pages_alone(printer):
    with pytest.raises(ProgramError, match="has no rule for Symbol"):
        printer.text(Neg(Symbol("∂e/∂w")))


@pytest.mark.parametrize("printer", PRINTERS, ids=lambda printer: type(printer).__name__)
def test_an_unknown_node_raises(printer):
    @dataclass(frozen=True)
    class Integral:
        operand: object

    with pytest.raises(ProgramError, match=rf"^{type(printer).__name__} has no rule for Integral$"):
        printer.text(Integral(A))
    with pytest.raises(ProgramError, match="has no rule for Integral"):
        printer.text(Neg(Integral(A)))


def test_a_printer_without_all_its_rules_cannot_be_made():
    class Half(Printer):
        def number(self, node):
            return str(node.value)

    with pytest.raises(TypeError, match="abstract"):
        Half()
