"""The workbook in which faults are planted."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def book(made) -> Path:
    """Two neurons in the layout book, twelve rows."""
    return made("two-neuron", "book", 12)
