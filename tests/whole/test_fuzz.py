"""Readers under inputs that nobody meant: only the product's own exceptions come out.

A short run of `tests.fuzz`; the long one (100,000 inputs for each reader) is a command of its own.
"""

import random
import warnings

import pytest
from openpyxl import LXML, Workbook

from bpsheet.errors import FormulaError
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Ref
from bpsheet.hand.numbers import NotANumber, read_number
from bpsheet.sheets.cells import places
from bpsheet.sheets.formula import read_formula
from tests.fuzz import TARGETS, accepted, mutated
from tests.helpers.samples import sampled

COUNTS = {"csv": 100, "sheet-formula": 60, "workbook": 100}


@pytest.mark.parametrize("share", sampled([0.25, 1.0], 0.25))
@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_refuses_with_its_own_exceptions_or_takes(name, share):
    """Some hundred inputs made from good ones; a good one is taken as it is."""
    target = TARGETS[name]
    draw = random.Random(20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl's, about parts that are damaged
        assert any(accepted(target, seed) for seed in target.seeds())
        for _ in range(int(share * COUNTS.get(name, 400))):
            accepted(target, mutated(draw, target.seeds(), target.words))


def test_a_namespace_that_is_no_address_is_the_workbooks_damage():
    """openpyxl reads with lxml where that is installed, whose error is no ParseError."""
    target = TARGETS["workbook"]
    lists = [seed for seed in target.seeds() if b'/relationships"' in seed]
    taken = [
        accepted(target, seed.replace(b"/package/2006/", b"/package/2006/%%%")) for seed in lists
    ]
    assert len(taken) > 4
    assert all(taken) or LXML


def nothing(text, _numbers_only):
    return [[Ref(text)]]


@pytest.mark.parametrize("text", ["A1)+B2", '"A1', "{A1", "SUM(A1}", "[B1", "'A1", "#A1"])
def test_a_sheets_formula_with_something_unmatched_is_refused(text):
    """openpyxl's tokenizer raises an IndexError or an error of its own."""
    with pytest.raises(FormulaError):
        read_formula(f"={text}", nothing)


@pytest.mark.parametrize(
    "text",
    ["MMULT(A1)", "SUMXMY2(A1)", "IF(A1)", "POWER(A1)", "PRODUCT()", "SUM()", "MAX()", "PI(A1)"],
)
def test_a_sheets_function_with_too_few_arguments_is_refused(text):
    with pytest.raises(FormulaError, match=r"cannot take [01] arguments"):
        read_formula(f"={text}", nothing)


def test_a_number_too_small_to_have_a_last_digit_is_none():
    """10^-334 is 0 in binary; a number is judged by the worth of its last digit."""
    assert read_number("1.2e-333") == NotANumber("1.2e-333", "too small a number")


def test_a_message_about_a_formula_carries_no_control_character():
    """It is printed on terminals, which would obey it."""
    with pytest.raises(FormulaError) as caught:
        parse_formula("a + \x1b[31mred", ["a"])
    assert "\x1b" not in str(caught.value).replace("'\\x1b'", "")
    assert "a +  [31mred" in str(caught.value)


def test_a_range_written_from_its_end_is_the_same_range():
    """B3:A1 is A1:B3 to a spreadsheet."""
    book = Workbook()
    assert places(book, "Sheet!B3:A1") == places(book, "Sheet!A1:B3")
    assert places(book, "Sheet!B3:A1")[0] == ["Sheet!A1", "Sheet!B1"]
