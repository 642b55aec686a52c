"""An experiment written as a file reads back as the same experiment."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.api.experiment import Experiment
from bpsheet.api.opening import load
from tests.helpers.experiment_files import GOOD, read
from tests.helpers.samples import draws
from tests.helpers.strategies import experiments


@pytest.mark.slow
@given(experiments())
@draws(40)
def test_what_is_written_reads_back_to_the_same_run_bit_for_bit(experiment):
    again = read(experiment.to_toml())
    assert again.to_dict() == experiment.to_dict()
    one, other = experiment.run(), again.run()
    assert one.program.names == other.program.names
    assert one.values.tobytes() == other.values.tobytes()


numbers = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.slow
@given(st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=4), numbers)
@draws(100)
def test_every_number_is_written_to_its_last_bit(examples, rate):
    tables = read(GOOD).to_dict()
    tables["data"]["examples"] = examples
    tables["training"]["learning_rate"] = rate
    again = read(Experiment.from_dict(tables).to_toml())
    assert np.array(again.data.examples).tobytes() == np.array(examples).tobytes()
    assert math.copysign(1, again.training.learning_rate) == math.copysign(1, rate)
    assert again.training.learning_rate == rate


@pytest.mark.slow
@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
    | st.sampled_from(["[1,  2]", "[a,]", 'say "[x,\\n y ]"', "[ [1, 2],\n[3] ]"])
)
@draws(40)
def test_any_title_reads_back_as_it_was(text):
    tables = read(GOOD).to_dict() | {"title": text, "notes": text * 2}
    experiment = Experiment.from_dict(tables)
    again = read(experiment.to_toml())
    assert again.title == text
    assert again.to_dict() == experiment.to_dict()


def test_names_with_spaces_and_brackets_read_back_as_they_were():
    tables = read(GOOD).to_dict()
    tables["network"]["inputs"] = ["x  1", "x[2,]"]
    tables["data"]["columns"] = ["x  1", "x[2,]", "y"]
    assert read(Experiment.from_dict(tables).to_toml()).network.inputs == ["x  1", "x[2,]"]


def test_a_written_file_has_a_row_of_numbers_on_a_line():
    lines = read(GOOD).to_toml().split("\n")
    assert 'inputs = ["x1", "x2"]' in lines
    assert "    [-0.9, 0.1, 1.0]," in lines


def test_what_was_left_to_its_default_is_not_written():
    text = load("two-neuron").to_toml()
    assert "batch_size" not in text
    assert "[test]" not in text
