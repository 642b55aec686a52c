"""PyTorch's activations: by the name of its module a name or a formula of ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["ACTIVATIONS", "ELEMENTWISE"]


def _gelu(module: Any) -> str:
    if module.approximate == "none":
        return "gelu"
    return f"0.5*z*(1 + tanh({math.sqrt(2 / math.pi)!r}*(z + 0.044715*z^3)))"


def _softplus(module: Any) -> str:
    b = module.beta
    if b == 1:
        return "softplus"
    return f"(max({b!r}*z, 0) + ln(1 + exp(-abs({b!r}*z))))/{b!r}"


def _cut(low: float, high: float) -> str:
    return f"max({low!r}, min({high!r}, z))"


def _shrink(lost: float, *, soft: bool) -> str:
    up, down = (f"z - {lost!r}", f"z + {lost!r}") if soft else ("z", "z")
    return f"if(z > {lost!r}, {up}, if(z < {-lost!r}, {down}, 0))"


# From a module to the activation. Parameters that are not PyTorch's defaults give a formula of z.
ACTIVATIONS: Mapping[str, Callable[[Any], str]] = {
    "Identity": lambda _: "linear",
    "Sigmoid": lambda _: "logistic",
    "Tanh": lambda _: "tanh",
    "ReLU": lambda _: "relu",
    "LeakyReLU": lambda m: (
        "leaky_relu" if m.negative_slope == 0.01 else f"if(z > 0, z, {m.negative_slope!r}*z)"
    ),
    "Softplus": _softplus,
    "ELU": lambda m: "elu" if m.alpha == 1 else f"if(z > 0, z, {m.alpha!r}*(exp(z) - 1))",
    "CELU": lambda m: (
        "elu" if m.alpha == 1 else f"if(z > 0, z, {m.alpha!r}*(exp(z/{m.alpha!r}) - 1))"
    ),
    "SELU": lambda _: "selu",
    "GELU": _gelu,
    "SiLU": lambda _: "silu",
    "Mish": lambda _: "mish",
    "Softsign": lambda _: "softsign",
    "Hardsigmoid": lambda _: "hard_sigmoid",
    "Hardswish": lambda _: "z*max(0, min(1, z/6 + 0.5))",
    "Hardtanh": lambda m: (
        "hard_tanh" if (m.min_val, m.max_val) == (-1, 1) else _cut(m.min_val, m.max_val)
    ),
    "ReLU6": lambda _: _cut(0.0, 6.0),
    "LogSigmoid": lambda _: "log_sigmoid",
    "Tanhshrink": lambda _: "z - tanh(z)",
    "Softshrink": lambda m: _shrink(m.lambd, soft=True),
    "Hardshrink": lambda m: _shrink(m.lambd, soft=False),
    "Threshold": lambda m: f"if(z > {m.threshold!r}, z, {m.value!r})",
}
# Functions of one array that are no activations of a module.
ELEMENTWISE: Mapping[str, str] = {
    "exp": "exp(z)",
    "log": "ln(z)",
    "sqrt": "sqrt(z)",
    "square": "z^2",
    "abs": "abs(z)",
    "neg": "-z",
    "sin": "sin(z)",
    "cos": "cos(z)",
}
