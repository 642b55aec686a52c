"""Keras' losses and optimisers, as those of an experiment.

Keras puts epsilon under the root in some optimisers and beside it in others, and corrects Adam's moments
in the rate. Where no rule of ours is the same, the rule is written as a formula, with Keras' numbers in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from bpsheet.models.assembling import Objective
from bpsheet.models.imported import Draft
from bpsheet.textbook.losses import LOSSES

__all__ = ["objective_of", "settings_of"]

BERNOULLI = "-(t*ln(y) + (1 - t)*ln(1 - y))"
SIMPLIFIED = {"output_error": "simplified"}
SHORT = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "kld": "kl_divergence",
    "bce": "binary_crossentropy",
    "logcosh": "log_cosh",
}
# Parts of a loss that Keras takes the mean of over the outputs.
TERMS = {
    "hinge": "max(1 - t*y, 0)",
    "squared_hinge": "max(1 - t*y, 0)^2",
    "poisson": "y - t*ln(y + 1e-7)",
    "log_cosh": "t - y + ln(1 + exp(-2*(t - y))) - ln(2)",
}


def _named(loss: Any) -> str:
    """The name of a loss in small letters: mean_squared_error for the class and the function."""
    text = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    plain = "".join(f"_{c.lower()}" if c.isupper() and k else c.lower() for k, c in enumerate(text))
    plain = plain.replace("k_l_div", "kl_div").replace("k_l", "kl")
    return SHORT.get(plain, plain)


def objective_of(loss: Any, draft: Draft, shape: tuple[int, ...]) -> Objective | None:
    """A loss of Keras, by its object, function or name, or the name of one of ours."""
    name = _named(loss)
    config = getattr(loss, "_fn_kwargs", {})
    reduction = getattr(loss, "reduction", "sum_over_batch_size")
    count, rows = math.prod(shape), math.prod(shape[:-1])
    if reduction not in ("sum_over_batch_size", "mean", "sum") or (reduction == "sum" and rows > 1):
        draft.refuse(
            "loss", f"the reductions sum_over_batch_size and sum are covered; got {reduction}"
        )
    over = "mean" if reduction != "sum" else "sum"
    is_dense = rows == 1 and all("kind" not in layer for layer in draft.layers)
    ends = draft.layers[-1].get("activation", "linear") if draft.layers else "linear"
    if (
        isinstance(loss, str)
        and loss in LOSSES
        and name
        not in (
            "mean_squared_error",
            "mean_absolute_error",
            "hinge",
            "huber",
            "log_cosh",
            "kl_divergence",
        )
    ):
        return Objective({"loss": loss}, classes="softmax" in LOSSES[loss].fits)

    def mean_of(term: str) -> dict[str, Any]:
        return {"loss": f"({term})/{count}" if count > 1 else term}

    if name in ("mean_squared_error", "mean_absolute_error"):
        return Objective({"loss": name}, reduction=over)
    if name == "huber":
        d = float(config.get("delta", 1.0))
        if count == 1:
            return Objective({"loss": "huber", "delta": d}, reduction=over)
        term = f"if(abs(t - y) <= {d!r}, 0.5*(t - y)^2, {d!r}*abs(t - y) - {0.5 * d * d!r})"
        return Objective(mean_of(term), reduction=over)
    if name in TERMS:
        return Objective(mean_of(TERMS[name]), reduction=over)
    is_logits = bool(config.get("from_logits"))
    smoothing = float(config.get("label_smoothing") or 0)
    if name == "binary_crossentropy":
        if smoothing:
            draft.refuse("loss", "label_smoothing=0 is covered")
        if not is_logits and ends != "logistic":
            draft.refuse(
                "loss", "binary_crossentropy is covered after a sigmoid, or with from_logits=True"
            )
        settings: dict[str, Any] = mean_of(BERNOULLI)
        if is_dense:
            settings = {"loss": "binary_cross_entropy"}
            # With weights of the outputs the error is not output minus target.
            settings |= {"class_weights": [1 / count] * count} if count > 1 else SIMPLIFIED
        return Objective(settings, "logistic" if is_logits else "", over)
    if name in ("categorical_crossentropy", "sparse_categorical_crossentropy", "kl_divergence"):
        if not is_logits and ends != "softmax":
            draft.refuse("loss", f"{name} is covered after a softmax, or with from_logits=True")
        ours = "kl_divergence" if name == "kl_divergence" else "cross_entropy"
        settings = {"loss": ours, **(SIMPLIFIED if is_dense else {})}
        if rows > 1:
            if ours == "kl_divergence":
                draft.refuse("loss", "kl_divergence is covered for one vector of outputs")
            settings = {"loss": f"-(t*ln(y))/{rows}"}
        if smoothing:
            settings["label_smoothing"] = smoothing
            if not is_dense:
                draft.refuse("loss", "label_smoothing is covered with dense layers alone")
        return Objective(settings, "softmax" if is_logits else "", over, classes=True)
    draft.refuse(
        "loss",
        f"{name} is not covered; mean_squared_error, mean_absolute_error, huber, log_cosh, hinge, "
        "squared_hinge, poisson, binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy and kl_divergence are",
    )
    return None


Config = Mapping[str, Any]


def _formula(adjustment: str, decay: float, **remember: str) -> dict[str, Any]:
    """A rule as a formula; decay is taken from the weight as it was, times the rate."""
    step = f"{adjustment} + rate*{decay!r}*w" if decay else adjustment
    return {"rule": "formula", "adjustment": step, "remember": remember}


def _sgd(config: Config, decay: float, draft: Draft) -> dict[str, Any]:
    momentum = float(config.get("momentum") or 0)
    if not momentum:
        return _formula("rate*g", decay) if decay else {"rule": "gradient_descent"}
    if decay:
        draft.refuse("optimizer (SGD)", "weight_decay without momentum is covered")
    rule = "nesterov_with_rate" if config.get("nesterov") else "momentum_with_rate"
    return {"rule": rule, "momentum": momentum}


def _moments(config: Config) -> tuple[float, float, float, dict[str, str]]:
    b1, b2, e = float(config["beta_1"]), float(config["beta_2"]), float(config["epsilon"])
    return b1, b2, e, {"m": f"last + (g - last)*{1 - b1!r}", "v": f"last + (g^2 - last)*{1 - b2!r}"}


def _adam(config: Config, decay: float, _draft: Draft) -> dict[str, Any]:
    b1, b2, e, remember = _moments(config)
    rate = f"rate*sqrt(1 - {b2!r}^t)/(1 - {b1!r}^t)"
    root = "v"
    if config.get("amsgrad"):
        remember["s"] = "max(last, v)"
        root = "s"
    return _formula(f"{rate}*m/(sqrt({root}) + {e!r})", decay, **remember)


def _nadam(config: Config, decay: float, _draft: Draft) -> dict[str, Any]:
    b1, b2, e, remember = _moments(config)
    now, ahead = (f"{b1!r}*(1 - 0.5*0.96^{when})" for when in ("t", "(t + 1)"))
    remember["p"] = f"if(t = 1, 1, last)*{now}"
    mean = f"{ahead}*m/(1 - p*{ahead}) + (1 - {now})*g/(1 - p)"
    return _formula(f"rate*({mean})/(sqrt(v/(1 - {b2!r}^t)) + {e!r})", decay, **remember)


def _adamax(config: Config, decay: float, _draft: Draft) -> dict[str, Any]:
    b1, b2, e = float(config["beta_1"]), float(config["beta_2"]), float(config["epsilon"])
    remember = {"m": f"last + (g - last)*{1 - b1!r}", "s": f"max({b2!r}*last, abs(g))"}
    return _formula(f"rate*m/((1 - {b1!r}^t)*(s + {e!r}))", decay, **remember)


def _rmsprop(config: Config, decay: float, _draft: Draft) -> dict[str, Any]:
    rho, e, momentum = (
        float(config["rho"]),
        float(config["epsilon"]),
        float(config.get("momentum") or 0),
    )
    remember = {"s": f"{rho!r}*last + {1 - rho!r}*g^2"}
    inside = f"s + {e!r}"
    if config.get("centered"):
        remember["q"] = f"{rho!r}*last + {1 - rho!r}*g"
        inside = f"s - q^2 + {e!r}"
    step = f"rate*g/sqrt({inside})"
    if momentum:
        remember["v"] = f"{momentum!r}*last + {step}"
        step = "v"
    return _formula(step, decay, **remember)


def _adagrad(config: Config, decay: float, _draft: Draft) -> dict[str, Any]:
    first, e = float(config["initial_accumulator_value"]), float(config["epsilon"])
    return _formula(f"rate*g/sqrt(s + {e!r})", decay, s=f"if(t = 1, {first!r}, last) + g^2")


def _adadelta(config: Config, decay: float, draft: Draft) -> dict[str, Any]:
    if decay:
        draft.refuse("optimizer (Adadelta)", "weight_decay=None is covered")
    return {"rule": "adadelta", "decay": float(config["rho"]), "epsilon": float(config["epsilon"])}


def _lion(config: Config, decay: float, _draft: Draft) -> dict[str, Any]:
    return {
        "rule": "lion",
        "beta1": float(config["beta_1"]),
        "beta2": float(config["beta_2"]),
        "weight_decay": decay,
    }


OPTIMISERS: Mapping[str, Callable[[Config, float, Draft], dict[str, Any]]] = {
    "SGD": _sgd,
    "Adam": _adam,
    "AdamW": _adam,
    "Nadam": _nadam,
    "Adamax": _adamax,
    "RMSprop": _rmsprop,
    "Adagrad": _adagrad,
    "Adadelta": _adadelta,
    "Lion": _lion,
}
# What an optimiser may have besides, and the only value that is covered.
PLAIN = {
    "clipnorm": None,
    "use_ema": False,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


def settings_of(optimizer: Any, draft: Draft) -> dict[str, Any]:
    """The keys of [training] that say what an optimiser does. What is not covered is noted."""
    name = type(optimizer).__name__
    place = f"optimizer ({name})"
    if name not in OPTIMISERS:
        draft.refuse(place, f"{', '.join(OPTIMISERS)} are covered")
        return {}
    config = optimizer.get_config()
    for key, value in PLAIN.items():
        if config.get(key, value) != value:
            more = "; global_clipnorm is covered" if key == "clipnorm" else ""
            draft.refuse(place, f"{key}={value} is covered{more}")
    if int(optimizer.iterations):
        draft.refuse(place, "one that has not begun is covered; compile the model again")
    decay = float(config.get("weight_decay") or 0)
    settings = OPTIMISERS[name](config, decay, draft)
    for theirs, ours in (("clipvalue", "clip_value"), ("global_clipnorm", "clip_norm")):
        if config.get(theirs) is not None:
            settings[ours] = float(config[theirs])
    rate = optimizer._learning_rate  # noqa: SLF001 - a schedule, or a number
    if not hasattr(rate, "get_config"):
        return settings | {"learning_rate": _number(optimizer.learning_rate)}
    return settings | _scheduled(rate, draft)


def _number(value: Any) -> float:
    """A learning rate as Python has it: Keras keeps it in single precision."""
    import numpy as np

    number = float(np.asarray(value.detach().cpu() if hasattr(value, "detach") else value))
    return float(f"{number:.7g}") if np.float32(f"{number:.7g}") == np.float32(number) else number


def _scheduled(schedule: Any, draft: Draft) -> dict[str, Any]:
    name, c = type(schedule).__name__, schedule.get_config()
    first = float(c.get("initial_learning_rate") or 0)
    formula = ""
    if name in ("ExponentialDecay", "InverseTimeDecay"):
        part = f"k/{float(c['decay_steps'])!r}"
        part = f"int({part})" if c["staircase"] else part
        rate = float(c["decay_rate"])
        formula = (
            f"learning_rate*{rate!r}^({part})"
            if name[0] == "E"
            else f"learning_rate/(1 + {rate!r}*{part})"
        )
    elif name == "PolynomialDecay" and not c["cycle"]:
        over, end, power = float(c["decay_steps"]), float(c["end_learning_rate"]), float(c["power"])
        formula = f"(learning_rate - {end!r})*(1 - min(k, {over!r})/{over!r})^{power!r} + {end!r}"
    elif name == "CosineDecay" and not c.get("warmup_target"):
        over, alpha = float(c["decay_steps"]), float(c["alpha"])
        wave = f"0.5*(1 + cos(pi()*min(k, {over!r})/{over!r}))"
        formula = f"learning_rate*({1 - alpha!r}*{wave} + {alpha!r})"
    elif name == "PiecewiseConstantDecay":
        values = [float(v) for v in c["values"]]
        first, formula = values[0], repr(values[-1])
        for edge, value in reversed(list(zip(c["boundaries"], values[:-1], strict=True))):
            text = "learning_rate" if value == first else repr(value)
            formula = f"if(k <= {float(edge)!r}, {text}, {formula})"
    if not formula:
        draft.refuse(
            f"learning_rate ({name})",
            "ExponentialDecay, InverseTimeDecay, PolynomialDecay, CosineDecay and "
            "PiecewiseConstantDecay, without cycle and warm-up, are covered",
        )
        return {}
    return {"learning_rate": first, "schedule": {"formula": formula}}
