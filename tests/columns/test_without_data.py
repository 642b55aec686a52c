"""Functions of parameters alone: a graph without inputs, and no data."""

from __future__ import annotations

import numpy as np
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.exercises.exercise import Exercise
from bpsheet.verifying.verify import verify
from tests.helpers.browser import numbers_of
from tests.helpers.experiment_files import read, refusal
from tests.helpers.pages import CLOSE, largest_difference
from tests.helpers.samples import sampled

ROSENBROCK = """
title = "Rosenbrock's valley"

[graph]
parameters = { x = -1.2, y = 1.0 }
forward = ["f = (1 - x)^2 + 100*(y - x^2)^2"]
loss = "f"

[training]
learning_rate = 0.001
iterations = 200
"""
MATRICES = """
[graph]
parameters = { A = [[1, 0.5], [-0.5, 2]], v = [1, -1] }
forward = ["r = A @ v - 1", "f = sum(r^2) + 0.1*sum(A^2)"]
loss = "f"

[training]
rule = "momentum"
learning_rate = 0.01
iterations = 50
"""


@pytest.mark.parametrize(
    ("rule", "optimiser", "rate"),
    [("gradient_descent", "SGD", 0.001), ("adam", "Adam", 0.05)],
)
def test_two_hundred_updates_are_those_of_pytorch(rule, optimiser, rate):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")
    text = ROSENBROCK.replace("learning_rate = 0.001", f'rule = "{rule}"\nlearning_rate = {rate}')
    frame = read(text).run().frame
    x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-1.2, 1.0))
    steps = getattr(torch.optim, optimiser)([x, y], lr=rate)
    found = []
    for _ in range(200):
        steps.zero_grad()
        f = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        f.backward()
        found.append([x.item(), y.item(), f.item(), x.grad.item(), y.grad.item()])
        steps.step()
    ours = frame[["x", "y", "f", "df_dx", "df_dy"]].to_numpy()
    np.testing.assert_allclose(ours, found, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("text", [ROSENBROCK, MATRICES])
def test_its_gradient_agrees_with_forward_passes(text):
    assert read(text).run(20).check_gradient(7, method="complex").passed


@pytest.mark.parametrize("engine", sampled(["ironcalc", "libreoffice"], "ironcalc"))
@pytest.mark.parametrize("text", sampled([ROSENBROCK, MATRICES], ROSENBROCK))
def test_its_workbook_is_recalculated_alike(text, engine, tmp_path, request):
    if engine == "libreoffice":
        request.getfixturevalue("libreoffice")
    experiment = read(text).changed({"iterations": 12})
    sheets = ["gradient-check", "hessian", "charts", "walkthrough"]
    path = experiment.run().to_excel(tmp_path / "r.xlsx", sheets=sheets)
    assert verify(path, engine).passed
    assert bp.load(path) == experiment


@pytest.mark.parametrize("layout", ["full", "book"])
def test_its_workbook_has_no_sheet_of_data(layout, tmp_path):
    path = read(ROSENBROCK).run(3).to_excel(tmp_path / "r.xlsx", layout, sheets=[])
    assert load_workbook(path).sheetnames == ["Steps", "About"]
    assert verify(path).passed


def test_it_is_worked_out_judged_and_asked():
    trace = read(ROSENBROCK).run()
    text = str(trace.explain(1))
    assert "Iteration 1.\n" in text
    assert "df_dy = 100 · (2 · (y - x^2))" in text
    report = trace.compare({1: {"f": "24.2", "df_dx": "-215.6", "df_dy": "-88"}})
    assert set(report["verdict"]) == {"correct"}
    asked = Exercise(read(ROSENBROCK), ("forward", "backward", "update")).task("Ada")
    assert [line.name for line in asked.lines if line.is_asked][:3] == ["f", "df_dx", "df_dy"]


def test_its_sheets_are_told_from_those_of_another_function():
    other = read(ROSENBROCK.replace("100*", "50*"))
    ask = ("forward",)
    assert Exercise(read(ROSENBROCK), ask).fingerprint != Exercise(other, ask).fingerprint


@pytest.mark.slow
def test_a_page_computes_it(tmp_path, opened):
    experiment = read(ROSENBROCK)
    page = opened(experiment.to_page(tmp_path / "r.html", rules=False))
    assert largest_difference(numbers_of(page, 200), experiment.run()) <= CLOSE
    page.evaluate("bpsheet.edits.apply({ x: 0.5 }); bpsheet.changed();")
    changed = experiment.changed({"x": 0.5}).run()
    assert largest_difference(numbers_of(page, 200), changed) <= CLOSE
    page.evaluate("bpsheet.edits.apply({ x: -1.2 }); bpsheet.changed();")
    assert page.evaluate("bpsheet.summary()").startswith("Iteration 1. f = 24.2")


def test_it_can_be_written_changed_and_read_again():
    changed = read(ROSENBROCK).changed({"x": 0.5})
    assert read(changed.to_toml()) == changed
    assert changed.run().frame.loc[1, "f"] == (1 - 0.5) ** 2 + 100 * (1 - 0.25) ** 2


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("[training]", "[data]\nexamples = [[1]]\n[training]", "data", "leave it out"),
        ("[training]", '[data]\norder = "shuffled"\n[training]', "data", "leave it out"),
        (
            "iterations = 200",
            "iterations = 200\nbatch_size = 2",
            "training.batch_size",
            "at most 1",
        ),
        ('loss = "f"', 'loss = "f"\ngradient_of = ["x"]', "graph.gradient_of[1]", "no input"),
    ],
)
def test_what_needs_data_is_refused(old, new, place, said):
    assert said in refusal(ROSENBROCK.replace(old, new))[place]


def test_a_graph_needs_inputs_or_parameters():
    assert refusal('[graph]\nforward = ["f = 1"]\nloss = "f"') == {
        "graph": "at least one of inputs or of parameters expected"
    }


def test_a_network_still_needs_data():
    with pytest.raises(ExperimentError, match="data: missing, and needed"):
        bp.Experiment.from_dict(
            {
                "network": {
                    "inputs": ["x"],
                    "targets": ["y"],
                    "loss": "squared_error",
                    "layers": [{"units": 1}],
                },
                "training": {"iterations": 1},
            }
        )
