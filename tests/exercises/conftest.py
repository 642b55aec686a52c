"""Exercises that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook

from bpsheet.exercises.exercise import Task
from bpsheet.exercises.fillin import SHEET
from bpsheet.exercises.handout import write_sheet
from bpsheet.exercises.roster import file_name
from tests.helpers.exercises import Z_G_ROW, two_neurons
from tests.helpers.grading import EXERCISE


@pytest.fixture(scope="module")
def live(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("live") / "live.xlsx"
    write_sheet(two_neurons(), path, live=True)
    assert load_workbook(path)[SHEET][f"A{Z_G_ROW}"].value == "z_g"
    return path


@pytest.fixture
def ada() -> Task:
    return EXERCISE.task("Ada")


@pytest.fixture
def own(tmp_path) -> Path:
    """Where Ada's sheet lies, under the name that it was handed out with."""
    return tmp_path / file_name("Ada")
