"""The rules of a blank give the marks that the judge gives a whole sheet."""

from __future__ import annotations

import random
from collections import Counter

import pytest

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.exercises.banks.rules import Kind, blanks_of
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.marks import MARKS, Scale
from tests.helpers.banks import EACH_TIME, KINDS, alone, marks_by_grade, sheet_of, together
from tests.helpers.samples import sampled

NAMES = ("two-neuron", "matrix-1-2-1", "line-adam", "book-xor", "binary-classification")
# The least part of values that have the mark that `grade` gives them, where it is not all.
TOGETHER = {"slip": 0.97, "rounded slip": 0.97, "nonsense": 0.99, "short": 0.97, "off": 0.99}
# The same where each blank is judged by itself, and a slip costs its mark each time that it is made.
ALONE = {"slip": 0.93, "rounded slip": 0.93, "nonsense": 0.95, "short": 0.97, "off": 0.96}


def agreement(names, sheets, seeds):
    """For each kind of sheet the part of values that have the mark of `grade`: by rules that know the
    blanks before, and by those that do not.
    """
    count, both, own = Counter(), Counter(), Counter()
    for name in names:
        for seed in range(seeds):
            task = Exercise(bp.load(name), vary=("weights",)).task(str(seed))
            blanks = blanks_of(task)
            rng = random.Random(seed)
            for number in range(sheets):
                kind = KINDS[number % len(KINDS)]
                sheet = sheet_of(task, kind, rng)
                whole, right = together(blanks, sheet), marks_by_grade(task, sheet, Scale())
                each = marks_by_grade(task, sheet, EACH_TIME)
                count[kind] += len(blanks)
                both[kind] += sum(whole[place] == right[place] for place in right)
                own[kind] += sum(
                    alone(b, sheet[b.line.place]) == each[b.line.place] for b in blanks
                )
    return {kind: (both[kind] / count[kind], own[kind] / count[kind]) for kind in KINDS}


def check(found):
    for kind, (both, own) in found.items():
        assert both >= TOGETHER.get(kind, 1.0), (kind, both)
        assert own >= ALONE.get(kind, 1.0), (kind, own)


@pytest.mark.slow
def test_the_rules_give_the_marks_of_grade():
    """Right sheets and rounded ones have the very marks of `grade`, and others nearly all of them."""
    check(agreement(NAMES[:1], 24, 1))


@pytest.mark.slow
def test_the_rules_give_the_marks_of_grade_on_two_thousand_sheets():
    check(agreement(NAMES, 80, 5))


@pytest.mark.parametrize("digits", sampled([2, 3, 4, 6], 4))
def test_what_is_right_to_the_digits_that_are_asked_has_every_mark(digits):
    task = Exercise(bp.load("two-neuron"), digits=digits).task()
    for blank in blanks_of(task):
        assert alone(blank, task.rounded(blank.line)) == 1
        assert alone(blank, repr(blank.exact)) == 1


def test_a_turned_sign_is_told_and_earns_nothing():
    task = Exercise(bp.load("two-neuron"), ask=("z_g",)).task()
    (blank,) = blanks_of(task)
    rule = next(rule for rule in blank.alone if rule.holds(0.25))
    assert (rule.kind, rule.share) == (Kind.SLIP, 0)
    assert rule.said == "A common slip: the sign is reversed."


def test_what_follows_from_a_slip_is_right_only_after_the_slip():
    task = Exercise(bp.load("two-neuron"), ask=("z_g", "g")).task()
    blanks = blanks_of(task)
    after = together(blanks, {(1, "z_g"): "0.250", (1, "g"): "0.245"})
    without = together(blanks, {(1, "z_g"): "-0.250", (1, "g"): "0.245"})
    assert (after[1, "g"], without[1, "g"]) == (1, 0)


def test_digits_that_are_missing_or_off_earn_what_the_scale_says():
    scale = Scale({**MARKS, "too few digits": 0.25, "close": 0.75, "cut, not rounded": 0.1})
    task = Exercise(bp.load("two-neuron"), ask=("z_f",)).task()  # -0.32245933
    (blank,) = blanks_of(task, scale)
    assert [alone(blank, text) for text in ("-0.322", "-0.32", "-0.323", "-0.3")] == [
        1,
        0.25,
        0.75,
        0,
    ]
    task = Exercise(bp.load("two-neuron"), ask=("f",)).task()
    (blank,) = blanks_of(task, scale)
    assert alone(blank, f"{int(blank.exact * 1000) / 1000:.3f}") in (0.1, 1)


def test_points_and_a_total_are_those_of_the_scale():
    task = Exercise(bp.load("two-neuron"), ask=("z_g", "MSE")).task()
    scale = Scale(points={"MSE": 3.0}, total=10)
    assert [blank.points for blank in blanks_of(task, scale)] == [2.5, 7.5]


def test_a_cost_for_a_cause_is_refused():
    task = Exercise(bp.load("two-neuron")).task()
    with pytest.raises(ExperimentError, match="cause: learning systems mark each value by itself"):
        blanks_of(task, Scale(cause=1.0))
