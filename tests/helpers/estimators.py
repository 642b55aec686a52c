"""Random estimators of scikit-learn, fitted on random data, most of them behind scalers and encoders."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn import linear_model, svm
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

__all__ = ["last_step", "outputs_of", "random_model", "random_pipeline"]

# Steps that are too long lead anywhere, and scikit-learn cuts each gradient at 1e12.
MOST = 1e3
COLOURS = np.array(["blue", "green", "red"])


def random_model(seed):
    """A fitted model, its inputs (a frame), and its targets."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(6, 15))
    frame = pd.DataFrame(
        {
            "length (cm)": random.normal(20, 5, rows),
            "width": random.uniform(-3, 1, rows),
            "legs": random.choice([2.0, 4.0, 6.0], rows),
            "colour": np.resize(COLOURS, rows),
        }
    )
    frame.loc[:2, "legs"] = [2.0, 4.0, 6.0]
    estimator, targets = _estimator(random, rows)
    model = make_pipeline(_encoder(random), *_further(random), estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(frame, targets)
    if np.abs(getattr(last_step(model), "coef_", 0)).max() > MOST:
        return random_model(seed + 1000)
    return model, frame, targets


def random_pipeline(seed):
    """A fitted pipeline of numbers alone, its inputs (an array), and its targets."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(6, 15))
    columns = [
        random.normal(20, 5, rows),
        random.uniform(-3, 1, rows),
        np.resize([2.0, 4, 6], rows),
    ]
    inputs = np.stack(columns, axis=1)
    estimator, targets = _estimator(random, rows)
    legs = [OneHotEncoder(), Binarizer(threshold=3), _scaler(random)][random.integers(3)]
    parts = [("numbers", _scaler(random), [0, 1]), ("legs", legs, [2])]
    model = make_pipeline(ColumnTransformer(parts), *_further(random), estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(inputs, targets)
    return model, inputs, targets


def _scaler(random):
    kinds = [
        StandardScaler(),
        StandardScaler(with_mean=False),
        MinMaxScaler(),
        MinMaxScaler((-1, 1)),
        MaxAbsScaler(),
        RobustScaler(),
    ]
    return kinds[random.integers(len(kinds))]


def _encoder(random):
    numbers = (
        make_pipeline(_scaler(random), _scaler(random))
        if random.random() < 0.3
        else _scaler(random)
    )
    parts = [
        ("numbers", numbers, ["length (cm)", "width"]),
        ("colours", OneHotEncoder(drop=random.choice([None, "first"])), ["colour"]),
    ]
    if random.random() < 0.5:
        parts.append(("legs", random.choice([OneHotEncoder(), Binarizer(threshold=3)]), ["legs"]))
    if random.random() < 0.3:
        parts.append(("order", OrdinalEncoder(), ["colour"]))
    random.shuffle(parts)
    return ColumnTransformer(parts, remainder="passthrough" if random.random() < 0.7 else "drop")


def _further(random):
    if random.random() < 0.2:
        return [PCA(2, whiten=bool(random.random() < 0.5))]
    return [_scaler(random)] if random.random() < 0.3 else []


def _estimator(random, rows):
    seed, alpha = int(random.integers(1000)), float(random.uniform(0.001, 0.2))
    several = random.normal(size=(rows, 2))
    number = several[:, 0]
    two = np.resize(["no", "yes"], rows)
    three = np.resize([3, 1, 7], rows)
    classes = two if random.random() < 0.5 else three
    network = {
        "hidden_layer_sizes": tuple(int(n) for n in random.integers(1, 5, random.integers(1, 3))),
        "activation": str(random.choice(["identity", "logistic", "tanh", "relu"])),
        "solver": str(random.choice(["sgd", "adam"])),
        "alpha": alpha if random.random() < 0.7 else 0.0,
        "learning_rate": str(random.choice(["constant", "invscaling"])),
        "learning_rate_init": float(random.uniform(0.001, 0.05)),
        "nesterovs_momentum": bool(random.random() < 0.5),
        "momentum": float(random.choice([0.0, 0.8])),
        "max_iter": int(random.integers(1, 6)),
        "shuffle": False,
        "random_state": seed,
    }
    sgd = {
        "alpha": alpha,
        "penalty": random.choice([None, "l2"]),
        "learning_rate": str(random.choice(["optimal", "constant", "invscaling"])),
        "eta0": 0.01,
        "max_iter": 3,
        "tol": None,
        "shuffle": False,
    }
    hinged = str(random.choice(["hinge", "squared_hinge", "modified_huber", "log_loss"]))
    one, many = (
        [
            (linear_model.LinearRegression(), several),
            (linear_model.Ridge(alpha), several),
            (linear_model.Lasso(alpha), number),
            (linear_model.ElasticNet(alpha), number),
            (svm.LinearSVR(loss="squared_epsilon_insensitive", random_state=seed), number),
            (linear_model.LogisticRegression(C=1 / alpha), classes),
            (svm.LinearSVC(random_state=seed), classes),
            (linear_model.Perceptron(eta0=alpha, shuffle=False), classes),
        ],
        [
            (linear_model.SGDClassifier(loss=hinged, **sgd), classes),
            (
                linear_model.SGDRegressor(
                    loss=str(random.choice(["squared_error", "huber"])), **sgd
                ),
                number,
            ),
            (MLPClassifier(**network), classes),
            (MLPRegressor(**network), several if random.random() < 0.5 else number),
        ],
    )
    kinds = one if random.random() < 0.4 else many
    return kinds[random.integers(len(kinds))]


def last_step(model):
    """The estimator of a pipeline."""
    return model.steps[-1][1]


def outputs_of(model, frame):
    """What an experiment's outputs are, as the model says them: a column for each output."""
    last = last_step(model)
    name = type(last).__name__
    if name in ("MLPClassifier", "LogisticRegression"):
        whole = model.predict_proba(frame)
        return whole[:, 1:] if whole.shape[1] == 2 else whole
    whole = model.decision_function(frame) if hasattr(last, "classes_") else model.predict(frame)
    whole = np.asarray(whole, float).reshape(len(frame), -1)
    if name == "Perceptron":
        return np.sign(whole)
    if getattr(last, "loss", "") == "log_loss":
        return 1 / (1 + np.exp(-whole))
    return whole
