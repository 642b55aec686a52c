"""The tables of rules and schedules, and the names that type checkers know."""

from typing import get_args

from bpsheet.textbook.rules import RULES, SCHEDULES, RuleName, ScheduleName


def test_the_names_are_those_of_the_tables():
    """The perceptron's rule is no descent, one's own is in the experiment, and none is no rule."""
    assert set(get_args(RuleName)) == {*RULES, "perceptron", "formula", "none"}
    assert set(get_args(ScheduleName)) == set(SCHEDULES)
