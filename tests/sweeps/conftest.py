"""What is swept."""

from __future__ import annotations

import pytest

import bpsheet as bp


@pytest.fixture
def xor():
    return bp.load("book-xor").changed({"iterations": 41})
