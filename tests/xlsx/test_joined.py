"""Numbers in texts, and rounded: held against an engine that was made after Excel's own results."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.xlsx.joined import joined, rounded
from tests.helpers.samples import draws

# Numbers of any size; of few digits, down to the smallest that a text writes out; halves of a digit.
powers = st.integers(-305, 305)
near = st.integers(-24, 24)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(lambda n, e: float(f"{n}e{e}"), st.integers(-99_999, 99_999), near),
    st.builds(lambda n, e: float(f"{n}5e{e}"), st.integers(1_000, 9_999), powers),
    st.builds(lambda n: n + 0.5, st.integers(10**13, 10**15)),
    st.builds(lambda n, e: n * 10.0**e, st.floats(1, 10), near),
).filter(lambda value: sys.float_info.min <= abs(value) < 1e308)


@pytest.mark.slow  # formulon takes five seconds to start
@draws(30)
@given(st.lists(numbers, min_size=30, max_size=60))
def test_numbers_become_text_and_round_as_in_excel(values):
    formulon = pytest.importorskip("formulon")
    book = formulon.Workbook.create_default()
    for row, value in enumerate(values):
        book.set_number(0, row, 0, value)
        book.set_formula(0, row, 1, f'=A{row + 1}&""')
        book.set_formula(0, row, 2, f"=ROUND(A{row + 1},3-INT(LOG10(ABS(A{row + 1}))))")
    book.recalc()
    for row, value in enumerate(values):
        assert joined(value) == book.get_value(0, row, 1).text
        if 1e-290 < abs(value) < 1e290:
            assert rounded(value, 4) == book.get_value(0, row, 2).number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (-5e-324, "0"), (100.0, "100"), (1e-18, "0.000000000000000001"),
        (1e-19, "1E-19"), (123456789012345678.0, "123456789012346000"), (-1.5e300, "-1.5E+300"),
        (1.234567890123456e-98, "1.23456789012346E-98"), (2e-99, "2E-99"),
        (1879 / 2**17, "0.0143356323242187"),  # ends in …1875: a half of the last digit
    ],
)  # fmt: skip
def test_some_texts(value, text):
    assert joined(value) == text


def test_the_largest_number_cannot_be_rounded_up():
    assert rounded(1.7976e308, 4) == float("inf")
    assert rounded(0.0, 4) == rounded(-0.0, 4) == 0.0
