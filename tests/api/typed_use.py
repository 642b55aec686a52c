"""What users write, for type checkers to read: mypy with the package, pyright in the checks.

What is taken when it runs has no type error; what is refused has one (a comment that
ignores an error which is none is an error itself). `test_typed_use.py` runs it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import bpsheet as bp

__all__ = ["built", "refused", "used"]


def layers() -> list[bp.Layer]:
    matrix = np.array([[0.5, -0.1]])
    return [
        bp.Layer(neurons=["g"], activation="tanh", weights=[[0.6, -0.1]], bias=[0.3]),
        bp.Layer(neurons=("g",), weights=((0.6, -0.1),), bias=(1,)),
        bp.Layer(neurons=["g"], weights=matrix, bias=matrix[0, :1]),
        bp.Layer(neurons=["g"], weights=list(matrix), bias=pd.Series([0.3])),
        bp.Layer(neurons=pd.Index(["g"]), weights=pd.DataFrame(matrix), bias=False),
        bp.Layer(units=np.int64(1), weights=[[np.float32(0.6), np.float64(1)]]),
        bp.Layer(units=1, bias=[np.float32(0.5)], name="one"),
    ]


def built() -> list[bp.Experiment]:
    """Experiments from lists, tuples, arrays, frames and plain dicts."""
    frame = pd.DataFrame({"x1": [-0.9, 0.5], "x2": [0.1, 0.2], "y": [1.0, 0.0]})
    examples = (
        bp.Data(examples=frame, order=np.array([1, 2, 1])),
        bp.Data(
            examples=frame.to_numpy(), columns=frame.columns, order="shuffled", seed=np.int64(1)
        ),
        bp.Data(examples=[frame.loc[0], frame.loc[1]], order=range(1, 3)),
        bp.Data(examples=[(-0.9, 0.1, 1), (0.5, 0.2, 0)], order=(1, 2), columns=("x1", "x2", "y")),
        {"examples": [[-0.9, 0.1, 1.0]]},
    )
    trainings = (
        bp.Training(learning_rate=np.float32(0.1), iterations=np.int64(3)),
        bp.Training(
            rule="momentum",
            momentum=0,
            clip_norm=np.array(1.0),
            schedule=bp.Schedule(kind="step", factor=np.float64(0.5), every=2),
            batch_size="all",
            epochs=2,
        ),
        bp.Training(
            rule="adam", batch_size=np.int64(1), schedule={"kind": "cosine", "over": 3}, epochs=1
        ),
        {"iterations": 3},
    )
    networks = [
        bp.Network(inputs=frame.columns[:2], targets=["y"], loss="squared_error", layers=[layer])
        for layer in layers()
    ]
    made = [
        bp.Experiment(network=network, data=data, training=training)
        for network in networks
        for data in examples
        for training in trainings
    ]
    made.append(
        bp.Experiment(
            title="One",
            notes="",
            graph=bp.Graph(
                inputs=("x",),
                parameters={"w": np.float64(0.5)},
                forward=["e = (x - w)^2"],
                loss="e",
                gradient_of=["x"],
            ),
            data=bp.Data(examples=[[2.0]]),
            training={"iterations": 2},
            notation=bp.Notation(weight="w_{neuron}{input}"),
            hand={"1": {"e": "2.25"}},
        )
    )
    made.append(
        bp.Experiment(
            network={
                "inputs": ["x"],
                "targets": ["y"],
                "loss": "squared_error",
                "layers": [{"units": 1}],
            },
            data={"examples": [[1, 2]]},
            training={"iterations": 1},
            initial=bp.Initial(method="uniform", range=np.float64(0.5), seed=np.uint8(3)),
            test=bp.Test(
                examples=np.array([[1.0, 2.0]]), threshold=np.float32(0.5), names=("one",)
            ),
        )
    )
    return made


def used(folder: Path) -> bp.Sweep:
    """A trace's methods with numbers of NumPy's and of pandas'."""
    experiment = bp.load("two-neuron").changed(
        {"iterations": np.int64(3), "w_xg1": np.float32(0.5)}
    )
    trace: bp.Trace = experiment.run()
    number = np.int64(2)
    trace.explain(number, only=["g"], digits=3).text()
    trace.check_gradient(number, delta=np.float64(1e-5))
    trace.curvature(number)
    trace.hessian(number)
    trace.draw(number)
    trace.compare({"g": "-0.24", "f": 0.42})
    trace.compare({1: {"g": "-0.24"}, 2: {"f": np.float32(0.42)}})
    trace.compare({(number, "g"): "-0.24"})
    trace.compare(trace.forward.loc[3])
    trace.compare(trace.forward)
    trace.to_excel(folder / "a.xlsx", sheets=["charts"])
    trace.to_excel(folder / "a.xlsx", sheets={"gradient-check": {"iteration": number}})
    experiment.write(str(folder / "a.csv"), iterations=number)
    layer = trace.layer(number)
    sums = np.einsum("kni,ki->kn", layer.W, layer.x) + layer.b
    assert sums.shape == layer.z.shape == layer.delta.shape
    assert np.asarray(trace).shape == trace.values.shape
    assert trace.tidy()["value"].sum() != trace["W1"].sum()
    kept = bp.load(trace.to_parquet(folder / "a.parquet"))
    assert isinstance(kept, bp.Trace)
    kept.explain(number)
    weights = trace.weights_at(number)
    assert weights["W1"].shape == weights.layer(np.int64(1))["W"].shape
    arrays = bp.from_arrays(
        {**trace.final_weights},
        trace.inputs[["x1", "x2"]],
        activations=["tanh"] * 2,
        orientation="weight",
    )
    arrays.with_weights({1: {"W": rates_of(2)}, "b2": [0.5]})
    again = experiment.changed(trace.weights.loc[3]).changed({"x1[1]": 0.5, "batch_size": "all"})
    rates = np.array([0.1, 0.2])
    bp.sweep(again, {"learning_rate": rates, "seed": range(2)})
    bp.sweep(again, {"learning_rate": pd.Series(rates), "iterations": (number, 3)})
    return bp.sweep(again, {"learning_rate": [np.float32(0.5), 1], "reduction": ["sum", "mean"]})


