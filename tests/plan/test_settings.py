"""Settings: what counts is whole, and no weight is called as a setting is."""

from __future__ import annotations

import pytest

import bpsheet as bp
from tests.helpers.experiment_files import GOOD, read

NAMES = ("iterations", "batch_size", "learning_rate", "reduction")


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_cannot_be_called_as_a_setting_is(name):
    """Either is changed by its name, in verify, --set and sweeps: of two, one would be lost."""
    tables = read(GOOD).to_dict()
    weight = read(GOOD).model.weights[0]
    tables.setdefault("notation", {})["rename"] = {weight: name}
    with pytest.raises(bp.ExperimentError, match=f'"{name}" is the name of a setting'):
        bp.Experiment.from_dict(tables)


def test_a_parameter_of_ones_own_cannot_be_called_as_a_setting_of_its_rule_is():
    tables = {
        "graph": {
            "inputs": ["x"],
            "parameters": {"momentum": 0.5},
            "forward": ["e = (x - momentum)^2"],
            "loss": "e",
        },
        "data": {"examples": [[1.0]]},
        "training": {"iterations": 2},
    }
    assert bp.Experiment(**tables).run().frame["momentum"].iloc[0] == 0.5
    with pytest.raises(bp.ExperimentError, match='"momentum" is the name of a setting'):
        bp.Experiment(**tables | {"training": {"iterations": 2, "rule": "momentum"}})


def stepped(every):
    schedule = {"kind": "step", "factor": 0.5, "every": every}
    tables = bp.load("two-neuron").to_dict()
    tables["training"] = {"iterations": 12, "learning_rate": 0.1, "schedule": schedule}
    return bp.Experiment.from_dict(tables)


@pytest.mark.parametrize("every", [1.1, 0.5, 2.0000001])
def test_steps_are_whole_numbers_apart(every):
    """INT(11/1.1) is 10 in one spreadsheet and 9 in another: there would be two learning rates."""
    with pytest.raises(bp.ExperimentError, match="every: a whole number of at least 1 expected"):
        stepped(every)


def test_a_whole_number_may_be_written_as_a_decimal_one():
    assert stepped(3.0).run().frame["rate"].nunique() == 4


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 3, 7])
def test_steps_fall_where_other_engines_have_them(every, tmp_path):
    assert bp.verify(stepped(every).run().to_excel(tmp_path / "steps.xlsx")).passed
