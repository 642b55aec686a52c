"""Models that scikit-learn and PyTorch have exported to ONNX become experiments with the same outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpsheet as bp
from tests.helpers.later import later

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from tests.helpers.estimators import random_pipeline
from tests.helpers.samples import sampled
from tests.models.onnx_models import outputs_of, runtime

skl2onnx = later("skl2onnx")

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(40, 3))
CLASSES = (X @ [1, -1, 0.5] > 0).astype(int) + (X[:, 0] > 1)
KINDS = RANDOM.integers(0, 3, size=(40, 2))


def network(kind: Any, **more: Any) -> Any:
    return kind(hidden_layer_sizes=(3,), max_iter=15, random_state=0, **more)


def columns() -> Any:
    steps = [("s", StandardScaler(), [0, 1]), ("m", MinMaxScaler(), [2])]
    return make_pipeline(ColumnTransformer(steps), network(MLPRegressor))


# An estimator, its inputs and its targets.
ESTIMATORS: dict[str, tuple[Any, np.ndarray, np.ndarray]] = {
    "line": (LinearRegression(), X, X[:, 0]),
    "ridge": (make_pipeline(StandardScaler(), Ridge()), X, X[:, :2]),
    "logistic": (LogisticRegression(), X, CLASSES > 0),
    "softmax": (LogisticRegression(), X, CLASSES),
    "regressor": (
        make_pipeline(StandardScaler(), network(MLPRegressor, activation="tanh")),
        X,
        X[:, 0],
    ),
    "scaled": (make_pipeline(MinMaxScaler(), network(MLPRegressor)), X, X[:, :2]),
    "classes": (network(MLPClassifier, activation="logistic"), X, CLASSES),
    "two classes": (network(MLPClassifier), X, CLASSES > 0),
    "one hot": (make_pipeline(OneHotEncoder(), network(MLPClassifier)), KINDS, KINDS.sum(1) > 2),
    "columns": (columns(), X, X[:, 0]),
    "components": (make_pipeline(PCA(2), network(MLPRegressor)), X, X[:, 0]),
}
# Pipelines whose scalers are cells before the first layer.
PREPARED = {"ridge": "standard", "scaled": "scaled", "one hot": "one_hot", "columns": "standard"}
BY_DEFAULT = ("scaled", "two classes", "one hot")


def scores(estimator: Any, x: np.ndarray) -> np.ndarray:
    """The estimator's numbers; of two classes the second's probability."""
    if hasattr(estimator, "predict_proba"):
        shares = estimator.predict_proba(x)
        return shares[:, 1:] if shares.shape[1] == 2 else shares
    return np.asarray(estimator.predict(x)).reshape(len(x), -1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in BY_DEFAULT else pytest.mark.slow) for n in ESTIMATORS]
)
def test_an_estimator_gives_the_same_by_way_of_onnx(name: str, tmp_path: Path) -> None:
    estimator, x, t = ESTIMATORS[name]
    estimator.fit(x, t)
    # In double precision, but for the operators of scikit-learn, which ONNX has in single alone.
    given = x[:1] if x.dtype.kind == "i" else x[:1].astype(float)
    model = skl2onnx.to_onnx(estimator, given)
    path = tmp_path / "estimator.onnx"
    path.write_bytes(model.SerializeToString())
    experiment = bp.from_onnx(path, x[:4].astype(float))
    # In double precision scikit-learn's one-against-the-rest is divided by its sum, in formulas;
    # of two classes these give 1 - p, too.
    assert experiment.network is not None or name == "logistic"
    wanted = scores(estimator, x[:4])
    given = outputs_of(experiment)[:, -wanted.shape[1] :]
    np.testing.assert_allclose(given, wanted, rtol=2e-6, atol=2e-6)
    if name in PREPARED:
        assert PREPARED[name] in [step.kind for step in experiment.prepare]


# skl2onnx does not convert these: a LinearSVC at a pipeline's end.
LINEAR_SVC = (16, 63, 74, 106, 168)
SEEDS = [seed for seed in range(205) if seed not in LINEAR_SVC]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", sampled(SEEDS, 1, 6))
def test_a_random_pipeline_gives_what_onnxruntime_gives(seed: int, tmp_path: Path) -> None:
    """In double precision, to 1e-12; of two classes the second's number."""
    pipeline, x, _ = random_pipeline(seed)
    has_labels = hasattr(pipeline[-1], "classes_")
    options = {"zipmap": False} if has_labels else {}
    kinds = [("x", later("skl2onnx.common.data_types").DoubleTensorType([None, 3]))]
    model = skl2onnx.to_onnx(pipeline, initial_types=kinds, options={id(pipeline): options})
    path = tmp_path / "pipeline.onnx"
    path.write_bytes(model.SerializeToString())
    expected = runtime(path, x, 1 if has_labels else 0)
    given = outputs_of(bp.from_onnx(path, x))
    expected = expected[:, -given.shape[1] :]
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-12 * scale)


