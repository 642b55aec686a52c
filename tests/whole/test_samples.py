"""What the default run takes of a list: so many, and none is lost to the slow run."""

import pytest

from tests.helpers.samples import SIMILAR, spread


def quick(cases):
    return [case.values for case in cases if not case.marks]


def test_so_many_stay_from_the_first_to_the_last():
    cases = spread(range(10), 4)
    assert [case.values for case in cases] == [(number,) for number in range(10)]
    assert quick(cases) == [(0,), (3,), (6,), (9,)]
    assert all(case.marks == [pytest.mark.slow] for case in cases if case.marks)


def test_more_than_there_are_is_all_and_one_is_the_first():
    assert quick(spread([(1, "a"), (2, "b")], 5)) == [(1, "a"), (2, "b")]
    assert quick(spread("abc", 1)) == [("a",)]


def test_what_is_slow_already_or_like_another_is_not_counted():
    """Else nothing might be left to the default run."""
    cases = [pytest.param(1, marks=pytest.mark.slow), min(SIMILAR), 2, 3]
    assert quick(spread(cases, 1)) == [(min(SIMILAR),), (2,)]
