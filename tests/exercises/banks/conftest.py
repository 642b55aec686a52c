"""A question bank that several tests look at."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.exercises.banks.question import questions_of
from bpsheet.exercises.exercise import Exercise


@pytest.fixture(scope="package")
def exercise() -> Exercise:
    return Exercise(bp.load("two-neuron"), vary=("weights",))


@pytest.fixture(scope="package")
def questions(exercise):
    return list(questions_of(exercise, ["Ada", "Bob"]))
