"""Numbers as people write them are read where one reading is possible, and only there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.hand.freely import decimal_sign, read_freely, read_together
from bpsheet.hand.numbers import NotANumber, Written


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("0,5", 0.5, 0.1),
        ("z = 0.50", 0.5, 0.01),
        ("f'(z): −0,25", -0.25, 0.01),
        ("δ_f ≈ -0.0031", -0.0031, 1e-4),
        ("≈0.333…", 0.333, 1e-3),
        ("0.33...", 0.33, 0.01),
        ("3.45·10^-1", 0.345, 1e-3),
        ("3,45 × 10⁻¹", 0.345, 1e-3),
        ("10^-3", 1e-3, 1e-3),
        ("12,5 %", 0.125, 1e-3),
        ("-0.5%", -0.005, 1e-3),
        ("1,234.5", 1234.5, 0.1),
        ("1.234,5", 1234.5, 0.1),
        ("'0.25", 0.25, 0.01),
        ("=1", 1.0, 1.0),
    ],
)
def test_one_reading_is_taken_with_its_digits(text, value, unit):
    found = read_freely(text)
    assert isinstance(found, Written)
    assert (found.value, found.unit) == (pytest.approx(value, rel=1e-15), pytest.approx(unit))


def test_where_commas_and_points_are_as_many_the_point_stands_before_decimals():
    assert decimal_sign(["0,5", "0.5"]) == decimal_sign([]) == "."
    assert decimal_sign(["0,5", "0.5", "1,25"]) == ","


@pytest.mark.parametrize(("text", "value"), [("1/3", 1 / 3), ("−3/8", -0.375), ("½", 0.5)])
def test_a_fraction_claims_all_digits(text, value):
    found = read_freely(text)
    assert isinstance(found, Written)
    assert found.is_exact
    assert found.agrees(value)
    assert not found.agrees(value + 1e-9)


@pytest.mark.parametrize(
    "text",
    ["1,234", "1.2.3", "1 1/2", "0.5 or 0.6", "2*0.5=1.0", "a=b=0.5", "1:2", "5/0", "nan", "1_000",
     "0x10", "1 2", "--3", "٣.٥", "%", "$0.5", "abc"],
)  # fmt: skip
def test_what_may_be_read_in_two_ways_is_no_number(text):
    assert isinstance(read_freely(text), NotANumber)


def test_the_sign_before_decimals_is_told_from_the_sheet():
    assert decimal_sign(["0,25", "-1,5", "0.5", "1.234"]) == ","
    read, said = read_together({"f": "1,234", "g": "0,25", "h": 1.234, "i": "0.5", "j": "0,1"})
    assert [one.value for one in read.values()] == [1.234, 0.25, 1.234, 0.5, 0.1]
    assert said == {"i": '"0.5" as 0.5'}
    with_points, _ = read_together({"f": "1,234", "g": "0.25"})
    assert "comma may mark decimals or thousands" in with_points["f"].reason


def test_a_number_of_which_a_program_made_a_date_is_none():
    read, _ = read_together({"g": 46115})
    assert "has made a date of it (3.4.2026)" in read["g"].reason


@given(st.decimals(min_value=-999, max_value=999, places=3), st.sampled_from([".", ","]))
def test_every_form_of_a_number_has_its_value(number, sign):
    text = f"{number:f}".replace(".", sign)
    for form in (text, f"z={text}", f"~ {text}", f"{text}…", text.replace("-", "−")):
        found = read_freely(form, sign)
        assert isinstance(found, Written)
        assert found.value == float(number)
