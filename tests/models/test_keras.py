"""Models of Keras become experiments with the same outputs, and train as Keras trains them."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpsheet as bp
from tests.helpers.later import later
from tests.helpers.recalculated import recalculated
from tests.helpers.samples import sampled

pytest.importorskip("onnx")
from tests.models.onnx_models import outputs_of

# What Keras says of its own use of NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
later("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras, L = later("keras"), later("keras.layers")
ACTIVATIONS = (
    "relu tanh sigmoid elu selu gelu silu mish softplus softsign hard_sigmoid softmax leaky_relu relu6 "
    "exponential hard_silu tanh_shrink celu squareplus log_sigmoid"
).split()


@pytest.fixture(autouse=True, scope="module")
def double_precision():
    """Double precision throughout. With PyTorch below it, Keras multiplies in single precision else."""
    from keras.src.backend.common import dtypes

    before = keras.config.floatx(), dict(dtypes.BIT64_TO_BIT32_DTYPE)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[0])
    dtypes.BIT64_TO_BIT32_DTYPE.update(before[1])


def redrawn(model: Any, random: np.random.Generator) -> Any:
    """The model with other weights: also biases and statistics that begin at 0 or 1."""
    drawn = []
    for variable, values in zip(model.weights, model.get_weights(), strict=True):
        new = random.normal(size=values.shape) * 0.5
        is_variance = "variance" in variable.path
        drawn.append(values if values.dtype.kind != "f" else abs(new) + 0.5 if is_variance else new)
    model.set_weights(drawn)
    return model


def in_a_row(*layers: Any) -> Any:
    return keras.Sequential(list(layers))


def dense_model(random: np.random.Generator) -> tuple[Any, tuple[int, ...]]:
    n = int(random.integers(1, 6))
    layers = [L.Input((n,))]
    for _ in range(random.integers(1, 4)):
        activation = ACTIVATIONS[random.integers(len(ACTIVATIONS))]
        bias = bool(random.integers(2))
        layers.append(L.Dense(int(random.integers(1, 6)), activation, use_bias=bias))
        layers += [
            [],
            [L.LayerNormalization()],
            [L.BatchNormalization(trainable=False)],
            [L.LeakyReLU()],
        ][random.integers(4)]
    return in_a_row(*layers, L.Dense(2)), (n,)


def picture_model(random: np.random.Generator) -> tuple[Any, tuple[int, ...]]:
    channels = int(random.integers(1, 3))
    pool = [
        L.MaxPooling2D(2),
        L.AveragePooling2D(2, strides=1),
        L.GlobalMaxPooling2D(),
        L.Dropout(0.0),
    ]
    padding = ["valid", "same"][random.integers(2)]
    layers = [
        L.Conv2D(int(random.integers(2, 4)), 3, padding=padding, activation="tanh"),
        pool[random.integers(4)],
        L.Flatten(),
        L.Dense(2),
    ]
    return in_a_row(L.Input((5, 5, channels)), *layers), (5, 5, channels)


def sequence_model(random: np.random.Generator) -> tuple[Any, tuple[int, ...]]:
    kind = [L.SimpleRNN, L.LSTM, L.GRU, "attention", "row"][random.integers(5)]
    steps, n, units = (int(random.integers(2, 5)) for _ in range(3))
    if kind == "row":
        layers = [L.Conv1D(units, 2), L.ReLU(), L.MaxPooling1D(2), L.Flatten(), L.Dense(2)]
        return in_a_row(L.Input((5, n)), *layers), (5, n)
    if kind == "attention":
        start = L.Input((steps, n))
        causal = bool(random.integers(2))
        inner = L.MultiHeadAttention(int(random.integers(1, 3)), units)(
            start, start, use_causal_mask=causal
        )
        whole = L.LayerNormalization()(L.Add()([start, inner]))
        return keras.Model(start, L.Dense(2)(L.Flatten()(whole))), (steps, n)
    more = {"reset_after": bool(random.integers(2))} if kind is L.GRU else {}
    layer = partial(kind, units, use_bias=bool(random.integers(2)), **more)
    if random.integers(2):
        return in_a_row(L.Input((steps, n)), layer(return_sequences=False), L.Dense(2)), (steps, n)
    layers = [
        layer(return_sequences=True),
        L.GlobalAveragePooling1D(),
        L.Dense(2),
    ]
    return in_a_row(L.Input((steps, n)), *layers), (steps, n)


FAMILIES = {"dense": dense_model, "picture": picture_model, "sequence": sequence_model}


def outputs(model: Any, x: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(x)), float).reshape(len(x), -1)


def check(family: str, seed: int, sheet: Path | None = None) -> None:
    """The outputs, and those after 5 further steps of Adam, in Keras and here.

    With `sheet`, the steps are those of the workbook, which is written there and recalculated.
    """
    random = np.random.default_rng(seed)
    keras.utils.clear_session()
    model, shape = FAMILIES[family](random)
    redrawn(model, random)
    x, t = random.normal(size=(4, *shape)), random.normal(size=(4, 2))
    np.testing.assert_allclose(
        outputs_of(bp.from_keras(model, x)), outputs(model, x), rtol=1e-12, atol=1e-12
    )
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    trace = bp.from_keras(model, (x, t), epochs=5).run()
    if sheet:
        trace = recalculated(trace, sheet)
    model.fit(x, t, batch_size=4, epochs=5, shuffle=False, verbose=0)
    np.testing.assert_allclose(
        outputs_of(trace.trained().forward()), outputs(model, x), rtol=1e-10, atol=1e-10
    )


@pytest.mark.slow
@pytest.mark.parametrize("family", ["dense", "picture"])
def test_a_random_model_gives_and_trains_as_in_keras(family: str) -> None:
    check(family, 0)


# A drawn softmax of one unit is always 1, in Keras as here.
@pytest.mark.filterwarnings("ignore::UserWarning:keras")
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_many_random_models_give_and_train_as_in_keras(family: str, first: int) -> None:
    for seed in range(first, first + 50):
        check(family, seed)


@pytest.mark.filterwarnings("ignore::UserWarning:keras")
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(67))
def test_the_recalculated_workbook_holds_kerass_training(
    family: str, seed: int, tmp_path: Path
) -> None:
    """As ironcalc computes it."""
    pytest.importorskip("ironcalc")
    check(family, 1000 + seed, tmp_path / "keras.xlsx")


KERNELS = [
    {"dilation_rate": 2},
    {"dilation_rate": 2, "padding": "same"},
    {"groups": 2},
    {"depth_multiplier": 2},
]


@pytest.mark.slow
@pytest.mark.parametrize("more", sampled(KERNELS, KERNELS[0]))
def test_convolutions_with_gaps_and_groups_are_kerass(more: dict[str, Any]) -> None:
    random = np.random.default_rng(5)
    kernel = 2 + ("padding" in more)
    kind = L.DepthwiseConv2D if "depth_multiplier" in more else partial(L.Conv2D, 4)
    layers = [kind(kernel, activation="tanh", **more), L.Flatten(), L.Dense(2)]
    model = redrawn(in_a_row(L.Input((4, 4, 2)), *layers), random)
    x, t = random.normal(size=(3, 4, 4, 2)), random.normal(size=(3, 2))
    np.testing.assert_allclose(
        outputs_of(bp.from_keras(model, x)), outputs(model, x), rtol=1e-12, atol=1e-12
    )
    trains_alike(model, (x, t), "mse", keras.optimizers.SGD(0.05))


def test_a_layer_that_is_used_twice_is_not_trained_apart_and_a_compiled_model_may_be_in_use() -> (
    None
):
    random = np.random.default_rng(2)
    start, shared = L.Input((3,)), L.Dense(3, "tanh")
    model = redrawn(keras.Model(start, shared(shared(start))), random)
    model.compile(optimizer="sgd", loss="mse")
    x = random.normal(size=(2, 3))
    with pytest.raises(bp.ModelError, match="kernel: used twice"):
        bp.from_keras(model, (x, x))
    np.testing.assert_allclose(outputs_of(bp.from_keras(model, x)), outputs(model, x), rtol=1e-12)
    with pytest.raises(bp.ModelError, match="expected; got inputs alone"):
        bp.from_keras(in_a_row(L.Input((3,)), L.Dense(2)), x, "mse")


def optimisers() -> dict[str, Any]:
    O, S = later("keras.optimizers"), later("keras.optimizers.schedules")  # noqa: E741, N806
    return {
        "sgd": lambda: O.SGD(0.1),
        "momentum": lambda: O.SGD(0.1, momentum=0.9),
        "nesterov": lambda: O.SGD(0.1, momentum=0.8, nesterov=True),
        "decay": lambda: O.SGD(0.1, weight_decay=0.01),
        "adam": lambda: O.Adam(0.02, beta_1=0.8),
        "amsgrad": lambda: O.Adam(0.02, amsgrad=True),
        "adamw": lambda: O.AdamW(0.02),
        "nadam": lambda: O.Nadam(0.02),
        "adamax": lambda: O.Adamax(0.02),
        "rmsprop": lambda: O.RMSprop(0.02),
        "centred": lambda: O.RMSprop(0.02, centered=True, momentum=0.9),
        "adagrad": lambda: O.Adagrad(0.1),
        "adadelta": lambda: O.Adadelta(1.0),
        "lion": lambda: O.Lion(0.01, weight_decay=0.1),
        "clipped": lambda: O.SGD(0.5, clipvalue=0.05),
        "exponential": lambda: O.Adam(S.ExponentialDecay(0.02, 2, 0.5)),
        "inverse": lambda: O.SGD(S.InverseTimeDecay(0.1, 2, 0.5, staircase=True)),
        "polynomial": lambda: O.SGD(S.PolynomialDecay(0.1, 3, 0.01)),
        "cosine": lambda: O.SGD(S.CosineDecay(0.1, 4)),
        "piecewise": lambda: O.SGD(S.PiecewiseConstantDecay([1, 3], [0.1, 0.05, 0.01])),
    }


def trains_alike(model: Any, examples: Any, loss: Any, optimizer: Any, logits: str = "") -> None:
    """6 updates in Keras and here lead to the same outputs."""
    x, t = examples
    model.compile(optimizer=optimizer, loss=loss)
    trained = bp.from_keras(model, (x, t), epochs=6).run().trained()
    model.fit(x, t, batch_size=len(x), epochs=6, shuffle=False, verbose=0)
    expected = outputs(model, x)
    if logits:
        expected = np.asarray(
            getattr(keras.ops, logits)(keras.ops.convert_to_tensor(expected)).cpu()
        )
    np.testing.assert_allclose(outputs_of(trained.forward()), expected, rtol=1e-10, atol=1e-10)


def two_layers(random: np.random.Generator, units: int = 2, activation: str | None = None) -> Any:
    return redrawn(in_a_row(L.Input((3,)), L.Dense(3, "tanh"), L.Dense(units, activation)), random)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n == "centred" else pytest.mark.slow) for n in optimisers()],
)
def test_an_optimiser_takes_the_steps_that_keras_takes(name: str) -> None:
    random = np.random.default_rng(3)
    x, t = random.normal(size=(4, 3)), random.normal(size=(4, 2))
    trains_alike(two_layers(random), (x, t), "mse", optimisers()[name]())


LOSSES = (
    "mae sum huber log_cosh hinge squared_hinge poisson binary binary_logits categorical smoothed sparse kl"
).split()


def losses() -> dict[str, Any]:
    K = keras.losses  # noqa: N806
    numbers = np.random.default_rng(9).normal(size=(5, 2))
    signs, classes = np.sign(numbers), np.array([0, 2, 1, 1, 0])
    kinds = np.eye(3)[classes]
    return {
        "mae": (K.MeanAbsoluteError(), None, numbers, ""),
        "sum": (K.MeanSquaredError(reduction="sum"), None, numbers, ""),
        "huber": (K.Huber(0.5), None, numbers, ""),
        "log_cosh": ("log_cosh", None, numbers, ""),
        "hinge": ("hinge", None, signs, ""),
        "squared_hinge": (K.SquaredHinge(), None, signs, ""),
        "poisson": ("poisson", "exponential", abs(numbers), ""),
        "binary": ("binary_crossentropy", "sigmoid", (signs + 1) / 2, ""),
        "binary_logits": (K.BinaryCrossentropy(from_logits=True), None, (signs + 1) / 2, "sigmoid"),
        "categorical": ("categorical_crossentropy", "softmax", kinds, ""),
        "smoothed": (
            K.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
            None,
            kinds,
            "softmax",
        ),
        "sparse": ("sparse_categorical_crossentropy", "softmax", classes, ""),
        "kl": ("kl_divergence", "softmax", np.full((5, 3), 1 / 3), ""),
    }


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n == "sparse" else pytest.mark.slow) for n in LOSSES],
)
def test_a_loss_has_the_gradient_that_keras_has(name: str) -> None:
    known = losses()
    assert list(known) == LOSSES
    loss, activation, t, logits = known[name]
    random = np.random.default_rng(4)
    units = 3 if t.ndim == 1 else t.shape[1]
    model = two_layers(random, units, activation)
    x = random.normal(size=(5, 3))
    trains_alike(model, (x, t), loss, keras.optimizers.SGD(0.1), logits)


def test_normalization_and_rescaling_are_cells_before_the_first_layer() -> None:
    random = np.random.default_rng(1)
    scaler = L.Normalization()
    scaler.adapt(random.normal(size=(20, 3)) * 3 + 1)
    model = in_a_row(L.Input((3,)), scaler, L.Rescaling(0.5, 0.1), L.Dense(2, "tanh"))
    x = random.normal(size=(2, 3))
    experiment = bp.from_keras(model, x)
    assert [step.kind for step in experiment.prepare] == ["standard", "scaled"]
    np.testing.assert_allclose(outputs_of(experiment), outputs(model, x), rtol=1e-12)


def test_tokens_are_looked_up_in_keras_numbering() -> None:
    model = redrawn(
        in_a_row(L.Input((3,)), L.Embedding(4, 2), L.GlobalAveragePooling1D(), L.Dense(1)),
        np.random.default_rng(0),
    )
    x = np.array([[0, 3, 1], [2, 2, 0]])
    np.testing.assert_allclose(outputs_of(bp.from_keras(model, x)), outputs(model, x), rtol=1e-12)


def test_the_square_kernel_of_a_layer_is_turned() -> None:
    model = in_a_row(L.Input((2,)), L.Dense(2))
    model.set_weights([np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros(2)])
    experiment = bp.from_keras(model)
    assert experiment.network is not None
    assert experiment.network.layers[0].weights == [[1.0, 3.0], [2.0, 4.0]]


def test_everything_that_is_not_covered_is_named_at_once() -> None:
    model = in_a_row(
        L.Input((4, 3)),
        L.UpSampling1D(2),
        L.GRU(2, go_backwards=True),
        L.Dense(1),
    )
    with pytest.raises(bp.ModelError) as caught:
        bp.from_keras(model)
    said = [str(problem) for problem in caught.value.problems]
    assert "(UpSampling1D): this layer is not covered" in said[0]
    assert "(GRU): go_backwards=False is covered; got True" in said[1]


def test_a_model_of_something_else_is_refused() -> None:
    with pytest.raises(bp.ModelError, match=r"a keras\.Model expected; got list"):
        bp.from_keras([1, 2])
