"""Large libraries that tests compare with: imported by the first test that uses them.

Each process that runs tests collects all of them, and would import Keras for it.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

import pytest

__all__ = ["Later", "later"]


class Later:
    """A module that is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_", "pytest_")):  # what collecting asks of everything
            raise AttributeError(name)
        return getattr(importlib.import_module(self._name), name)


def later(name: str) -> Any:
    """A module, later. Without its library the tests of the module that asks for it are skipped."""
    library = name.partition(".")[0]
    if find_spec(library) is None:
        pytest.skip(f"could not import {library}", allow_module_level=True)
    return Later(name)
