"""What PyTorch, Keras and scikit-learn call otherwise, and what it is called here.

Their names are refused, for what they mean differs in details. But each leads to ours.

>>> ours("BCELoss", ["cross_entropy", "binary_cross_entropy"]).quoted
'"binary_cross_entropy"'
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

__all__ = ["ELSEWHERE", "Ours", "ours", "spelled_like"]


class Ours(NamedTuple):
    """A name of ours, or a key with its value (`order = "shuffled"`), and where it belongs."""

    text: str
    where: str

    @property
    def name(self) -> str:
        return self.text.partition(" ")[0]

    @property
    def quoted(self) -> str:
        return self.text if " " in self.text else f'"{self.text}"'


def _folded(name: str) -> str:
    """A name without what people write differently: capitals, underscores, hyphens."""
    return name.casefold().replace("_", "").replace("-", "")


# Where each belongs (a table of the file, or the key that it is a value of): ours, and theirs.
_NAMES: Mapping[str, Mapping[str, str]] = {
    "activation": {"linear": "identity", "logistic": "sigmoid", "softmax": "LogSoftmax"},
    "function": {
        "logistic": "sigmoid expit",
        "ln": "log",
        "max": "maximum",
        "min": "minimum",
        "int": "floor",
    },
    "loss": {
        "mean_squared_error": "mse MSELoss",
        "binary_cross_entropy": "BCELoss BCEWithLogitsLoss binary_crossentropy log_loss",
        "cross_entropy": "CrossEntropyLoss NLLLoss categorical_crossentropy "
        "sparse_categorical_crossentropy",
    },
    "rule": {"gradient_descent": "SGD", "nesterov": "NAG"},
    "reduction": {"mean": "average"},
    "method": {
        "xavier_uniform": "glorot_uniform",
        "xavier_normal": "glorot_normal",
        "he_uniform": "kaiming_uniform",
        "he_normal": "kaiming_normal",
        "uniform": "random_uniform",
    },
    "kind": {
        "constant": "ConstantLR",
        "step": "StepLR",
        "exponential": "ExponentialLR ExponentialDecay",
        "inverse_time": "InverseTimeDecay invscaling",
        "cosine": "CosineAnnealingLR CosineDecay",
    },
    "[network]": {"loss": "criterion", "layers": "hidden_layer_sizes"},
    "[[network.layers]]": {
        "units": "out_features",
        "activation": "nonlinearity",
        "weights": "kernel coefs",
        "bias": "use_bias intercepts",
    },
    "[data]": {'order = "shuffled"': "shuffle"},
    "[training]": {
        "rule": "optimizer optimiser solver",
        "learning_rate": "lr eta eta0 learning_rate_init",
        "epsilon": "eps",
        "beta1": "betas",
        "decay": "rho",
        "weight_decay": "alpha l2",
        'rule = "nesterov"': "nesterov nesterovs_momentum",
        'rule = "gradient_ascent"': "maximize",
        "clip_norm": "max_norm global_clipnorm",
        "schedule": "scheduler lr_scheduler",
        "epochs": "max_iter",
    },
    "[training.schedule]": {
        "factor": "gamma decay_rate",
        "every": "step_size decay_steps",
        "over": "T_max",
        "lowest": "eta_min",
        "warmup": "warmup_steps",
    },
    "[initial]": {"method": "kernel_initializer", "seed": "random_state manual_seed"},
}


def _by_theirs() -> Mapping[str, tuple[Ours, ...]]:
    found: dict[str, tuple[Ours, ...]] = defaultdict(tuple)
    for where, names in _NAMES.items():
        for text, theirs in names.items():
            for name in theirs.split():
                found[_folded(name)] += (Ours(text, where),)
    return dict(found)


# A name of theirs, folded: what it may be here.
ELSEWHERE = _by_theirs()


def ours(word: str, known: Collection[str] | None = None) -> Ours | None:
    """What a name of theirs is called here: among the names known, else a key of any table.

    None where it is no name of theirs, or none of those known.
    """
    found = ELSEWHERE.get(_folded(word), ())
    if known is None:
        return next((one for one in found if one.where.startswith("[")), None)
    return next((one for one in found if one.name in known), None)


def spelled_like(word: str, known: Collection[str]) -> str | None:
    """The name among those known that is written nearly like a word; None where none is.

    >>> spelled_like("RMSprop", ["adam", "rmsprop"]), spelled_like("tahn", ["sign", "tanh"])
    ('rmsprop', 'tanh')
    """
    alike = [name for name in known if _folded(name) == _folded(word)]
    return next(iter(alike or difflib.get_close_matches(word, known, n=1)), None)
