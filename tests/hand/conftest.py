"""The run that is calculated by hand."""

import pytest

import bpsheet as bp


@pytest.fixture(scope="module")
def trace():
    return bp.load("two-neuron").run(iterations=5)
