"""Which rows get their example right."""

from __future__ import annotations

import pytest

from bpsheet.runs.epochs import ExamplesRight
from tests.helpers.networks import experiment


@pytest.mark.parametrize(
    ("classes", "middle"), [((0.0, 1.0), 0.5), ((-1.0, 1.0), 0.0), ((0.0, 2.0), None)]
)
def test_one_output_has_the_classes_0_and_1_or_minus_1_and_1(classes, middle):
    """Other targets are no classes: no row is right or wrong."""
    examples = [(0.5, -1.0, target) for target in classes]
    right = ExamplesRight(experiment({"units": 1}, examples=examples).program())
    assert (right.middle if right.pairs else None) == middle
