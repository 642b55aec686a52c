"""The schedule plateau: the learning rate is that of PyTorch's scheduler for the same losses."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.verifying.verify import verify

torch = pytest.importorskip("torch", reason="PyTorch is not installed (bpsheet[torch])")


def experiment(per, batch_size=1, **schedule):
    random = np.random.default_rng(4)
    return bp.Experiment(
        network=bp.Network(
            inputs=["x1", "x2"],
            targets=["t"],
            loss="half_squared_error",
            layers=[
                bp.Layer(units=3, activation="tanh"),
                bp.Layer(units=1, activation="logistic"),
            ],
        ),
        data=bp.Data(examples=random.uniform(0, 1, (4, 3)).tolist()),
        validation=bp.Validation(examples=random.uniform(0, 1, (2, 3)).tolist()),
        training=bp.Training(
            learning_rate=3.0,
            batch_size=batch_size,
            iterations=160,
            schedule={"kind": "plateau", "per": per, "factor": 0.5} | schedule,
        ),
    )


def judged_rows(per, batch_size, rows):
    size = 4 if per == "epoch" else batch_size
    return [row for row in range(1, rows) if row % size == 0]


@pytest.mark.parametrize("patience", [1.0, 3.0])
@pytest.mark.parametrize(("per", "batch_size"), [("update", 1), ("update", 2), ("epoch", 2)])
def test_the_rate_falls_when_pytorchs_does(per, batch_size, patience):
    trace = experiment(per, batch_size, patience=patience, threshold=1e-3).run()
    values = {column.name: trace.values[:, i] for i, column in enumerate(trace.program)}
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=3.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=0.5, patience=int(patience), threshold=1e-3, min_lr=0.0, eps=0.0
    )
    expected, judged = [], judged_rows(per, batch_size, len(trace))
    for row in range(len(trace)):
        if row in judged:
            scheduler.step(values["validation_loss"][row])
        expected.append(optimiser.param_groups[0]["lr"])
    assert values["rate"].tolist() == expected
    assert expected[-1] < expected[0]


@pytest.mark.slow
def test_its_workbook_follows_when_the_patience_is_changed(tmp_path):
    path = tmp_path / "p.xlsx"
    experiment("epoch", patience=1.0).run(40).to_excel(path)
    assert verify(path).passed


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"validation": None}, "loss over [validation] examples, which are missing"),
        ({"rule": "gradient_ascent"}, "plateau is for a loss that is minimised"),
    ],
)
def test_what_it_needs_is_said(more, said):
    tables = experiment("epoch").to_dict()
    if "rule" in more:
        tables["training"]["rule"] = more["rule"]
    else:
        del tables["validation"]
    with pytest.raises(bp.ExperimentError) as caught:
        bp.Experiment.from_dict(tables)
    assert said in str(caught.value)
