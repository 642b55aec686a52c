"""PyTorch's losses, as those of a network.

PyTorch takes the mean over the outputs, too; where ours is a sum, each output's part is divided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bpsheet.errors import ModelError, Problem
from bpsheet.models.assembling import Objective
from bpsheet.models.imported import Draft
from bpsheet.models.torch.layers import LOGARITHM
from bpsheet.textbook.losses import LOSSES
from bpsheet.words import among

__all__ = ["objective_of"]

# The loss modules of F.mse_loss and the like.
FUNCTIONS: Mapping[str, str] = {
    "mse_loss": "MSELoss",
    "l1_loss": "L1Loss",
    "smooth_l1_loss": "SmoothL1Loss",
    "huber_loss": "HuberLoss",
    "cross_entropy": "CrossEntropyLoss",
    "nll_loss": "NLLLoss",
    "kl_div": "KLDivLoss",
    "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "poisson_nll_loss": "PoissonNLLLoss",
    "soft_margin_loss": "SoftMarginLoss",
}
SIMPLIFIED = {"output_error": "simplified"}
BERNOULLI = "-(t*ln(y) + (1 - t)*ln(1 - y))"


@dataclass(frozen=True)
class _Given:
    """A loss module, and the outputs that it takes.

    numbers:  how many outputs there are in all
    rows:     how many examples, or steps, one of our examples has
    is_dense: whether the network is of dense layers alone
    ends:     the last activation
    """

    module: Any
    numbers: int
    rows: int
    is_dense: bool
    ends: str

    @property
    def is_mean(self) -> bool:
        return str(self.module.reduction) != "sum"

    def mean_of(self, term: str) -> dict[str, Any]:
        """A loss of somebody's own, whose parts are added up over the outputs."""
        divided = self.is_mean and self.numbers > 1
        return {"loss": f"({term})/{self.numbers}" if divided else term}


def _squares(given: _Given) -> Objective:
    return Objective({"loss": "mean_squared_error" if given.is_mean else "squared_error"})


def _absolute(given: _Given) -> Objective:
    return Objective({"loss": "mean_absolute_error" if given.is_mean else "absolute_error"})


def _huber(given: _Given) -> Objective:
    d = float(given.module.delta)
    if given.numbers == 1 or not given.is_mean:
        return Objective({"loss": "huber", "delta": d})
    term = f"if(abs(t - y) <= {d!r}, 0.5*(t - y)^2, {d!r}*(abs(t - y) - {0.5 * d!r}))"
    return Objective(given.mean_of(term))


def _smooth(given: _Given) -> Objective:
    b = float(given.module.beta)
    if b == 0:
        return _absolute(given)
    term = f"if(abs(t - y) < {b!r}, 0.5*(t - y)^2/{b!r}, abs(t - y) - {0.5 * b!r})"
    return Objective(given.mean_of(term))


def _bernoulli(given: _Given) -> Objective:
    """Minus the log likelihood of each output: in dense networks without the division by outputs."""
    if not given.is_dense:
        return Objective(given.mean_of(BERNOULLI))
    settings: dict[str, Any] = {"loss": "binary_cross_entropy"}
    if given.is_mean and given.numbers > 1:
        return Objective(settings | {"class_weights": [1 / given.numbers] * given.numbers})
    return Objective(settings | SIMPLIFIED)


def _logits(given: _Given) -> Objective:
    found = _bernoulli(given)
    return Objective(found.settings, "logistic")


def _classes(given: _Given, *, loss: str = "cross_entropy", term: str = "-(t*ln(y))") -> Objective:
    if given.rows > 1 and given.is_mean:
        return Objective({"loss": f"{term}/{given.rows}"}, "softmax", classes=True)
    simplified = SIMPLIFIED if given.is_dense else {}
    return Objective({"loss": loss} | simplified, "softmax", classes=True)


def _cross_entropy(given: _Given) -> Objective:
    module, found = given.module, _classes(given)
    settings = dict(found.settings)
    smoothing = getattr(module, "label_smoothing", 0.0)
    if smoothing:
        if not given.is_dense:
            raise _Unfit("label_smoothing is covered with dense layers alone")
        settings["label_smoothing"] = float(smoothing)
    if module.weight is not None:
        if given.is_mean or not given.is_dense:
            raise _Unfit('weight is covered with dense layers alone and reduction="sum"')
        settings["class_weights"] = module.weight.double().tolist()
        settings.pop("output_error", None)
    return Objective(settings, "softmax", classes=True)


