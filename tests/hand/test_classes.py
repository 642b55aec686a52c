"""Simulated classes: what is right keeps its marks, a slip is named, nonsense earns nothing."""

from __future__ import annotations

import pytest

from tests.helpers.hand_sheets import measure


def test_a_class_is_judged_rightly():
    """Few sheets; the goals are for the thousands below."""
    shares = measure(2, 3, seed=3)
    assert shares["lost"] == 0
    assert shares["named"] + shares["offered"] > 0.93
    assert shares["false"] < 0.02
    assert shares["kept"] > 0.98
    assert shares["both"] > 0.9
    assert shares["not both"] < 0.05
    assert shares["kept beside two"] > 0.97
    assert shares["foreign"] < 0.2
    assert shares["kept beside foreign"] > 0.97
    assert shares["chance"] < 0.05
    assert shares["readings"] > 0.9
    assert shares["cut"] > 0.99
    assert shares["nonsense"] < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("digits", [3, 4, 5, 6])
def test_over_thousands_of_sheets(digits):
    """The goals, and what was reached, are in tests/README.md."""
    shares = measure(1000, digits, seed=100 + digits)
    assert shares["lost"] == 0
    assert shares["named"] + shares["offered"] > 0.97
    assert shares["false"] < 0.005
    assert shares["kept"] > 0.99
    assert shares["both"] > 0.97
    assert shares["not both"] < 0.01
    assert shares["kept beside two"] > 0.99
    assert shares["foreign"] < 0.05
    assert shares["kept beside foreign"] > 0.98
    assert shares["readings"] > 0.95
    assert shares["nonsense"] < 0.005


@pytest.mark.slow
@pytest.mark.parametrize("sheets", [4, 12])
def test_two_digits_are_read_with_care(sheets):
    shares = measure(sheets, 2, seed=11)
    assert shares["lost"] < 0.01
    assert shares["false"] < 0.03
