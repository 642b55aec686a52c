"""Programs of matrices, as people write them with NumPy, and their bugs: judged by their arrays."""
# ruff: noqa: N806 - matrices have the names that the programs give them

from __future__ import annotations

import itertools
import zipfile

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.errors import HandError
from bpsheet.hand.verdict import Verdict
from tests.hand.test_cases import network
from tests.helpers.samples import sampled, spread

RATE = 0.5


def experiment(count=4, outputs=3, *, hidden=4, reduction="mean"):
    """3-4-3, tanh and softmax, as in case 16, or with one logistic output."""
    rng = np.random.default_rng(2)
    inputs = rng.uniform(-1, 1, (count, 3)).round(2)
    if outputs == 1:
        targets = (np.arange(count) % 2)[:, None].astype(float)
        last, loss = "logistic", "binary_cross_entropy"
    else:
        targets = np.eye(outputs)[np.arange(count) % outputs]
        last, loss = "softmax", "cross_entropy"
    batch = {"batch_size": "all", "reduction": reduction} if count > 1 else {}
    return network(
        [3, hidden, outputs],
        ["tanh", last],
        loss=loss,
        examples=np.hstack([inputs, targets]).tolist(),
        learning_rate=RATE,
        iterations=2 * count,
        **batch,
    )