def rates_of(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.full((1, count), 0.5)


def tables() -> bp.Experiment:
    """Tables as people have them, and steps that prepare their numbers."""
    frame = pd.DataFrame({"size (cm)": [1.5, 2.0, 4.0], "kind": ["a", "b", "a"]})
    net = bp.Network(loss="binary_cross_entropy", layers=[bp.Layer(units=1)])
    once = bp.Training(epochs=1)
    named = bp.Data(frame=frame, targets=["kind"], scale="standard", validation=0.5, seed=2)
    bp.Experiment(network=net, data=named, training=once)
    arrays = bp.Data(frame=np.arange(6.0).reshape(3, 2), targets=np.array([0, 1, 0]))
    bp.Experiment(network=net, data=arrays, training=once)
    step = bp.Prepare(kind="min_max", of=["x"], least=[0], span=np.array([2.0]))
    return bp.Experiment(
        network=bp.Network(inputs=["x_s"], targets=["y"], loss="hinge", layers=[bp.Layer(units=1)]),
        prepare=[step],
        data=bp.Data(examples=[[1.0, 1.0]]),
        training=once,
    )


def refused() -> None:
    """Never called: each line is an error for a type checker, as it is when it runs."""
    bp.Layer(units="two")  # type: ignore[arg-type]
    bp.Layer(neuron=["g"])  # type: ignore[call-arg]
    bp.Layer(weights=0.5)  # type: ignore[arg-type]
    bp.Network(inputs=["x"], targets=["y"])  # type: ignore[call-arg]
    bp.Data(examples="data.csv")  # type: ignore[arg-type]
    bp.Training(rule="sgd")  # type: ignore[arg-type]
    bp.Training(learning_rate="0.1")  # type: ignore[arg-type]
    bp.Schedule(kind="lineal")  # type: ignore[arg-type]
    bp.Experiment(title=1)  # type: ignore[arg-type]
    bp.load("two-neuron").run("10")  # type: ignore[arg-type]
    bp.load("two-neuron").changed(["learning_rate"])  # type: ignore[arg-type]
    bp.load("two-neuron").run().explain("2")  # type: ignore[arg-type]
    bp.from_arrays({"W1": [[1.0]]}, activations=["tanh"], orientation="rows")  # type: ignore[arg-type]
    bp.sweep(bp.load("two-neuron"), {"learning_rate": 0.1})  # type: ignore[dict-item]
