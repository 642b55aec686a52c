"""One bias for a whole layer: the example that the web knows by its numbers, and the sum in its gradient."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.explain.derivation import derive

# Matt Mazur, "A step by step backpropagation example" (2015): 2-2-2, logistic, b1 = 0.35, b2 = 0.60.
MAZUR = {
    "network": {
        "inputs": ["i1", "i2"],
        "targets": ["t1", "t2"],
        "loss": "half_squared_error",
        "layers": [
            {"neurons": ["h1", "h2"], "weights": [[0.15, 0.20], [0.25, 0.30]], "bias": 0.35},
            {"neurons": ["o1", "o2"], "weights": [[0.40, 0.45], [0.50, 0.55]], "bias": 0.60},
        ],
    },
    "data": {"examples": [[0.05, 0.10, 0.01, 0.99]]},
    "training": {"learning_rate": 0.5, "iterations": 3},
}


def test_the_well_known_example_has_its_printed_numbers():
    frozen = MAZUR | {"training": MAZUR["training"] | {"freeze": ["b1", "b2"]}}
    row, after = bp.Experiment(**frozen).run().frame.iloc[:2].to_dict("records")
    printed = {"h1": 0.593269992, "o1": 0.75136507, "o2": 0.772928465, "loss": 0.298371109}
    assert {name: round(row[name], 9) for name in printed} == printed
    moved = {"w_o1_1": 0.35891648, "w_o2_2": 0.561370121, "w_h1_1": 0.149780716}
    assert {name: round(after[name], 9) for name in moved} == moved


def test_the_gradient_of_a_shared_bias_is_the_sum_over_its_neurons():
    trace = bp.Experiment(**MAZUR).run()
    frame = trace.frame
    assert [name for name in ("b1", "b2") if name in frame] == ["b1", "b2"]
    np.testing.assert_array_equal(frame["dloss_db1"], frame["h1_error"] + frame["h2_error"])
    np.testing.assert_array_equal(frame["dloss_db2"], frame["o1_error"] + frame["o2_error"])
    assert trace.check_gradient(2, "complex").passed


@pytest.mark.sample(2)
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.01}, {"only": ["b1"], "clip_norm": 0.01}])
def test_a_shared_bias_moves_as_pytorch_moves_it(clip):
    torch = pytest.importorskip("torch")
    trace = bp.Experiment(
        **MAZUR | {"training": MAZUR["training"] | {"iterations": 201} | clip}
    ).run()
    layers = MAZUR["network"]["layers"]
    values = [
        torch.tensor(layer["weights"], dtype=torch.float64, requires_grad=True) for layer in layers
    ]
    biases = [
        torch.tensor(layer["bias"], dtype=torch.float64, requires_grad=True) for layer in layers
    ]
    trained = [biases[0]] if "only" in clip else [*values, *biases]
    rule = torch.optim.SGD(trained, lr=0.5)
    for _ in range(200):
        rule.zero_grad()
        a = torch.tensor([0.05, 0.10], dtype=torch.float64)
        for weights, bias in zip(values, biases, strict=True):
            a = (weights @ a + bias).sigmoid()
        (((a - torch.tensor([0.01, 0.99], dtype=torch.float64)) ** 2).sum() / 2).backward()
        if "clip_norm" in clip:
            torch.nn.utils.clip_grad_norm_(trained, clip["clip_norm"])
        rule.step()
    last = trace.frame.iloc[-1]
    assert last["b1"] == pytest.approx(biases[0].item(), rel=1e-10)
    assert last["b2"] == pytest.approx(biases[1].item(), rel=1e-10)
    assert last["w_h2_1"] == pytest.approx(values[0][1, 0].item(), rel=1e-10)


def test_a_shared_bias_can_be_changed_drawn_and_written_back():
    experiment = bp.Experiment(**MAZUR)
    changed = experiment.changed({"b1": 0.5})
    assert changed.network.layers[0].bias == 0.5
    assert bp.Experiment.from_dict(changed.to_dict()) == changed
    layers = [layer | {"bias": "shared"} for layer in MAZUR["network"]["layers"]]
    drawn = bp.Experiment(
        **MAZUR | {"network": MAZUR["network"] | {"layers": layers}},
        initial={"method": "uniform", "seed": 3},
    )
    assert 0 < abs(drawn.run(1).frame["b1"].iloc[0]) <= 0.5


@pytest.mark.slow
def test_every_reader_shows_a_shared_bias(tmp_path):
    experiment = bp.Experiment(**MAZUR)
    trace = experiment.run()
    trace.to_excel(tmp_path / "x.xlsx")
    pytest.importorskip("ironcalc")
    assert bp.verify(tmp_path / "x.xlsx").passed
    assert "new b1 = b1 + delta_b1" in str(trace.explain(1))
    assert "b^1" in str(trace.explain(1, form="matrix"))
    assert "which all its neurons share" in str(derive(experiment))
    experiment.to_page(tmp_path / "x.html", rules=False)
    assert '"b1"' in (tmp_path / "x.html").read_text("utf-8")
