"""The application, and a text to begin with."""

from __future__ import annotations

import pytest

import bpsheet as bp
from tests.helpers.calling import Application

pytest.importorskip("bottle")


@pytest.fixture
def app(tmp_path) -> Application:
    folder = tmp_path / "shelf"
    folder.mkdir()
    return Application(folder)


@pytest.fixture(scope="session")
def text() -> str:
    return bp.load("two-neuron").text
