"""The last step of a model: its layers, its loss, and how it goes on training.

What an estimator minimises is written down for all examples together; an experiment has it for one
example, with the mean over the batch. So a penalty beside a *sum* of losses is divided by the number of
examples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpsheet.models.imported import Draft, Part

__all__ = ["ESTIMATORS", "IN_ORDER", "Ending"]

ACTIVATIONS = {"identity": "linear", "logistic": "logistic", "tanh": "tanh", "relu": "relu"}
# The losses of stochastic gradient descent that ours have no name for; t is −1 or 1.
SGD_LOSSES = {
    "squared_error": "half_squared_error",
    "hinge": "hinge",
    "squared_hinge": "max(0, 1 - t*y)^2",
    "perceptron": "max(0, -t*y)",
    "modified_huber": "if(t*y >= -1, max(0, 1 - t*y)^2, -4*t*y)",
}


IN_ORDER = "The examples come in their order; the estimator itself would shuffle them."


@dataclass
class Ending:
    """What the last estimator of a model is.

    outputs:  how many outputs it has
    network:  keys of [network]: the loss
    training: keys of [training]: how it goes on
    classes:  the classes of each output's targets, or of two with one output; None for numbers
    pair:     the targets of two classes with one output
    notes:    what the reader should know of a further training
    order:    the numbers of the examples in the order of an epoch; None for that of the data
    """

    outputs: int
    network: dict[str, Any]
    training: dict[str, Any]
    classes: Sequence[Any] | None = None
    pair: tuple[float, float] = (0.0, 1.0)
    notes: list[str] = field(default_factory=list)
    order: list[int] | None = None


def _linear_layer(model: Any, draft: Draft, place: str, activation: str) -> int:
    """One layer of coef_ and intercept_. Returns its number of outputs."""
    weights = np.atleast_2d(model.coef_)
    parts = {"W": Part(f"{place}coef_", weights)}
    bias = np.broadcast_to(np.asarray(model.intercept_, float).ravel(), len(weights))
    if model.fit_intercept:
        parts["b"] = Part(f"{place}intercept_", bias)
    draft.layer("dense", parts, units=len(weights))
    draft.activation(activation)
    return len(weights)


def _descent(**more: Any) -> dict[str, Any]:
    """Steps down the mean over all examples, for an estimator that has no steps of its own."""
    return {"rule": "gradient_descent", "batch_size": "all", "reduction": "mean"} | {
        key: value for key, value in more.items() if value
    }


NO_STEPS = (
    "{} finds its weights at once. The steps here go down what it minimises, so a step "
    "from its weights is almost 0."
)


def _least_squares(model: Any, draft: Draft, place: str, count: int) -> Ending:
    outputs = _linear_layer(model, draft, place, "linear")
    name = type(model).__name__
    loss, penalties = "squared_error", {}
    if name == "Ridge":
        if np.ndim(model.alpha):
            draft.refuse(f"{place}alpha", "one number for all outputs expected")
        else:
            penalties = {"l2": 2 * float(model.alpha) / count}
    elif name in ("Lasso", "ElasticNet"):
        loss = "half_squared_error"
        share = 1.0 if name == "Lasso" else float(model.l1_ratio)
        penalties = {"l1": model.alpha * share, "l2": model.alpha * (1 - share)}
    said = NO_STEPS.format(name)
    return Ending(outputs, {"loss": loss}, _descent(**penalties), notes=[said])


def _logistic(model: Any, draft: Draft, place: str, count: int) -> Ending:
    classes = list(model.classes_)
    is_binary = len(classes) == 2
    outputs = _linear_layer(model, draft, place, "logistic" if is_binary else "softmax")
    if model.class_weight is not None:
        draft.refuse(f"{place}class_weight", f"{model.class_weight!r}: not covered in a training")
    penalty = getattr(model, "penalty", "l2")
    share = {"l1": 1.0, "l2": 0.0}.get(penalty, model.l1_ratio or 0.0)
    whole = 0.0 if penalty is None else 1 / (model.C * count)
    notes = [NO_STEPS.format(type(model).__name__)]
    if model.solver == "liblinear" and model.fit_intercept:
        notes.append("The solver liblinear counts the intercept among the weights of the penalty.")
    training = _descent(l1=whole * share, l2=whole * (1 - share))
    return Ending(outputs, _cross_entropy(is_binary=is_binary), training, classes, notes=notes)


def _cross_entropy(*, is_binary: bool) -> dict[str, Any]:
    loss = "binary_cross_entropy" if is_binary else "cross_entropy"
    return {"loss": loss, "output_error": "simplified"}


def _svm(model: Any, draft: Draft, place: str, count: int) -> Ending:
    """LinearSVC and LinearSVR: their penalty counts the intercept, too."""
    is_classifier = hasattr(model, "classes_")
    outputs = _linear_layer(model, draft, place, "linear")
    loss = {
        "hinge": "hinge",
        "squared_hinge": SGD_LOSSES["squared_hinge"],
        "epsilon_insensitive": f"max(0, abs(t - y) - {model.epsilon if not is_classifier else 0})",
        "squared_epsilon_insensitive": f"max(0, abs(t - y) - {model.epsilon if not is_classifier else 0})^2",
    }[model.loss]
    if getattr(model, "multi_class", "ovr") != "ovr":
        draft.refuse(f"{place}multi_class", f"{model.multi_class!r}: not covered")
    if getattr(model, "class_weight", None) is not None:
        draft.refuse(f"{place}class_weight", f"{model.class_weight!r}: not covered in a training")
    penalty = "l1" if getattr(model, "penalty", "l2") == "l1" else "l2"
    notes = [NO_STEPS.format(type(model).__name__)]
    if model.fit_intercept:
        notes.append("Its own penalty counts the intercept among the weights.")
    training = _descent(**{penalty: 1 / (model.C * count)})
    classes = list(model.classes_) if is_classifier else None
    return Ending(outputs, {"loss": loss}, training, classes, (-1.0, 1.0), notes)


# Stochastic gradient descent


def _sgd(model: Any, draft: Draft, place: str, _: int) -> Ending:
    is_classifier = hasattr(model, "classes_")
    is_logistic = is_classifier and model.loss == "log_loss"
    outputs = _linear_layer(model, draft, place, "logistic" if is_logistic else "linear")
    network: dict[str, Any] = {}
    if is_logistic:
        network = _cross_entropy(is_binary=True)
    elif model.loss == "huber":
        network = {"loss": "huber", "delta": model.epsilon}
    elif "epsilon_insensitive" in model.loss:
        square = "^2" if model.loss.startswith("squared") else ""
        network = {"loss": f"max(0, abs(t - y) - {model.epsilon}){square}"}
    elif model.loss in SGD_LOSSES:
        network = {"loss": SGD_LOSSES[model.loss]}
    else:
        draft.refuse(f"{place}loss", f"{model.loss!r}: not covered")
    training = {"rule": "gradient_descent", "batch_size": 1} | _sgd_rate(model, draft, place)
    if model.penalty == "l2" and model.alpha:
        training["l2"] = model.alpha
    elif model.penalty in ("l1", "elasticnet"):
        said = f"{model.penalty!r}: not covered; it cuts the weights off at 0 by a rule of its own"
        draft.refuse(f"{place}penalty", said)
    _refuse_of_sgd(model, draft, place)
    classes = list(model.classes_) if is_classifier else None
    notes = _order_notes(model)
    if is_logistic and len(model.classes_) > 2:
        notes.append(
            "Each class has an output of its own; predict_proba divides them by their sum."
        )
    pair = (0.0, 1.0) if is_logistic else (-1.0, 1.0)
    return Ending(outputs, network, training, classes, pair, notes)


def _sgd_rate(model: Any, draft: Draft, place: str) -> dict[str, Any]:
    """The learning rate of a further update: the model has had t_ − 1 of them."""
    done = float(getattr(model, "t_", 1.0))
    if model.learning_rate == "constant":
        return {"learning_rate": model.eta0}
    if model.learning_rate == "invscaling":
        formula = f"learning_rate/({done!r} + k)^{model.power_t!r}"
        return {"learning_rate": model.eta0, "schedule": {"formula": formula}}
    if model.learning_rate == "optimal" and model.alpha:
        # As Bottou has it: the first rate is the size that weights are expected to have.
        size = float(1 / np.sqrt(np.sqrt(model.alpha)))
        formula = f"learning_rate/({1 / (size * model.alpha) + done - 1!r} + k)"
        return {"learning_rate": 1 / model.alpha, "schedule": {"formula": formula}}
    draft.refuse(f"{place}learning_rate", f"{model.learning_rate!r}: not covered in a training")
    return {}


def _refuse_of_sgd(model: Any, draft: Draft, place: str) -> None:
    if getattr(model, "average", False):
        draft.refuse(f"{place}average", "not covered: the weights would be means over the updates")
    if getattr(model, "class_weight", None) is not None:
        draft.refuse(f"{place}class_weight", f"{model.class_weight!r}: not covered in a training")


def _order_notes(model: Any) -> list[str]:
    if not model.shuffle:
        return []
    return [IN_ORDER]


def _perceptron(model: Any, draft: Draft, place: str, _: int) -> Ending:
    outputs = _linear_layer(model, draft, place, "sign")
    if model.penalty is not None:
        draft.refuse(f"{place}penalty", f"{model.penalty!r}: not covered; the perceptron has none")
    _refuse_of_sgd(model, draft, place)
    training = {"rule": "perceptron", "learning_rate": model.eta0}
    classes = list(model.classes_)
    return Ending(outputs, {}, training, classes, (-1.0, 1.0), _order_notes(model))


# Networks


def _network(model: Any, draft: Draft, place: str, count: int) -> Ending:
    is_classifier = hasattr(model, "classes_")
    last = ACTIVATIONS.get(model.out_activation_, model.out_activation_)
    hidden = ACTIVATIONS[model.activation]
    for number, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        parts = {
            "W": Part(f"{place}coefs_.{number}", weights).turned,
            "b": Part(f"{place}intercepts_.{number}", bias),
        }
        draft.layer("dense", parts, units=len(bias))
        draft.activation(hidden if number < len(model.coefs_) - 1 else last)
    network = {"loss": "half_squared_error"}
    if is_classifier:
        network = _cross_entropy(is_binary=model.out_activation_ == "logistic")
    elif getattr(model, "loss", "squared_error") != "squared_error":
        draft.refuse(f"{place}loss", f"{model.loss!r}: not covered")
    size = min(200, count) if model.batch_size == "auto" else min(int(model.batch_size), count)
    training: dict[str, Any] = {"batch_size": "all" if size == count else size, "reduction": "mean"}
    has_order = size < count and model.solver != "lbfgs" and model.shuffle
    order = _order(model, count) if has_order else None
    notes = _order_notes(model) if has_order and order is None else []
    if model.alpha:
        training["l2"] = model.alpha / size
        if count % size and model.solver != "lbfgs":
            notes.append(
                f"The last batch of an epoch has {count % size} examples instead of {size}; "
                "scikit-learn divides alpha by the size of each batch, here it is divided by the usual one."
            )
    if model.solver == "lbfgs":
        notes.append(NO_STEPS.format(f"{type(model).__name__} with the solver lbfgs"))
        training |= {"rule": "gradient_descent", "batch_size": "all"}
        if model.alpha:
            training["l2"] = model.alpha / count
    else:
        training |= _steps_of_network(model, draft, place, count) | _memory(model, draft)
        notes.append(
            "Training goes on as with partial_fit: from these weights, with what the optimizer "
            "remembers. With warm_start=True fit would begin with a new optimizer."
        )
    classes = list(model.classes_) if is_classifier else None
    return Ending(model.n_outputs_, network, training, classes, notes=notes, order=order)


def _order(model: Any, count: int) -> list[int] | None:
    """The order of the examples in each epoch, where random_state is a number.

    Each partial_fit begins anew with it, so that the order is the same each time.
    """
    if not isinstance(model.random_state, int | np.integer):
        return None
    numbers = np.arange(1, count + 1)
    # The generator is scikit-learn's.
    np.random.RandomState(int(model.random_state)).shuffle(numbers)
    order: list[int] = numbers.tolist()
    return order


def _steps_of_network(model: Any, draft: Draft, place: str, count: int) -> dict[str, Any]:
    rate = {"learning_rate": model.learning_rate_init}
    if model.solver == "adam":
        # As scikit-learn has it: epsilon is added to the root before that is corrected.
        b1, b2 = model.beta_1, model.beta_2
        step = f"rate*sqrt(1 - {b2!r}^t)/(1 - {b1!r}^t)*m/(sqrt(v) + {model.epsilon!r})"
        memory = {
            "m": f"{b1!r}*last + (1 - {b1!r})*g",
            "v": f"{b2!r}*last + (1 - {b2!r})*g^2",
        }
        return {"rule": "formula", "adjustment": step, "remember": memory} | rate
    if model.learning_rate == "invscaling":
        # The rate changes after each epoch, by the number of examples since the first fit.
        formula = f"learning_rate/({int(model.t_)} + k*{count} + 1)^{model.power_t!r}"
        rate |= {"schedule": {"formula": formula, "per": "epoch"}}
    elif model.learning_rate != "constant":
        said = f"{model.learning_rate!r}: not covered in a training"
        draft.refuse(f"{place}learning_rate", said)
    if not model.momentum:
        return {"rule": "gradient_descent"} | rate
    rule = "nesterov_with_rate" if model.nesterovs_momentum else "momentum_with_rate"
    return {"rule": rule, "momentum": model.momentum} | rate


def _memory(model: Any, draft: Draft) -> dict[str, Any]:
    """What the optimiser of a network remembers: into the draft, and as keys of [training]."""
    optimiser = getattr(model, "_optimizer", None)
    if optimiser is None:
        return {}
    if model.solver == "adam":
        remembered = {"m": optimiser.ms, "v": optimiser.vs}
    else:
        remembered = {"velocity": optimiser.velocities} if model.momentum else {}
    depth = len(model.coefs_)
    # A step before it, such as PCA, may be a layer too.
    first = len(draft.layers) - depth + 1
    for quantity, arrays in remembered.items():
        # First those of all matrices, which have a row for each input, then those of all biases.
        draft.memory[quantity] = {
            f"{first + number}.{own}": values.T.tolist()
            for own, part in (("W", arrays[:depth]), ("b", arrays[depth:]))
            for number, values in enumerate(part)
        }
    return {"updates_before": int(optimiser.t)} if model.solver == "adam" else {}


ESTIMATORS: Mapping[str, Callable[[Any, Draft, str, int], Ending]] = {
    "LinearRegression": _least_squares,
    "Ridge": _least_squares,
    "Lasso": _least_squares,
    "ElasticNet": _least_squares,
    "LogisticRegression": _logistic,
    "LinearSVC": _svm,
    "LinearSVR": _svm,
    "SGDClassifier": _sgd,
    "SGDRegressor": _sgd,
    "Perceptron": _perceptron,
    "MLPClassifier": _network,
    "MLPRegressor": _network,
}
