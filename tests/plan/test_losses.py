"""What an experiment file may say of the loss, and how a mistake is told."""

from __future__ import annotations

import pytest

import bpsheet as bp


def network(loss="squared_error", outputs=2, activation="linear", examples=None, **more):
    tables = {
        "network": {
            "inputs": ["x"],
            "targets": [f"t{n}" for n in range(outputs)],
            "loss": loss,
            "layers": [{"units": outputs, "activation": activation}],
        },
        "data": {"examples": examples or [[0.5] + [1.0] * outputs]},
        "training": {"iterations": 2},
    }
    for key, values in more.items():
        tables[key] = tables.get(key, {}) | values
    return bp.Experiment(**tables)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("(t - yy)^2", "unknown name 'yy'; did you mean 'y'?\n      (t - yy)^2\n           ^"),
        ("(t - y", "expected ')', found the end\n      (t - y\n            ^"),
        ("t^2", 'a formula of y, the output, expected, such as "(t - y)^4"; got "t^2"'),
        ("hubert", 'unknown loss "hubert"; did you mean "huber"?'),
        ("delta*(t - y)", "unknown name 'delta'; known here: t, y"),
    ],
)
def test_a_formula_that_is_none_is_pointed_at(loss, said):
    with pytest.raises(bp.ExperimentError) as caught:
        network(loss)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"network": {"delta": 1.0}}, "network.delta: used by huber only; leave it out"),
        ({"network": {"label_smoothing": 0.1}}, "used by cross_entropy only; leave it out"),
        (
            {"network": {"class_weights": [1.0]}},
            "2 numbers expected, one for each of t0, t1; got 1",
        ),
        (
            {"data": {"weight": "x"}},
            'data.weight: a column of its own expected; "x" is in [network]',
        ),
        ({"data": {"weight": "w"}}, "4 numbers expected (x, t0, t1, w); got 3"),
        (
            {"data": {"weight": "w", "examples": [[0.5, 1.0, 1.0, -1.0]]}},
            "a weight of at least 0 expected (w); got -1",
        ),
        ({"training": {"l1": -0.1}}, "training.l1: a number of at least 0 expected; got -0.1"),
    ],
)
def test_numbers_of_a_loss_that_do_not_fit_are_told(tables, said):
    with pytest.raises(bp.ExperimentError) as caught:
        network(**tables)
    assert said in str(caught.value)


def test_hinge_knows_the_targets_minus_one_and_one_only():
    assert network("hinge", examples=[[0.5, -1.0, 1.0]]).run().first_error is None
    with pytest.raises(bp.ExperimentError, match="hinge needs targets of -1 or 1; got 0"):
        network("hinge", examples=[[0.5, 0.0, 1.0]])


def test_class_weights_do_not_go_with_the_simplified_form():
    with pytest.raises(bp.ExperimentError, match="the error is not output minus target"):
        network(
            "cross_entropy",
            activation="softmax",
            examples=[[0.5, 0.0, 1.0]],
            network={"class_weights": [1.0, 2.0], "output_error": "simplified"},
        )


def test_a_likelihood_is_target_minus_output_already():
    with pytest.raises(bp.ExperimentError, match="has this sign already"):
        network(
            "gaussian_log_likelihood",
            network={"output_error": "target_minus_output"},
            training={"rule": "gradient_ascent"},
        )


@pytest.mark.parametrize("table", [{"data": {"weight": "w"}}, {"training": {"l2": 0.1}}])
def test_a_graph_has_weights_and_penalties_in_its_formulas(table):
    tables = {
        "graph": {
            "inputs": ["x"],
            "parameters": {"w": 0.5},
            "forward": ["e = (x - w)^2"],
            "loss": "e",
        },
        "data": {"examples": [[1.0]]},
        "training": {"iterations": 1},
    }
    for key, values in table.items():
        tables[key] = tables[key] | values
    with pytest.raises(bp.ExperimentError, match="a graph has it in its formulas"):
        bp.Experiment(**tables)


def test_a_weight_is_read_from_a_file_beside_the_label(tmp_path):
    (tmp_path / "d.csv").write_text("x,kind,w\n0.5,t1,2\n0.1,t0,0.5\n", "utf-8")
    tables = network("cross_entropy", activation="softmax", examples=[[0.5, 0.0, 1.0]]).to_dict()
    tables["data"] = {"file": "d.csv", "label": "kind", "weight": "w"}
    made = bp.Experiment.from_dict(tables, base=tmp_path)
    assert made.data.examples == [[0.5, 0.0, 1.0, 2.0], [0.1, 1.0, 0.0, 0.5]]


def test_the_numbers_of_a_loss_are_cells_and_can_be_changed():
    made = network("huber", network={"delta": 0.3}, training={"l2": 0.1})
    changed = made.changed({"delta": 0.5, "l2": 0.2})
    assert (changed.network.delta, changed.training.l2) == (0.5, 0.2)
    assert [cell.name for cell in made.program().parameters] == ["learning_rate", "delta", "l2"]


def test_a_loss_whose_weights_are_all_frozen_still_has_its_cells():
    made = network("huber")
    frozen = bp.Experiment(**made.to_dict() | {"training": {"iterations": 1, "only": []}})
    assert frozen.run().first_error is None