@pytest.mark.filterwarnings("ignore")
def test_labels_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    estimator = network(MLPClassifier).fit(X, CLASSES > 0)
    path = tmp_path / "estimator.onnx"
    path.write_bytes(skl2onnx.to_onnx(estimator, X[:1]).SerializeToString())
    notes = bp.load(path).notes
    assert "output_label is a label and has no cells" in notes
    assert "output_probability is 1 - p and p; here it is p alone" in notes


def torch_models() -> dict[str, tuple[Any, Any]]:
    import torch
    from torch import nn

    class Tail(nn.Module):
        """A recurrent layer, and a dense one of its last step."""

        def __init__(self, kind: Any) -> None:
            super().__init__()
            self.inner, self.out = kind(3, 4, batch_first=True, bidirectional=True), nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            return self.out(self.inner(x)[0][:, -1])

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.norm = nn.Linear(4, 4), nn.Linear(4, 4), nn.LayerNorm(4)

        def forward(self, x: Any) -> Any:
            return self.norm(x + self.second(torch.relu(self.first(x))))

    def dense(activation: Any) -> Any:
        return nn.Sequential(nn.Linear(4, 3), activation, nn.Linear(3, 2))

    activations = [
        nn.ReLU(),
        nn.GELU(),
        nn.SiLU(),
        nn.Mish(),
        nn.LeakyReLU(),
        nn.ELU(),
        nn.SELU(),
        nn.PReLU(),
    ]
    activations += [
        nn.Hardsigmoid(),
        nn.Hardswish(),
        nn.Softplus(),
        nn.Softsign(),
        nn.LogSigmoid(),
        nn.GLU(),
    ]
    found = {type(a).__name__: (dense(a), (4,)) for a in activations[:-1]}
    picture = [
        nn.Conv2d(2, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
    ]
    block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    return found | {
        "LogSoftmax": (nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(-1)), (4,)),
        "Picture": (nn.Sequential(*picture, nn.Linear(12, 2)), (2, 4, 4)),
        "Row": (
            nn.Sequential(
                nn.Conv1d(3, 4, 2), nn.AvgPool1d(2, 1, 1), nn.Flatten(), nn.Linear(20, 2)
            ),
            (3, 5),
        ),
        "GroupNorm": (
            nn.Sequential(nn.Conv2d(1, 4, 2), nn.GroupNorm(2, 4), nn.Flatten()),
            (1, 3, 3),
        ),
        "RNN": (Tail(nn.RNN), (5, 3)),
        "LSTM": (Tail(nn.LSTM), (5, 3)),
        "GRU": (Tail(nn.GRU), (5, 3)),
        "Residual": (Residual(), (4,)),
        "Transformer": (nn.Sequential(block, nn.Flatten(), nn.Linear(12, 2)), (3, 4)),
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_modules_of_pytorch_give_the_same_by_way_of_onnx(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    for name, (module, shape) in torch_models().items():
        x = torch.randn(2, *shape)
        module.eval()
        path = tmp_path / f"{name}.onnx"
        axes = {"x": {0: "batch"}}
        torch.onnx.export(
            module, (x,), str(path), dynamo=False, input_names=["x"], dynamic_axes=axes
        )
        expected = module(x).detach().double().numpy().reshape(2, -1)
        got = outputs_of(bp.from_onnx(path, x.double().numpy()))
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-6, err_msg=name)
