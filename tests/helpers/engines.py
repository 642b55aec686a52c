"""Engines that a test needs."""

from __future__ import annotations

import os

import pytest

import bpsheet as bp
from bpsheet.verifying.engines import ENGINES

__all__ = ["needed"]


def needed(name: str) -> str:
    """The engine's name. Without it the test is skipped, or fails where it must be there."""
    try:
        ENGINES[name].require()
    except (bp.EngineError, bp.MissingExtraError) as error:
        if os.environ.get("BPSHEET_ENGINES") == "required":
            pytest.fail(f"{error}, and BPSHEET_ENGINES=required asks for it")
        pytest.skip(str(error))
    return name
