"""Exercises that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook

from bpsheet.exercises.exercise import Task
from bpsheet.exercises.fillin import SHEET
from bpsheet.exercises.handout import write_class, write_sheet
from bpsheet.exercises.names import file_name
from tests.helpers.exercises import Z_G_ROW, two_neurons
from tests.helpers.grading import EXERCISE, STUDENTS, answers_of, fill


@pytest.fixture(scope="module")
def live(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("live") / "live.xlsx"
    write_sheet(two_neurons(), path, live=True)
    assert load_workbook(path)[SHEET][f"A{Z_G_ROW}"].value == "z_g"
    return path


@pytest.fixture(scope="session")
def filled_in(tmp_path_factory) -> Path:
    """A class: the folder `sheets`, filled in rightly, and the folder `key`."""
    folder = tmp_path_factory.mktemp("class")
    write_class(EXERCISE, folder / "sheets", folder / "key", STUDENTS)
    for student in STUDENTS:
        task = EXERCISE.task(student)
        fill(folder / "sheets" / file_name(student), task, answers_of(task))
    return folder


@pytest.fixture
def ada() -> Task:
    return EXERCISE.task("Ada")


@pytest.fixture
def own(tmp_path) -> Path:
    """Where Ada's sheet lies, under the name that it was handed out with."""
    return tmp_path / file_name("Ada")
