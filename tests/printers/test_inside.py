"""Every operator and function inside every other, in every printer: the value, and the form."""

from __future__ import annotations

import math
from importlib.resources import files

import ironcalc
import pytest

from bpsheet.engine.engine import run
from bpsheet.engine.forward import COMPLEX, ComplexPrinter
from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Call, Compare, Div, If, Mul, Neg, Num, Pow, Ref, Sub, Sum
from bpsheet.printers.javascript import JavaScriptPrinter
from bpsheet.printers.latex import LatexPrinter
from bpsheet.printers.mathml import MathMLPrinter
from bpsheet.printers.python import ENVIRONMENT
from bpsheet.printers.text import TextPrinter
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program
from tests.helpers.printing import excel_printer, python_printer

# Each operator and function of two operands, of one, and the choice.
PAIRS = {
    "+": lambda left, right: Sum((left, right)),
    "-": Sub,
    "*": Mul,
    "/": Div,
    "^": Pow,
    **{
        name: lambda left, right, name=name: Call(name, (left, right))
        for name, function in FUNCTIONS.items()
        if function.arguments[0] == 2
    },
}
SINGLES = {
    "negative": Neg,
    **{
        name: lambda operand, name=name: Call(name, (operand,))
        for name, function in FUNCTIONS.items()
        if function.arguments == (1, 1)
    },
}
SIGNS = ("=", "<>", "<", "<=", ">", ">=")
VALUES = {"a": 1.75, "b": 0.5, "c": 2.25, "d": 0.625}
A, B, C, D = map(Ref, VALUES)


def insides():
    """Everything that can stand inside: with the letters that come first, and that come last."""
    for make in PAIRS.values():
        yield make(A, B), make(C, D)
    for make in SINGLES.values():
        yield make(A), make(D)
    yield Num(-2.0), Num(-0.5)
    yield Num(1e-7), Num(1e22)
    for sign in SIGNS:
        choice = Compare(sign, A, B), Compare(sign, C, D)
        yield If(choice[0], A, B), If(choice[1], C, D)


def formulas():
    """Each inside in the place of each operand; letters in the order of reading."""
    for first, last in insides():
        for make in PAIRS.values():
            yield make(first, C)
            yield make(B, last)
        for make in SINGLES.values():
            yield make(first)
        for sign in SIGNS:
            yield If(Compare(sign, first, C), C, D)
            yield If(Compare(sign, B, last), B, A)
        yield If(Compare("<", A, B), first, C)
        yield If(Compare("<", B, A), A, last)


def negated():
    """A minus before two operators, of which the first letter's comes first or last."""
    for outer in PAIRS.values():
        for inner in PAIRS.values():
            yield Neg(outer(inner(A, B), C))
            yield Neg(outer(A, inner(B, C)))


TREES = list(dict.fromkeys([*formulas(), *negated()]))


def exact(tree):
    """The value of a formula; None where it has none."""
    try:
        return evaluate(tree, lambda ref: VALUES[ref.name], {}, {})
    except CellError:
        return None


EXACT = [exact(tree) for tree in TREES]


def test_every_operator_and_function_stands_inside_every_other():
    nodes = {type(tree).__name__ for tree in TREES}
    assert nodes == {"Neg", "Sum", "Sub", "Mul", "Div", "Pow", "Call", "If"}
    assert {tree.function for tree in TREES if isinstance(tree, Call)} == set(FUNCTIONS) - {"pi"}
    assert len(TREES) > 1200
    assert sum(value is not None for value in EXACT) > 0.9 * len(TREES)


def test_the_python_of_every_formula_has_its_value():
    for tree, expected in zip(TREES, EXACT, strict=True):
        code = python_printer().text(tree)
        try:
            found = eval(code, {**ENVIRONMENT, **VALUES})
        except (ArithmeticError, ValueError):
            found = None
        assert found == expected, code


def test_the_python_of_every_formula_over_complex_numbers_has_its_value():
    printer = ComplexPrinter(lambda ref: ref.name, None, None)
    numbers = {name: complex(value) for name, value in VALUES.items()}
    for tree, expected in zip(TREES, EXACT, strict=True):
        if expected is None:
            continue
        found = eval(printer.text(tree), {**COMPLEX, **numbers})
        assert found.real == pytest.approx(expected, rel=1e-12), printer.text(tree)


def test_the_text_of_every_formula_is_read_back_as_the_same_value():
    for tree, expected in zip(TREES, EXACT, strict=True):
        text = TextPrinter().text(tree)
        assert exact(parse_formula(text, set(VALUES))) == expected, text


def test_the_engine_computes_every_formula():
    """The rows of a program that has each as a column: lines, blocks and what is done ahead."""
    given = [
        Column(name, Phase.INPUT, Role.DATA, Num(value), meaning="")
        for name, value in VALUES.items()
    ]
    columns = [
        Column(f"v{index}", Phase.FORWARD, Role.VALUE, tree) for index, tree in enumerate(TREES)
    ]
    found = run(Program((*given, *columns)), 2).values[1, len(VALUES) :]
    for tree, expected, value in zip(TREES, EXACT, found, strict=True):
        assert (expected is None and math.isnan(value)) or value == expected, tree


def test_another_spreadsheet_engine_computes_every_formula():
    printer = excel_printer()
    model = ironcalc.create("inside", "en", "UTC", "en")
    for column, value in enumerate(VALUES.values(), start=1):
        model.set_user_input(0, 1, column, repr(value))
    for row, tree in enumerate(TREES, start=2):
        model.set_user_input(0, row, 6, f"={printer.text(tree)}")
    model.evaluate()
    for row, (tree, expected) in enumerate(zip(TREES, EXACT, strict=True), start=2):
        found = model.get_cell_value(0, row, 6)
        if expected is None:
            assert isinstance(found, str), printer.text(tree)
        else:
            # The ERF of this engine has ten digits.
            digits = 1e-8 if "ERF" in printer.text(tree) else 1e-12
            assert found == pytest.approx(expected, rel=digits), printer.text(tree)


@pytest.mark.slow
def test_a_browser_computes_every_formula(chromium):
    printer = JavaScriptPrinter(lambda ref: ref.name, None, None)
    page = chromium.new_page()
    page.add_script_tag(content=files("bpsheet.page").joinpath("assets", "engine.js").read_text())
    try:
        found = page.evaluate(
            """([codes, names, values]) => codes.map((code) => {
                try { return Number(new Function(...names, `return ${code}`)(...values)); }
                catch (error) { if (error instanceof CellError) return null; throw error; }
            })""",
            [[printer.text(tree) for tree in TREES], list(VALUES), list(VALUES.values())],
        )
    finally:
        page.close()
    for tree, expected, value in zip(TREES, EXACT, found, strict=True):
        if expected is None:
            assert value is None, printer.text(tree)
        else:
            assert value == pytest.approx(expected, rel=1e-12), printer.text(tree)


@pytest.mark.parametrize("printer", [LatexPrinter(), MathMLPrinter(), TextPrinter()])
def test_no_two_formulas_of_different_value_look_alike(printer):
    """Parentheses stand where they are needed: letters come in the order of reading."""
    seen = {}
    for tree, expected in zip(TREES, EXACT, strict=True):
        text = printer.text(tree)
        assert seen.setdefault(text, expected) == expected, text
