"""Forward passes alone: the rule none, experiments without their training, data without targets."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.explain.derivation import derive
from bpsheet.plan.checks.size import width_problems
from bpsheet.plan.forward import forward_only
from bpsheet.plan.reader import from_text
from bpsheet.plan.templates import template_names, template_path
from bpsheet.program.kinds import Phase, Role
from bpsheet.tables.tables import Tables
from bpsheet.verifying.verify import verify
from bpsheet.workbook.writing import check_fits
from tests.helpers.browser import numbers_of
from tests.helpers.experiment_files import GOOD, edited, read, refusal
from tests.helpers.pages import CLOSE, largest_difference
from tests.helpers.samples import SAMPLE, sampled

RULES = '"gradient_descent"\nlearning_rate = 0.1\nbatch_size = 1\nreduction = "sum"\niterations = 6'
TESTS = '[test]\nexamples = [[-1, -1, 0], [1, 1, 1]]\ncorrect = "threshold"\n'
UNTRAINED = edited(
    (RULES, '"none"'),
    ('targets = ["y"]\nloss = "half_squared_error"\n', ""),
    ('columns = ["x1", "x2", "y"]', 'columns = ["x1", "x2"]'),
    ("[[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]]", "[[-0.9, 0.1], [0.4, 0.2], [1.5, -2]]"),
    (TESTS, ""),
)


def outputs(weights, x):
    """The two neurons once more, in NumPy: G (tanh) feeds F (logistic)."""
    b1, w1, b2, w2 = weights
    g = np.tanh(b1 + w1 @ x)
    return g, 1 / (1 + np.exp(-(b2 + w2 * g)))


def test_without_training_each_example_has_one_row_of_sums_and_outputs():
    trace = read(UNTRAINED).run()
    assert [*trace.forward] == ["z_g", "g", "z_f", "f"]
    assert {column.phase for column in trace.program} == {
        Phase.INPUT,
        Phase.WEIGHT,
        Phase.FORWARD,
    }
    assert trace.frame["example"].tolist() == [1, 2, 3]
    for row, x in enumerate([[-0.9, 0.1], [0.4, 0.2], [1.5, -2]]):
        g, f = outputs((0.3, np.array([0.6, -0.1]), -0.2, 0.5), np.array(x))
        np.testing.assert_allclose(trace.forward.iloc[row][["g", "f"]], [g, f], rtol=1e-14)


# A batch norm takes the running statistics of a training instead of those of the batch.
ALIKE = [name for name in template_names() if name != "batch-norm"]


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", sampled(ALIKE, *SAMPLE))
def test_a_templates_forward_columns_are_those_of_its_training(name):
    """With the first weights, and for the example that the training presents first."""
    trained, forward = bp.load(name).run(1), bp.load(name).forward().run()
    columns = [c for c in forward.forward if c in trained.forward]
    row = forward.frame["example"] == trained.frame["example"].iloc[0]
    assert len(columns) == len(forward.forward.columns)
    np.testing.assert_array_equal(forward.forward[row][columns], trained.forward[columns])


def test_an_experiment_without_its_training_can_be_written_and_read():
    forward = bp.load("book-xor").forward()
    again = read(forward.to_toml())
    assert again == forward
    assert (again.training.rule, again.network.targets, again.network.loss) == ("none", [], None)
    assert forward.name == "book-xor"


def test_formulas_keep_their_values_and_lose_their_derivatives():
    trace = bp.load("line-adam").forward().run()
    assert [*trace.forward] == ["p", "d", "E"]
    assert not trace.program.phase(Phase.BACKWARD, Phase.GRADIENT, Phase.UPDATE)
    assert all(column.role is not Role.LOSS for column in trace.program)


def test_a_file_without_targets_is_enough(tmp_path):
    (tmp_path / "new.csv").write_text("x2,x1\n0.1,-0.9\n0.5,0.4\n")
    file = ("examples = [[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]]", 'file = "new.csv"')
    (tmp_path / "new.toml").write_text(edited(file, ('columns = ["x1", "x2", "y"]\n', "")))
    with pytest.raises(ExperimentError, match='no column "y"'):
        bp.load(tmp_path / "new.toml")
    trace = bp.load(tmp_path / "new.toml", forward=True).run()
    assert trace.inputs[["x1", "x2"]].to_numpy().tolist() == [[-0.9, 0.1], [0.4, 0.5]]


def test_labels_are_not_read_where_nothing_is_trained():
    experiment = bp.load("iris", forward=True)
    assert experiment.network.targets == []
    assert {len(row) for row in experiment.data.examples} == {len(experiment.network.inputs)}
    assert len(experiment.run()) == 150


def test_weights_and_examples_can_still_be_changed():
    forward = read(GOOD).forward()
    changed = forward.changed({"w_xg1": 0.7, "x1[2]": 3.0, "iterations": 3}).run()
    assert changed.frame.loc[1, "w_xg1"] == 0.7
    assert changed.frame["x1"].tolist() == [-0.9, 3.0, -0.9]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('rule = "none"', 'rule = "none"\nlearning_rate = 0.1', "training.learning_rate"),
        ('rule = "none"', 'rule = "none"\nfreeze = ["w_xg1"]', "training.freeze"),
        ("[network]", '[network]\nloss = "squared_error"', "network.loss"),
        ("[network]", '[network]\nloss = "no such loss"', "network.loss"),
        ("[notation]", f"{TESTS}\n[notation]", "test"),
    ],
)
def test_what_only_a_training_uses_is_refused(old, new, place):
    text = UNTRAINED.replace(old, new, 1)
    assert "leave it out" in refusal(text)[place]


def test_targets_where_nothing_is_trained_are_refused():
    text = UNTRAINED.replace("[network]", '[network]\ntargets = ["y"]').replace(
        "[[-0.9, 0.1], [0.4, 0.2], [1.5, -2]]", "[[-0.9, 0.1, 1]]"
    )
    assert "leave it out" in refusal(text)["network.targets"]


@pytest.mark.parametrize(
    ("engine", "layout"),
    sampled(
        [
            *(("libreoffice", layout) for layout in ("full", "book", "matrix")),
            ("ironcalc", "matrix"),
        ],
        ("ironcalc", "matrix"),
    ),
)
def test_a_workbook_of_forward_passes_is_recalculated(engine, layout, tmp_path, request):
    if engine == "libreoffice":
        request.getfixturevalue("libreoffice")
    path = read(UNTRAINED).run().to_excel(tmp_path / "forward.xlsx", layout)
    report = verify(path, engine)
    assert report.passed
    assert {"w_xg1", "x1[3]"} <= report.changes.keys()
    assert bp.load(path) == read(UNTRAINED)


def test_an_iteration_is_worked_out_without_a_training():
    text = str(read(UNTRAINED).run().explain(2))
    assert "z_g = 1 · w_xg0 + x1 · w_xg1 + x2 · w_xg2" in text
    assert "Backward" not in text
    assert "New weights" not in text
    assert "no loss, and so no gradient" in derive(read(UNTRAINED)).subtitle


@pytest.mark.slow
def test_a_page_computes_forward_passes(tmp_path, opened):
    experiment = read(UNTRAINED)
    page = opened(experiment.to_page(tmp_path / "forward.html", rules=False))
    assert largest_difference(numbers_of(page, 3), experiment.run()) <= CLOSE
    page.evaluate("bpsheet.edits.apply({ w_xg1: 0.7 }); bpsheet.changed();")
    changed = experiment.changed({"w_xg1": 0.7}).run()
    assert largest_difference(numbers_of(page, 3), changed) <= CLOSE


def test_the_steps_of_a_training_are_refused_with_their_reason():
    trace = read(UNTRAINED).run()
    with pytest.raises(ExperimentError, match="no loss, and so no gradient"):
        trace.check_gradient(1)
    assert trace.health().sentences == []


@pytest.mark.parametrize("name", ["two-neuron", "iris", "line-adam", "book-perceptron"])
def test_a_trained_experiment_begins_where_the_run_ends(name):
    """Its first weights are those of the row after the last."""
    experiment = bp.load(name)
    longer = experiment.run(31)
    trained = experiment.run(30).trained()
    first = trained.run(1).weights.iloc[0]
    np.testing.assert_array_equal(first, longer.weights.iloc[-1])


def test_a_trained_network_gives_outputs_for_new_examples():
    trained = read(GOOD).run().trained().forward()
    new = trained.replaced(data=bp.Data(examples=[[2.0, -1.0]])).run()
    w = new.weights.iloc[0]
    weights = (w["w_xg0"], w[["w_xg1", "w_xg2"]].to_numpy(), w["w_gf0"], w["w_gf1"])
    _, f = outputs(weights, np.array([2.0, -1.0]))
    assert new.frame["f"].tolist() == pytest.approx([f], rel=1e-14)


def test_weights_that_have_overflowed_are_no_trained_ones():
    with pytest.raises(ExperimentError, match="have overflowed; run fewer iterations"):
        bp.load("exploding").run().trained()


WIDE = ("units = 32", "units = 100")


@pytest.fixture(scope="module")
def wide():
    """300 examples of a network 64-100-10, which has 7,510 weights and biases."""
    text = template_path("digits").read_text("utf-8").replace(*WIDE)
    return from_text(
        text,
        base=template_path("digits").parent,
        name="wide",
        source="wide",
        made=bp.Experiment,
        forward=True,
    )


@pytest.mark.slow
def test_a_wide_network_computes_every_example(wide):
    """Against NumPy over whole matrices."""
    frame = wide.run().frame
    x = np.array(wide.data.examples)
    values, layers = frame.iloc[0], wide.model.layers
    for layer, activation in zip(layers, ("tanh", "softmax"), strict=True):
        w = np.array([[values[name] for name in row] for row in layer.weights])
        z = x @ w.T + values[list(layer.biases)].to_numpy()
        power = np.exp(z - z.max(axis=1, keepdims=True))
        x = np.tanh(z) if activation == "tanh" else power / power.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(frame[list(layer.outputs)], x, rtol=1e-11)
    assert x.shape == (300, 10)


@pytest.mark.slow
def test_a_wide_network_fits_a_worksheet(wide):
    check_fits(wide, "full", 300)
    assert len(wide.columns) < 7_510 + 64 + 2 * 110 + 30


def test_a_network_too_wide_to_train_can_still_be_computed():
    """Training takes three columns for each of its 38,035 weights, a forward pass one."""
    tables = bp.load("digits").to_dict()
    tables["network"]["layers"][0]["units"] = 507
    (problem,) = width_problems(Tables.model_validate(tables))
    assert problem.message.startswith("38,035 weights")
    assert not list(width_problems(Tables.model_validate(forward_only(tables))))


@pytest.mark.slow
def test_a_wide_networks_workbook_is_recalculated_alike(wide, tmp_path):
    assert verify(wide.run(20).to_excel(tmp_path / "wide.xlsx")).passed
