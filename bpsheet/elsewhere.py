"""The names in PyTorch, Keras and scikit-learn for things that have another name here.

Their names are refused, because their meanings differ in details. The error names ours.

>>> ours("BCELoss", ["cross_entropy", "binary_cross_entropy"]).quoted
'"binary_cross_entropy"'
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

__all__ = ["ELSEWHERE", "Ours", "ours", "same_name", "spelled_like"]


class Ours(NamedTuple):
    """One of our names, or a key with its value (`order = "shuffled"`), and where it belongs."""

    text: str
    where: str

    @property
    def name(self) -> str:
        return self.text.partition(" ")[0]

    @property
    def quoted(self) -> str:
        return self.text if " " in self.text else f'"{self.text}"'


def _folded(name: str) -> str:
    """A name in small letters, without underscores and hyphens."""
    return name.casefold().replace("_", "").replace("-", "")


# Of several names that are equally near, so many are offered.
MOST_ALIKE = 3

# Where a name belongs (a table of the file, or the key whose value it is): our name and theirs.
_NAMES: Mapping[str, Mapping[str, str]] = {
    "activation": {
        "linear": "identity",
        "logistic": "sigmoid",
        "silu": "swish",
        "softmax": "LogSoftmax",
    },
    "function": {
        "logistic": "sigmoid expit",
        "ln": "log",
        "max": "maximum",
        "min": "minimum",
        "int": "floor",
    },
    "loss": {
        "mean_squared_error": "mse MSELoss",
        "mean_absolute_error": "mae L1Loss",
        "huber": "HuberLoss",
        "kl_divergence": "KLDivLoss kld",
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
        "restarts": "CosineAnnealingWarmRestarts CosineDecayRestarts",
        "multi_step": "MultiStepLR PiecewiseConstantDecay",
        "linear": "LinearLR",
        "polynomial": "PolynomialLR PolynomialDecay",
        "one_cycle": "OneCycleLR",
    },
    "[network]": {
        "loss": "criterion",
        "layers": "hidden_layer_sizes",
        "class_weights": "class_weight",
    },
    "[[network.layers]]": {
        "units": "out_features",
        "activation": "nonlinearity",
        "weights": "kernel coefs",
        "bias": "use_bias intercepts",
    },
    "[data]": {'order = "shuffled"': "shuffle", "weight": "sample_weight"},
    "[training]": {
        "rule": "optimizer optimiser solver",
        "learning_rate": "lr eta eta0 learning_rate_init",
        "epsilon": "eps",
        "beta1": "betas",
        "decay": "rho",
        "weight_decay": "alpha",
        "l2": "kernel_regularizer",
        "patience": "n_iter_no_change",
        'rule = "nesterov"': "nesterov nesterovs_momentum",
        'rule = "gradient_ascent"': "maximize",
        "eta_minus": "etas",
        "smallest_step": "step_sizes",
        "clip_norm": "max_norm global_clipnorm",
        "schedule": "scheduler lr_scheduler",
        "epochs": "max_iter",
    },
    "[training.schedule]": {
        "factor": "gamma decay_rate",
        "every": "step_size decay_steps T_0",
        "over": "T_max total_iters total_steps",
        "growth": "T_mult",
        "rise": "pct_start",
        "first_divisor": "div_factor",
        "last_divisor": "final_div_factor",
        "lowest": "eta_min",
        "warmup": "warmup_steps",
    },
    "[initial]": {"method": "kernel_initializer", "seed": "random_state manual_seed"},
}


def _by_theirs() -> Mapping[str, tuple[Ours, ...]]:
    by_theirs: dict[str, tuple[Ours, ...]] = defaultdict(tuple)
    for where, names in _NAMES.items():
        for text, theirs in names.items():
            for name in theirs.split():
                by_theirs[_folded(name)] += (Ours(text, where),)
    return dict(by_theirs)


# By one of their names, folded: the names that it may have here.
ELSEWHERE = _by_theirs()


def ours(word: str, known: Collection[str] | None = None) -> Ours | None:
    """Our name for one of their names: one of the `known` names, or without these any key.

    None where the word is not one of their names, or no known name belongs to it.
    """
    candidates = ELSEWHERE.get(_folded(word), ())
    if known is None:
        return next((one for one in candidates if one.where.startswith("[")), None)
    return next((one for one in candidates if one.name in known), None)


def same_name(word: str, known: Collection[str]) -> str | None:
    """The known name for a word that is one of theirs, or is ours in another spelling.

    >>> same_name("mse", ["mean_squared_error"]), same_name("ReLU", ["relu"])
    ('mean_squared_error', 'relu')
    """
    known_here = ours(word, known)
    if known_here is not None:
        return known_here.name
    return next((name for name in known if _folded(name) == _folded(word)), None)


def spelled_like(word: str, known: Collection[str]) -> list[str]:
    """The known names that are spelled most like a word, at most three; none where none is near.

    >>> spelled_like("RMSprop", ["adam", "rmsprop"]), spelled_like("tahn", ["sign", "tanh"])
    (['rmsprop'], ['tanh'])
    >>> spelled_like("w_9", ["w_1", "w_2", "weight"])
    ['w_1', 'w_2']
    """
    alike = [name for name in known if _folded(name) == _folded(word)]
    if not alike:
        close = difflib.get_close_matches(word, known, n=len(known) or 1)
        alike = [name for name in close if _likeness(word, name) == _likeness(word, close[0])]
        alike.sort(key=list(known).index)
    return alike[:MOST_ALIKE]


def _likeness(word: str, name: str) -> float:
    """The likeness as `difflib.get_close_matches` has it, which depends on the order of the two."""
    return difflib.SequenceMatcher(None, name, word).ratio()