def program(given, bug=None, dtype="float64", *, is_folded=True):
    """One step of somebody's training loop: rows are examples, W is inputs by neurons."""
    layers = given.network.layers
    examples = np.array(given.data.examples, dtype=dtype)
    X, Y = examples[:, :3], examples[:, 3:]
    N = len(X)
    W1, W2 = (np.array(layer.weights, dtype=dtype).T for layer in layers)
    b1, b2 = (np.array(layer.bias, dtype=dtype) for layer in layers)
    Z1 = X @ W1 + b1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2 + b2
    if Y.shape[1] == 1:
        A2 = 1 / (1 + np.exp(-Z2))
        loss = -(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)).sum() / N
    else:
        E = np.exp(Z2)
        A2 = E / E.sum(axis=1, keepdims=True)
        loss = -(Y * np.log(A2)).sum() / N
    dZ2 = A2 - Y
    if bug == "derivative twice":
        dZ2 = dZ2 * A2 * (1 - A2)
    share = 1 if bug == "no mean" else N
    if is_folded:
        dZ2, share = dZ2 / share, 1
    dW2 = A1.T @ dZ2 / share
    db2 = dZ2.sum(axis=0) / share
    used = W2 - RATE * dW2 if bug == "too early" else W2
    back = dZ2 @ (used if bug == "not transposed" else used.T)
    dZ1 = back * (1 - Z1**2 if bug == "slope of the sum" else 1 - A1**2)
    dW1 = X.T @ dZ1 / share
    db1 = (dZ1[-1] if bug == "bias not summed" else dZ1.sum(axis=0)) / share
    arrays = {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
    arrays |= {"loss": loss, "dZ2": dZ2, "dW2": dW2, "db2": db2, "dZ1": dZ1, "dW1": dW1, "db1": db1}
    arrays |= {"W1_new": W1 - RATE * dW1, "b1_new": b1 - RATE * db1}
    return arrays | {"W2_new": W2 - RATE * dW2, "b2_new": b2 - RATE * db2}


@pytest.mark.sample(3)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("is_folded", [True, False])
@pytest.mark.parametrize("count", [1, 4])
def test_a_right_program_is_right_in_either_convention(outputs, is_folded, count):
    given = experiment(count, outputs)
    trace = given.run(2 * count)
    report = trace.compare(program(given, is_folded=is_folded))
    assert set(report["verdict"]) <= {"correct", "other convention"}
    assert len(report) > 50
    if count > 1 and is_folded:
        assert "mean over the 4 examples" in report.convention
    else:
        assert set(report["verdict"]) == {"correct"}


@pytest.mark.slow
def test_single_precision_is_compared_as_such():
    given = experiment()
    trace = given.run(8)
    report = trace.compare(program(given, dtype="float32"))
    assert set(report["verdict"]) <= {"correct", "other convention", "rounded early"}
    copy = {name: trace.frame[name].to_numpy("float32")[:4] for name in trace.forward}
    assert set(trace.compare(copy)["verdict"]) <= {"correct", "rounded early"}


BUGS = {
    "no mean": ("batch", {"sum instead of mean", "factor 2 or ½"}),
    "not transposed": ("h", {"weights not transposed"}),
    "bias not summed": ("batch", {"batch sum left out"}),
    "slope of the sum": ("h", {"sum in place of the output"}),
    "too early": ("h", {"weight after its update"}),
    "derivative twice": ("out", {"derivative taken twice"}),
}


# Of one example, and of a batch of four; a mean of one is none, and one row is its own transpose.
PROGRAMS = [
    (bug, outputs, count, is_folded)
    for bug, outputs, count, is_folded in itertools.product(BUGS, (1, 3), (1, 4), (True, False))
    if not (count == 1 and bug in ("no mean", "bias not summed"))
    and not (bug == "not transposed" and outputs == 1)
]
SOME = [
    *((bug, 1, 4, True) for bug in BUGS if bug != "not transposed"),
    ("not transposed", 3, 4, True),
    ("slope of the sum", 1, 1, False),
    ("too early", 3, 1, True),
    ("no mean", 3, 4, False),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bug", "outputs", "count", "is_folded"), spread(sampled(PROGRAMS, *SOME), 4)
)
def test_a_bug_is_one_finding_at_the_right_array(bug, outputs, count, is_folded):
    hidden = outputs if bug == "not transposed" else 4
    given = experiment(count, outputs, hidden=hidden)
    report = given.run(2 * count + 1 if count == 1 else 2 * count).compare(
        program(given, bug, is_folded=is_folded)
    )
    where, kinds = BUGS[bug]
    assert len(report.causes) == 1, report.causes
    assert report.causes["kind"][0] in kinds
    assert report.causes["quantity"][0].startswith(where)
    assert report.notes[0].startswith("the first array that differs is")


@pytest.mark.slow
def test_square_weights_are_read_as_they_fit_and_it_is_said():
    given = experiment(4, 3, hidden=3)
    trace = given.run(8)
    arrays = program(given)
    report = trace.compare(arrays)
    assert report.notes[:1] == ["W1 is read transposed: its rows are our columns"]
    turned = {name: value.T if value.ndim == 2 else value for name, value in arrays.items()}
    again = trace.compare(turned)
    assert set(again["verdict"]) == set(report["verdict"])
    assert "Z1 is read transposed: its rows are our columns" in again.notes


def test_layers_may_be_counted_from_0():
    given = experiment()
    names = {"W1": "W0", "b1": "b0", "W2": "W1", "b2": "b1"}
    arrays = program(given)
    report = given.run(8).compare({new: arrays[old] for old, new in names.items()})
    assert set(report["verdict"]) == {"correct"}


@pytest.mark.slow
def test_another_run_a_frame_and_a_file_are_compared_too(tmp_path):
    given = experiment()
    trace = given.run(8)
    assert set(trace.compare(given.run(6))["verdict"]) == {"correct"}
    other = trace.compare(given.changed({"learning_rate": 0.4}).run(6))
    assert not other["verdict"].isin(["correct"]).all()
    np.savez(tmp_path / "mine.npz", **program(given))
    report = trace.compare(tmp_path / "mine.npz")
    assert set(report["verdict"]) <= {"correct", "other convention"}


@pytest.mark.slow
def test_nan_and_odd_arrays_are_said():
    given = experiment()
    trace = given.run(8)
    arrays = program(given)
    arrays["A1"][1, 2] = np.nan
    report = trace.compare(arrays)
    wrong = report[report["verdict"] == "not a number"]
    assert wrong["reason"].tolist() == ["The value is nan; a finite number is expected."]
    assert "A1[1, 2]" in report.notes[0]
    with pytest.raises(HandError, match=r"Z1: a shape of \(4, 4\) .* expected; got \(4, 5\)"):
        trace.compare({"Z1": np.zeros((4, 5))})
    with pytest.raises(HandError, match='unknown array "Q7"'):
        trace.compare({"Q7": np.zeros((4, 5))})
    report = trace.compare({"A2": arrays["A2"], "cache": arrays["A2"]})
    assert report.notes[-1] == "not compared, since no array of the run has such a name: cache"


def test_torch_tensors_are_arrays():
    torch = pytest.importorskip("torch")
    given = experiment()
    arrays = {name: torch.tensor(value) for name, value in program(given).items()}
    assert set(given.run(8).compare(arrays)["verdict"]) <= {"correct", "other convention"}


@pytest.mark.slow
def test_somebodys_gradient_is_judged():
    given = experiment()
    trace = given.run(8)
    arrays = program(given)
    report = trace.check_gradient({name: arrays[name] for name in ("dW1", "db1", "dW2", "db2")})
    assert set(report["verdict"]) == {"correct"}
    short = trace.check_gradient({name: arrays[f"d{name}"] for name in ("W1", "b1", "W2", "b2")})
    assert short.equals(report)
    wrong = program(given, "bias not summed")
    report = trace.check_gradient({name: wrong[name] for name in ("dW1", "db1", "dW2", "db2")})
    assert report.causes["kind"].tolist() == ["batch sum left out"]
    one = bp.load("two-neuron").run(2)
    flat = {name: one.frame.loc[1, f"dMSE / d{name}"] for name in one.weights}
    assert set(one.check_gradient(flat)["verdict"]) == {"correct"}


def test_numbers_claim_their_own_digits_or_what_is_allowed(trace):
    exact = float(trace.frame.loc[1, "f"])
    found = trace.compare({"f": exact * (1 + 1e-7)})
    assert found["verdict"].tolist() == ["wrong"]
    assert trace.compare({"f": exact * (1 + 1e-7)}, rtol=1e-6)["verdict"].tolist() == ["correct"]
    assert trace.compare({"f": 0.42})["verdict"].tolist() == ["correct"]
    mixed = trace.compare({"f": 0.42, "g": float(trace.frame.loc[1, "g"])})
    assert mixed["verdict"].tolist() == ["correct", "wrong"]
    assert "to claim only the digits of 0.42, give it as text" in mixed["reason"][1]


def test_the_loss_of_a_batch_and_of_an_epoch_are_compared_by_name():
    given = experiment()
    trace = given.run(8)
    losses = trace.frame["loss"]
    hand = {4: {"batch loss": f"{losses[:4].mean():.5f}", "epoch loss": f"{losses[:4].mean():.5f}"}}
    assert trace.compare(hand)["verdict"].tolist() == [Verdict.CORRECT, Verdict.CORRECT]
    hand = {8: {"epoch loss": f"{losses[4:].sum():.5f}"}}
    assert trace.compare(hand)["verdict"].tolist() != ["correct"]


@pytest.mark.slow
def test_the_commands_take_arrays(tmp_path, command):
    given = experiment()
    path = tmp_path / "mine.toml"
    path.write_text(given.to_toml(), encoding="utf-8")
    np.savez(tmp_path / "right.npz", **program(given))
    np.savez(tmp_path / "wrong.npz", **program(given, "slope of the sum"))
    status, out, _ = command("check", str(path), str(tmp_path / "right.npz"))
    assert status == 0
    assert "Read in another convention" in out
    status, out, _ = command("check", str(path), str(tmp_path / "wrong.npz"))
    assert status == 1
    assert "The first array that differs is dZ1" in out
    status, out, _ = command("gradcheck", str(path), "--theirs", str(tmp_path / "right.npz"))
    assert status == 0


def test_examples_in_another_order_are_told_and_compared():
    """The gradient of a whole batch is the same whatever the order."""
    given = experiment()
    order = [2, 0, 3, 1]
    arrays = program(given)
    for name in ("Z1", "A1", "Z2", "A2", "dZ1", "dZ2"):
        arrays[name] = arrays[name][order]
    report = given.run(8).compare(arrays)
    assert set(report["verdict"]) <= {"correct", "other convention"}
    assert "the examples stand in another order, as Z1 shows: 3, 1, 4, 2" in report.notes


@pytest.mark.parametrize("sign", [1, -1])
def test_the_learning_rate_inside_the_velocity_is_a_convention(sign):
    """v = μv + ηg and w − v, or with the sign inside, as many texts have it: the same weights."""
    given = network(
        [2, 1], ["tanh"], rule="momentum", momentum=0.9, learning_rate=0.1, iterations=4
    )
    trace = given.run(4)
    velocities = [c.name for c in trace.program if c.role == "memory of the rule"]
    hand = {}
    for row in (1, 2, 3):
        for name in velocities:
            hand[row, name] = f"{sign * 0.1 * trace.frame.loc[row, name]:.6f}"
        for name in trace.update:
            if name.startswith("delta_"):
                hand[row, name] = f"{trace.frame.loc[row, name]:.6f}"
    report = trace.compare(hand)
    assert set(report["verdict"]) <= {"correct", "other convention", "rounded early"}
    assert "inside the velocity" in report.convention


def bomb(path):
    """A small file that would unpack to a gigabyte of noughts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("A1.npy", bytes(200_000_000))


def huge_shape(path):
    """A header that claims more numbers than there are."""
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr(
            "A1.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(80)
        )


def objects(path):
    np.savez(path, A1=np.array([{"a": 1}], dtype=object))


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "make",
    spread(
        [
            lambda path: path.write_bytes(b"not a zip"),
            lambda path: path.write_bytes(b""),
            bomb,
            huge_shape,
            objects,
        ],
        2,
    ),
    ids=["text", "empty", "bomb", "shape", "objects"],
)
def test_a_damaged_or_hostile_file_of_arrays_is_refused_in_a_sentence(tmp_path, make):
    path = tmp_path / "mine.npz"
    make(path)
    with pytest.raises(HandError, match=r"cannot be read as arrays|at most 100,000,000 bytes"):
        bp.load("iris").run(10).compare(path)
