"""What users hold: an experiment and its trace, as values that stay what they are."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp


def test_the_numbers_of_a_trace_cannot_be_written_over():
    trace = bp.load("two-neuron").run(3)
    before = trace.frame.copy()
    with pytest.raises(ValueError, match="read-only"):
        trace.values[0, 0] = 5.0
    mine = trace.frame
    mine.loc[1, "g"] = 5.0
    assert trace.frame.equals(before)
    assert np.array_equal(trace.forward["g"], before["g"])


def test_an_experiment_is_a_line_and_a_card_however_large_it_is():
    experiment = bp.load("digits")
    assert len(repr(experiment)) < 1_000
    assert "\n" not in repr(experiment)
    card = experiment._repr_html_()
    assert "2,410 weights" in card
    assert "0 example" in card
    assert len(card) < 5_000


@pytest.mark.parametrize("name", ["two-neuron", "iris", "line-adam"])
def test_an_experiment_made_again_from_its_tables_is_equal(name):
    experiment = bp.load(name)
    assert bp.Experiment(**experiment.to_dict()) == experiment
    assert bp.Experiment.from_dict(experiment.to_dict()) == experiment


def test_a_field_cannot_be_assigned_and_the_message_says_what_to_do():
    with pytest.raises(bp.BpsheetError, match="title: cannot be changed here"):
        bp.load("two-neuron").title = "mine"
