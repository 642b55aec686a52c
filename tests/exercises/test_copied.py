"""Answers that were copied from a student with other numbers are said to be so."""

from __future__ import annotations

import shutil

import pytest

from bpsheet.exercises.key import read_key
from bpsheet.exercises.names import file_name
from tests.helpers.grading import EXERCISE, NETWORK, answers_of, fill, grade_folder


@pytest.fixture
def graded(filled_in, tmp_path):
    """Marks Dee's sheet with these answers, and those of the others, who have theirs right."""

    def grade(answers, *, key=True, others=("Ada", "Bob", "Cem")):
        shutil.copytree(filled_in / "key", tmp_path / "key")
        (tmp_path / "sheets").mkdir()
        for other in others:
            shutil.copy(filled_in / "sheets" / file_name(other), tmp_path / "sheets")
        sheet = tmp_path / "sheets" / file_name("Dee")
        fill(sheet, EXERCISE.task("Dee"), answers, name="Dee")
        found = read_key(tmp_path / "key") if key else None
        grades = grade_folder(tmp_path / "sheets", NETWORK, key=found)
        return {sheet.student: sheet.warnings for sheet in grades.sheets}

    return grade


@pytest.mark.sample(1)
@pytest.mark.parametrize("key", [True, False])
def test_anothers_answers_are_said_to_be_anothers(graded, key):
    """The owner is on the roster, or has handed in a sheet as well."""
    warnings = graded(answers_of(EXERCISE.task("Bob")), key=key)
    assert warnings["Dee"] == ("its answers are those of Bob's sheet",)
    assert not any(warnings[name] for name in ("Ada", "Bob", "Cem"))


def test_some_slips_in_what_was_copied_hide_nothing(graded):
    copied = answers_of(EXERCISE.task("Bob"))
    changed = dict.fromkeys(list(copied)[::8], "0.777")
    assert graded(copied | changed, others=["Bob"])["Dee"] == (
        "its answers are those of Bob's sheet",
    )


def test_wrong_answers_of_ones_own_are_nobodys(graded):
    own = answers_of(EXERCISE.task("Dee"))
    turned = {name: f"{-1.7 * float(text):.4f}" for name, text in own.items()}
    assert graded(turned, others=["Bob"])["Dee"] == ()


def test_a_sheet_that_is_right_for_the_most_part_is_ones_own(graded):
    """A few values of a neighbour's do not make it the neighbour's."""
    copied = dict(list(answers_of(EXERCISE.task("Bob")).items())[-8:])
    answers = answers_of(EXERCISE.task("Dee")) | copied
    assert graded(answers, others=["Bob"])["Dee"] == ()