def _negative_log(given: _Given) -> Objective:
    if given.ends != LOGARITHM:
        raise _Unfit("it is covered after LogSoftmax, the last layer of the model")
    return _cross_entropy(given)


def _divergence(given: _Given) -> Objective:
    if given.ends != LOGARITHM or given.module.log_target:
        raise _Unfit("it is covered after LogSoftmax, without log_target")
    if given.module.reduction not in ("batchmean", "sum") or given.rows > 1:
        raise _Unfit('reduction="batchmean" and "sum" are covered')
    return _classes(given, loss="kl_divergence")


def _poisson(given: _Given) -> Objective:
    if not given.module.log_input or given.module.full:
        raise _Unfit("log_input=True and full=False are covered")
    return Objective(given.mean_of("exp(y) - t*y"))


LOSSES_OF_TORCH: Mapping[str, Callable[[_Given], Objective]] = {
    "MSELoss": _squares,
    "L1Loss": _absolute,
    "HuberLoss": _huber,
    "SmoothL1Loss": _smooth,
    "BCELoss": _bernoulli,
    "BCEWithLogitsLoss": _logits,
    "CrossEntropyLoss": _cross_entropy,
    "NLLLoss": _negative_log,
    "KLDivLoss": _divergence,
    "PoissonNLLLoss": _poisson,
    "SoftMarginLoss": lambda given: Objective(given.mean_of("ln(1 + exp(-t*y))")),
}


def _found(name: str, given: _Given) -> Objective:
    """The loss of a module by the name of its class."""
    if given.module.reduction == "none":
        raise _Unfit('the reductions "mean" and "sum" are covered')
    weights = [getattr(given.module, key, None) for key in ("weight", "pos_weight")]
    if name.startswith("BCE") and any(weight is not None for weight in weights):
        raise _Unfit("weight and pos_weight are not covered")
    return LOSSES_OF_TORCH[name](given)


class _Unfit(Exception):  # noqa: N818 - an answer: what of a loss is covered
    """What of a loss is not covered; the message says what is."""


def objective_of(loss: Any, draft: Draft, numbers: int, rows: int) -> Objective:
    """A loss of PyTorch's, a module or a function of `torch.nn.functional`, or the name of one of ours.

    `numbers` are all outputs of one of our examples, in `rows` rows.
    Raises ModelError for a loss that is not covered.
    """
    if isinstance(loss, str):
        if loss in LOSSES:
            return Objective({"loss": loss}, classes="softmax" in LOSSES[loss].fits)
        raise _problem(draft, f"unknown loss; {among(loss, list(LOSSES))}")
    name = type(loss).__name__
    if callable(loss) and getattr(loss, "__name__", "") in FUNCTIONS:
        from torch import nn

        name = FUNCTIONS[loss.__name__]
        loss = getattr(nn, name)()
    if name not in LOSSES_OF_TORCH:
        covered = ", ".join(LOSSES_OF_TORCH)
        raise _problem(
            draft, f"{name} is not covered; {covered} are, and names of losses of bpsheet"
        )
    ends = str(draft.layers[-1].get("activation", "")) if draft.layers else ""
    is_dense = rows == 1 and all("kind" not in layer for layer in draft.layers)
    given = _Given(loss, numbers, rows, is_dense, ends)
    try:
        found = _found(name, given)
    except _Unfit as unfit:
        raise _problem(draft, f"{name}: {unfit}") from None
    if ends == LOGARITHM and name in ("NLLLoss", "KLDivLoss"):
        draft.layers[-1]["activation"] = "softmax"
        found = Objective(found.settings, classes=found.classes)
    reduction = "mean" if given.is_mean else "sum"
    return Objective(found.settings, found.activation, reduction, found.classes)


def _problem(draft: Draft, said: str) -> ModelError:
    return ModelError([*draft.problems, Problem("loss", said)], draft.source)
