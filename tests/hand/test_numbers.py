"""Numbers as somebody writes them: the digits that they claim."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.hand.numbers import NotANumber, Written, read_number
from tests.helpers.samples import draws


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("-0.25", -0.25, 0.01),
        ("-0.250", -0.25, 0.001),
        ("1.2e-3", 0.0012, 0.0001),
        (".5", 0.5, 0.1),
        ("5.", 5.0, 1.0),
        ("\u22120.5", -0.5, 0.1),
        ("\u00a0-0.50 ", -0.5, 0.01),
        ("+ 3", 3.0, 1.0),
        ("1.2×10^-3", 0.0012, 0.0001),
        ("1.2 x 10^(-3)", 0.0012, 0.0001),
    ],
)
def test_a_number_claims_the_digits_that_it_is_written_with(text, value, unit):
    found = read_number(text)
    assert isinstance(found, Written)
    assert (found.value, found.unit) == (value, pytest.approx(unit, rel=1e-12))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0,5",
        "1,234.5",
        "1_000",
        "٣.٥",
        "nan",
        "inf",
        "1e999",
        "0e309",
        ".0×10^327",
        "1/2",
        "--3",
        "0x10",
        "1 2",
    ],
)
def test_what_is_no_number_or_could_be_read_two_ways_is_refused(text):
    assert isinstance(read_number(text), NotANumber)


def test_a_declared_comma_stands_before_the_decimals():
    assert read_number("0,5", ",") == Written("0,5", 0.5, 0.1)
    assert isinstance(read_number("0.5", ","), NotANumber)


@given(st.floats(-1e6, 1e6), st.integers(0, 8))
@draws(100)
def test_the_rounding_of_a_number_agrees_with_it_and_its_neighbours_do_not(exact, decimals):
    unit = Decimal(1).scaleb(-decimals)
    rounded = Decimal(exact).quantize(unit, ROUND_HALF_EVEN)
    assert read_number(f"{rounded:f}").agrees(exact)
    for other in (rounded + 2 * unit, rounded - 2 * unit):
        assert not read_number(f"{other:f}").agrees(exact)


def test_a_value_is_rounded_to_the_digits_and_in_the_form_that_was_written():
    assert read_number("-0.25").rounded(-0.2449) == "-0.24"
    assert read_number("-0.2500").rounded(-0.2449) == "-0.2449"
    assert read_number("1.2e-3").rounded(0.001284) == "1.3e-03"
    assert read_number("0.00").rounded(-0.001) == "0.00"
