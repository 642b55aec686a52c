"""Functions of the user's own: written out where they are called, refused with a caret."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.errors import FormulaError
from bpsheet.exercises.exercise import Exercise
from bpsheet.formula.own import own_functions
from bpsheet.formula.parse import MAX_NODES, parse_formula
from bpsheet.verifying.verify import verify
from tests.helpers.experiment_files import edited, read, refusal

FUNCTIONS = '[functions]\nswish = "z -> z*logistic(z)"\nshifted = "(z, by) -> swish(z - by) + by"\n'
TANH = 'activation = "tanh"'
GRAPH = """
[graph]
inputs = ["X", "y"]
shapes = { X = [3, 2], y = [2] }
parameters = { W = [[0.1, 0.2], [0.3, -0.1]], V = [[0.5, 0.1], [-0.2, 0.3]] }
forward = [FORWARD]
loss = "loss"
[data]
examples = [[1, 0, 0.5, -1, 0.2, 0.7, 1, 0]]
[training]
iterations = 20
"""


def with_activation(text):
    return edited((TANH, f'activation = "{text}"'), ("[network]", f"{FUNCTIONS}[network]"))


@pytest.mark.parametrize(
    ("called", "written"),
    [
        ("swish", "z*logistic(z)"),
        ("1 + swish(2*z)", "1 + (2*z)*logistic(2*z)"),
        ("shifted(z, 0.5)", "(z - 0.5)*logistic(z - 0.5) + 0.5"),
    ],
)
def test_an_activation_has_the_columns_of_its_formula_written_out(called, written):
    ours = read(with_activation(called))
    other = read(edited((TANH, f'activation = "{written}"')))
    assert [c.formula for c in ours.columns] == [c.formula for c in other.columns]
    np.testing.assert_array_equal(ours.run().values, other.run().values)


def test_formulas_of_arrays_call_functions_of_arrays():
    """Softmax and the mean inside a function are those of its arguments."""
    functions = (
        '[functions]\nattend = "q, k, v -> softmax(q @ k.T / sqrt(2)) @ v"\n'
        'error = "(a, b) -> mean((a - b)^2)"\nfinal = "a -> a[3]"\n'
    )
    called = read(
        functions
        + GRAPH.replace("FORWARD", '"Z = attend(X @ W, X, X @ V)", "loss = error(final(Z), y)"')
    )
    written = read(
        GRAPH.replace(
            "FORWARD",
            '"Z = softmax((X @ W) @ X.T / sqrt(2)) @ (X @ V)", "loss = mean((Z[3] - y)^2)"',
        )
    )
    assert [c.name for c in called.columns] == [c.name for c in written.columns]
    np.testing.assert_array_equal(called.run().values, written.run().values)
    assert called.run().check_gradient(3, method="complex").passed


@pytest.mark.slow
def test_training_is_that_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")
    trace = read(with_activation("swish").replace("iterations = 6", "iterations = 200")).run()
    w1 = torch.tensor([[0.6, -0.1]], dtype=torch.float64, requires_grad=True)
    b1, w2, b2 = (
        torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (0.3, 0.5, -0.2)
    )
    steps = torch.optim.SGD([b1, w1, b2, w2], lr=0.1)
    data = torch.tensor([[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]], dtype=torch.float64)
    found = []
    for iteration in range(200):
        steps.zero_grad()
        *x, y = data[iteration % 2]
        f = torch.sigmoid(b2 + w2 * torch.nn.functional.silu(b1 + w1 @ torch.stack(x)))
        loss = ((y - f) ** 2).sum() / 2
        loss.backward()
        found.append([b1.item(), *w1[0].tolist(), b2.item(), w2.item(), loss.item()])
        steps.step()
    ours = trace.frame[[*trace.weights, "MSE"]].to_numpy()
    np.testing.assert_allclose(ours, found, rtol=1e-10)


@pytest.mark.slow
def test_workbook_and_file_keep_the_functions(tmp_path):
    experiment = read(with_activation("swish"))
    path = experiment.run().to_excel(tmp_path / "own.xlsx")
    assert verify(path).passed
    assert bp.load(path) == experiment == read(experiment.to_toml())
    assert bp.load(path).functions["swish"] == "z -> z*logistic(z)"
    assert "z_g · logistic(z_g)" in str(experiment.run(1).explain(1))


def test_a_sheet_is_told_from_one_with_another_function():
    other = with_activation("swish").replace("z*logistic(z)", "z*tanh(z)")
    sheets = [Exercise(read(text), ("forward",)) for text in (with_activation("swish"), other)]
    assert sheets[0].fingerprint != sheets[1].fingerprint


@pytest.mark.parametrize(
    ("text", "said", "caret"),
    [
        ("z*logistic(z)", "arguments, an arrow and a formula expected", 0),
        ("z -> z*logistc(z)", "did you mean 'logistic'", 7),
        ("z -> z*q", "unknown name 'q'", 7),
        ("z -> 2 + swish(z - 1)", "swish cannot be called here", 9),
        ("z -> later(z)", "later cannot be called here", 5),
        ("z -> (z", "expected ')'", 7),
        ("z, z -> z", "z is there twice", 3),
        ("(z, tanh) -> z", "a name for an argument expected", 4),
        ("-> 3", "a name for an argument expected", 0),
        ("(z -> z", "a name for an argument expected", 0),
        (" " * 20 + "z", "arguments, an arrow and a formula expected", 0),
    ],
)
def test_what_is_wrong_is_refused_with_a_caret(text, said, caret):
    functions = f'[functions]\nswish = "{text}"\nlater = "z -> swish(z)"\n'
    found = refusal(edited(("[network]", f"{functions}[network]")))
    assert [*found] == ["functions.swish"]
    message, line, pointer = found["functions.swish"].split("\n")
    assert said in message
    assert line.removeprefix("  ") == text
    assert pointer.removeprefix("  ") == " " * caret + "^"


@pytest.mark.parametrize("name", ["tanh", "Softmax", "sum", "a b"])
def test_names_that_cannot_be_called_are_refused(name):
    functions = f'[functions]\n"{name}" = "z -> z"\n'
    assert f"functions.{name}" in refusal(edited(("[network]", f"{functions}[network]")))


def test_a_wrong_value_is_reported_once():
    text = with_activation("swish").replace('"z -> z*logistic(z)"', "3")
    assert [*refusal(text)] == ["functions.swish"]


@pytest.mark.parametrize(
    ("activation", "said"),
    [
        ("shifted", "a function of one argument expected; shifted has 2"),
        ("shifted(z)", "shifted takes 2 arguments, got 1"),
        ("swisch(z)", "did you mean 'swish'"),
    ],
)
def test_wrong_calls_are_refused(activation, said):
    assert said in refusal(with_activation(activation))["network.layers[1].activation"]


def test_shapes_that_do_not_fit_are_refused_in_the_functions_text():
    text = '[functions]\nboth = "(a, b) -> a @ b"\n' + GRAPH.replace(
        "FORWARD", '"loss = sum(both(X, y) + both(W, X))"'
    )
    message = refusal(text)["graph.forward[1]"]
    assert message.startswith("in both: ")
    assert message.split("\n")[1:] == ["  (a, b) -> a @ b", "              ^"]


def test_functions_that_stand_for_very_much_are_refused():
    """Each of these doubles what the one above it stands for."""
    own = own_functions(
        {"f0": "z -> z*z"} | {f"f{n}": f"z -> f{n - 1}(f{n - 1}(z))" for n in range(1, 12)}
    )
    with pytest.raises(FormulaError, match=f"in f1: with f0 .*more than {MAX_NODES:,} parts"):
        parse_formula("f11(z)", {"z"}, own=own)
    with pytest.raises(FormulaError, match=f"more than {MAX_NODES:,} parts"):
        parse_formula("f0(" * 30 + "z" + ")" * 30, {"z"}, own=own)


def test_very_many_functions_are_refused():
    functions = "[functions]\n" + "".join(f'f{n} = "z -> z"\n' for n in range(201))
    said = refusal(edited(("[network]", f"{functions}[network]")))
    assert said == {"functions": "at most 200 expected; got 201"}
