"""What a loss may have, a shared bias and validation, all at once: every reader reads it."""

from __future__ import annotations

import itertools

import pytest

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.explain.derivation import derive
from tests.helpers.grading import answers_of, fill, grade_file
from tests.helpers.samples import sampled

TABLES = {
    "network": {
        "inputs": ["x1", "x2"],
        "targets": ["t1", "t2"],
        "loss": "huber",
        "delta": 0.4,
        "class_weights": [1.0, 2.5],
        "output_error": "target_minus_output",
        "layers": [
            {
                "neurons": ["h1", "h2"],
                "activation": "tanh",
                "weights": [[0.1, 0.2], [0.3, -0.4]],
                "bias": 0.35,
            },
            {
                "neurons": ["o1", "o2"],
                "activation": "linear",
                "weights": [[0.5, 0.2], [0.3, -0.6]],
                "bias": [0.1, 0.2],
            },
        ],
    },
    "data": {"examples": [[0.1, 0.2, 0.9, 0.1, 2.0], [0.5, -0.2, 0.2, 0.8, 0.5]], "weight": "w"},
    "validation": {"examples": [[0.4, 0.4, 0.5, 0.5]]},
    "training": {
        "learning_rate": 0.1,
        "iterations": 8,
        "batch_size": "all",
        "l1": 0.01,
        "l2": 0.1,
        "patience": 2,
    },
}
SOFTMAX = TABLES | {
    "network": TABLES["network"]
    | {
        "loss": "cross_entropy",
        "label_smoothing": 0.1,
        "output_error": "simplified",
        "layers": [
            TABLES["network"]["layers"][0],
            TABLES["network"]["layers"][1] | {"activation": "softmax"},
        ],
    }
}
for key in ("delta", "class_weights"):
    del SOFTMAX["network"][key]
EXPERIMENTS = {"huber": TABLES, "softmax": SOFTMAX}


def made(name):
    tables = EXPERIMENTS[name]
    if name == "softmax":
        rows = [[0.1, 0.2, 1.0, 0.0, 2.0], [0.5, -0.2, 0.0, 1.0, 0.5]]
        tables = tables | {"data": {"examples": rows, "weight": "w"}}
    return bp.Experiment(**tables)


@pytest.fixture(params=EXPERIMENTS)
def experiment(request):
    return made(request.param)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    sampled(
        list(itertools.product(EXPERIMENTS, ("full", "book", "matrix"))),
        ("softmax", "full"),
        ("huber", "matrix"),
    ),
)
def test_every_sheet_recalculates_with_changed_settings_too(name, tmp_path, kind):
    pytest.importorskip("ironcalc")
    experiment = made(name)
    path = tmp_path / "x.xlsx"
    studies = ["gradient-check", "hessian"] if kind == "full" else []
    experiment.run().to_excel(path, kind, [*studies, *(["matrices"] if kind != "book" else [])])
    report = bp.verify(path, changes={"l2": 0.3, "patience": 1, "w[1]": 1.5, "b1": 0.2})
    assert report.passed, report


def test_the_gradient_agrees_with_forward_passes_and_the_hessian_is_symmetric(experiment):
    trace = experiment.run()
    assert trace.check_gradient(3, "complex").passed
    assert trace.check_gradient(3).passed
    matrix = trace.hessian(3).to_numpy()
    assert abs(matrix - matrix.T).max() < 1e-12


def test_its_own_values_are_judged_right(experiment):
    trace = experiment.run(2)
    row = trace.frame.iloc[0]
    values = {name: f"{row[name]:.6g}" for name in ("h1", "loss", "o1_error", "dloss_db1")}
    assert set(trace.compare(values)["verdict"]) == {"correct"}


@pytest.mark.sample(1)
def test_it_is_explained_derived_and_put_on_a_page(experiment, tmp_path):
    trace = experiment.run()
    for form in ("entries", "matrix"):
        assert "b1" in str(trace.explain(1, form=form)).replace("^", "")
    said = str(derive(experiment))
    assert "l2 W^1" in said
    experiment.to_page(tmp_path / "x.html", rules=False)
    assert bp.Experiment.from_dict(experiment.to_dict()).run().frame.equals(trace.frame)


def test_an_exercise_asks_for_it_and_the_own_values_get_all_marks(experiment, tmp_path):
    exercise = Exercise(experiment, ("forward", "backward", "update"), digits=5)
    task = exercise.task()
    path = fill(tmp_path / "sheet.xlsx", task, answers_of(task))
    sheet = grade_file(path, experiment)
    assert sheet.total == sheet.out_of > 0
