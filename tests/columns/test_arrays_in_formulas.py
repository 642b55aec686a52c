"""[graph] with vectors, matrices and sequences: attention and a recurrent net, live and checked."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.verifying.verify import verify
from tests.helpers.samples import spread

ATTENTION = {
    "inputs": ["X", "y"],
    "shapes": {"X": [3, 2], "y": [2]},
    "parameters": {
        "Wq": [[0.1, 0.2], [0.3, -0.1]],
        "Wk": [[0.2, -0.3], [0.1, 0.4]],
        "Wv": [[0.5, 0.1], [-0.2, 0.3]],
    },
    "forward": [
        "Q = X @ Wq",
        "K = X @ Wk",
        "V = X @ Wv",
        "S = softmax(Q @ K.T / sqrt(2))",
        "Z = S @ V",
        "loss = mean((Z[3] - y)^2)",
    ],
    "loss": "loss",
}
RECURRENT = {
    "inputs": ["x", "y"],
    "shapes": {"x": [3, 2]},
    "parameters": {
        "Wx": [[0.1, 0.2], [0.3, -0.1]],
        "Wh": [[0.2, -0.3], [0.1, 0.4]],
        "b": [0.1, 0.0],
        "v": [0.5, -0.4],
    },
    "repeat": {"t": "1:3"},
    "forward": [
        "h[0] = 0 * b",
        "z[t] = Wx @ x[t] + Wh @ h[t - 1] + b",
        "h[t] = tanh(z[t])",
        "p = v @ h[3]",
        "loss = (p - y)^2 / 2",
    ],
    "loss": "loss",
}
EXAMPLES = {
    "attention": [[1, 0, 0.5, -1, 0.2, 0.7, 1, 0], [0, 1, 1, 1, -0.5, 0.1, 0, 1]],
    "recurrent": [[1, 0, 0.5, -1, 0.2, 0.7, 1], [0, 1, 1, 1, -0.5, 0.1, 0]],
}
GRAPHS = {"attention": ATTENTION, "recurrent": RECURRENT}


def experiment(name, **changes):
    return bp.Experiment(
        graph=bp.Graph(**GRAPHS[name] | changes),
        data=bp.Data(examples=EXAMPLES[name]),
        training=bp.Training(learning_rate=0.1, iterations=6),
    )


def in_torch(name, example, weights):
    """The loss by PyTorch, with one example."""
    torch = pytest.importorskip("torch")
    numbers = torch.tensor(example, dtype=torch.float64)
    w = weights
    if name == "attention":
        x, y = numbers[:6].reshape(3, 2), numbers[6:]
        q, k, v = x @ w["Wq"], x @ w["Wk"], x @ w["Wv"]
        z = torch.softmax(q @ k.T / 2**0.5, dim=1) @ v
        return ((z[2] - y) ** 2).mean()
    x, y = numbers[:6].reshape(3, 2), numbers[6]
    h = torch.zeros(2, dtype=torch.float64)
    for step in range(3):
        h = torch.tanh(w["Wx"] @ x[step] + w["Wh"] @ h + w["b"])
    return (w["v"] @ h - y) ** 2 / 2


@pytest.mark.parametrize("name", GRAPHS)
def test_losses_gradients_and_updates_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    trace = experiment(name).run()
    row = {column: trace.frame[column].to_numpy() for column in trace.frame}
    weights = {
        key: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for key, value in GRAPHS[name]["parameters"].items()
    }
    for number in range(6):
        loss = in_torch(name, EXAMPLES[name][number % 2], weights)
        gradients = torch.autograd.grad(loss, list(weights.values()))
        assert row["loss"][number] == pytest.approx(loss.item(), rel=1e-12)
        for (key, weight), gradient in zip(weights.items(), gradients, strict=True):
            for index in np.ndindex(*weight.shape):
                entry = "_".join([key, *(str(n + 1) for n in index)])
                assert row[entry][number] == pytest.approx(weight[index].item(), rel=1e-12)
                expected = pytest.approx(gradient[index].item(), rel=1e-11, abs=1e-15)
                assert row[f"dloss_d{entry}"][number] == expected
        with torch.no_grad():
            for weight, gradient in zip(weights.values(), gradients, strict=True):
                weight.sub_(0.1 * gradient)


@pytest.mark.slow
@pytest.mark.parametrize("name", spread(GRAPHS, 1))
def test_the_workbook_is_live(name, tmp_path):
    experiment(name).run().to_excel(tmp_path / "graph.xlsx", sheets=[])
    assert verify(tmp_path / "graph.xlsx").passed


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", GRAPHS)
def test_the_file_gives_the_same_experiment_and_entries_can_be_changed(name, tmp_path):
    path = tmp_path / "graph.toml"
    path.write_text(experiment(name).to_toml())
    again = bp.load(path)
    assert again.columns == experiment(name).columns
    first = next(iter(GRAPHS[name]["parameters"]))
    changed = again.changed({f"{first}_2_1": 0.75})
    assert changed.graph.parameters[first][1][0] == 0.75
    assert changed.run(1).frame[f"{first}_2_1"].iloc[0] == 0.75


def test_only_some_entries_of_a_matrix_may_be_trained():
    fixed = experiment("attention").replaced(
        training=bp.Training(learning_rate=0.1, iterations=3, only=["Wq_1_1"])
    )
    frame = fixed.run().frame
    assert frame["Wq_1_2"].nunique() == 1
    assert frame["Wq_1_1"].nunique() == 3


def test_an_input_that_is_an_array_may_have_a_derivative():
    frame = experiment("recurrent", gradient_of=["x_1_1", "y"]).run().frame
    base = np.array(EXAMPLES["recurrent"][0], float)
    ends = []
    for sign in (1, -1):
        moved = base.copy()
        moved[0] += sign * 1e-6
        other = experiment("recurrent").replaced(data=bp.Data(examples=[moved.tolist()]))
        ends.append(other.run(1).frame["loss"].iloc[0])
    slope = (ends[0] - ends[1]) / 2e-6
    assert frame["dloss_dx_1_1"].iloc[0] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (
            ["e = sum(X @ y @ Wq)"],
            "product of 3 and 2 × 2: the first has 3 columns, the second 2 rows",
        ),
        (["z = X + Wq", "e = sum(z)"], "sum of 3 × 2 and 2 × 2: the shapes do not fit"),
        (["z = X @ Wq", "e = z"], "graph.loss: e is 3 × 2 numbers; sum or mean makes one of them"),
        (["z = X[4]", "e = sum(z)"], "X has 3 rows, from 1; there is no X[4]"),
        (["e = softmax(2)"], "softmax takes a vector, or a matrix row by row"),
        (["z[k] = y", "e = sum(y)"], "a number or a name of repeat expected in h[…]"),
        (["e = mean(3)"], "mean takes a vector or a matrix"),
        (["z[1] = y", "e = sum(z[2])"], "no z[2]; there is z[1]"),
        (["e = y[1][1]"], "expected an operator or the end"),
        (["e = sum(X[q])"], "a whole number expected"),
    ],
)
def test_what_does_not_fit_is_said_with_both_shapes_and_a_caret(forward, said):
    given = ATTENTION | {"forward": forward, "loss": "e"}
    with pytest.raises(ExperimentError) as caught:
        bp.Experiment(graph=bp.Graph(**given), data=bp.Data(examples=EXAMPLES["attention"]))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repeat": {"t": "3"}}, 'graph.repeat.t: a range such as "1:3" expected'),
        ({"repeat": {"t": "5:2"}}, "1 to 1,000 steps expected; 5:2 has 0"),
        ({"shapes": {"q": [2]}}, "graph.shapes.q: no input"),
        ({"shapes": {"x": [0]}}, "shapes.x[1]: a number of at least 1 expected; got 0"),
        ({"parameters": {"Wx": [[1, 2], [3]]}}, "rows of one length expected"),
        ({"parameters": {"Wx": []}}, "at least one number expected"),
        ({"parameters": {"Wx": [1, True]}}, "a number expected; got true (a boolean)"),
    ],
)
def test_tables_that_do_not_fit_are_refused(changes, said):
    with pytest.raises(ExperimentError) as caught:
        experiment("recurrent", **changes)
    assert said in str(caught.value)


def test_a_quantity_knows_its_step_of_a_sequence():
    steps = {q.name: q.step for q in experiment("recurrent").program().quantities}
    assert [steps[f"h[{t}]"] for t in (0, 1, 2, 3)] == [0, 1, 2, 3]
    assert steps["p"] is None
    counted = experiment("recurrent", forward=[*RECURRENT["forward"][:3], "s[t] = softmax(h[t])", "c[t] = sum(s[t])", "loss = c[1] + c[2] + sum(h[3])"])  # fmt: skip
    steps = {q.name: q.step for q in counted.program().quantities}
    # A step's numbers, and the parts of its softmax.
    assert (steps["c2"], steps["s3_max"], steps["s3_sum"], steps["loss"]) == (2, 3, 3, None)
