"""Readers under inputs that nobody meant: only the product's own exceptions come out.

A short run of `tests.fuzz`; the long one (100,000 inputs for each reader) is a command of its own.
"""

import random
import warnings

import pytest
from openpyxl import LXML

from bpsheet.errors import FormulaError
from bpsheet.formula.parse import parse_formula
from bpsheet.hand.numbers import NotANumber, read_number
from bpsheet.sheets.syntax import parse
from tests.fuzz import TARGETS, accepted, mutated
from tests.helpers.samples import sampled

COUNTS = {
    "csv": 100,
    "sheet-formula": 60,
    "workbook": 100,
    "own-workbook": 60,
    "ods": 100,
    "roster": 100,
    "hand-in": 40,
    "model": 100,
    "parquet": 12,
}


@pytest.mark.slow
@pytest.mark.parametrize("share", sampled([0.1, 1.0], 0.1))
@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_refuses_with_its_own_exceptions_or_takes(name, share):
    """Some dozens of inputs made from good ones; a good one is taken as it is."""
    target = TARGETS[name]
    draw = random.Random(20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl's, about parts that are damaged
        assert any(accepted(target, seed) for seed in target.seeds())
        for _ in range(int(share * COUNTS.get(name, 400))):
            accepted(target, mutated(draw, target.seeds(), target.words))


def test_a_roster_whose_columns_two_characters_would_separate_is_refused():
    assert not accepted(TARGETS["roster"], b"sep=;;\nName;Id\nAda;1\n")


def test_a_table_without_a_range_is_the_workbooks_damage():
    target = TARGETS["own-workbook"]
    tables = [seed for seed in target.seeds() if b' ref="E1:E3"' in seed and b"<table " in seed]
    assert len(tables) == 1
    assert not accepted(target, tables[0].replace(b' ref="E1:E3"', b"", 1))


def test_a_namespace_that_is_no_address_is_the_workbooks_damage():
    """openpyxl reads with lxml where that is installed, whose error is no ParseError."""
    target = TARGETS["workbook"]
    lists = [seed for seed in target.seeds() if b'/relationships"' in seed]
    taken = [
        accepted(target, seed.replace(b"/package/2006/", b"/package/2006/%%%")) for seed in lists
    ]
    assert len(taken) > 4
    assert all(taken) or LXML


@pytest.mark.parametrize("text", ["A1)+B2", '"A1', "{A1", "SUM(A1}", "[B1", "'A1", "#A1"])
def test_a_sheets_formula_with_something_unmatched_is_refused(text):
    with pytest.raises(FormulaError):
        parse(f"={text}")


def test_a_number_too_small_to_have_a_last_digit_is_none():
    """10^-334 is 0 in binary; a number is judged by the worth of its last digit."""
    assert read_number("1.2e-333") == NotANumber("1.2e-333", "the number is too small")


def test_a_message_about_a_formula_carries_no_control_character():
    """It is printed on terminals, which would obey it."""
    with pytest.raises(FormulaError) as caught:
        parse_formula("a + \x1b[31mred", ["a"])
    assert "\x1b" not in str(caught.value).replace("'\\x1b'", "")
    assert "a +  [31mred" in str(caught.value)
