"""A column's name as mathematics: its parts, for the printers that write symbols."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

__all__ = ["GREEK", "Applied", "Change", "Derivative", "Letter", "MathName", "Staged", "read_name"]

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ",
    "omega": "ω", "Delta": "Δ",
}  # fmt: skip


# `dMSE / dw`, and `dloss_dw` where the upper part is a word for a loss, a capital or a letter, or the
# lower part a weighted sum. Other names, such as `debt_duration`, are words with something below.
DERIVATIVE = re.compile(
    r"""d(\S+)\ /\ d(\S+)
    | d(loss|cost|error|objective|[A-Z]\w*?'*|[a-z]'*)_d([^\W\d_]\S*)
    | d([^\W\d]\S*)_d(z)""",
    re.VERBOSE,
)
STAGED = re.compile(r"(sum|batch|clipped|decayed|kept)_(d.+)")


@dataclass(frozen=True)
class Letter:
    """A letter or a word, perhaps with a hat, parts below it, and primes: m̂_{w,1}, f'."""

    head: str
    below: tuple[str, ...] = ()
    primes: int = 0
    hat: bool = False


@dataclass(frozen=True)
class Derivative:
    """∂upper/∂lower: the name `dMSE / dw_xg1`."""

    upper: MathName
    lower: MathName


@dataclass(frozen=True)
class Staged:
    """A gradient on its way to the update: the sum over a batch, clipped, decayed."""

    stage: str
    of: MathName


@dataclass(frozen=True)
class Applied:
    """A name with another in parentheses: C(1)."""

    head: MathName
    argument: MathName
    primes: int


@dataclass(frozen=True)
class Change:
    """Δ and a weight: the name `delta_w_xg1`."""

    of: MathName


MathName = Letter | Derivative | Staged | Applied | Change


def read_name(name: str) -> MathName:
    """The parts of a column's name.

    >>> read_name("w_xg1")
    Letter(head='w', below=('xg1',), primes=0, hat=False)
    >>> read_name("dloss_dw_xg1").lower == read_name("w_xg1")
    True
    >>> read_name("dMSE / df'").lower
    Letter(head='f', below=(), primes=1, hat=False)
    """
    if quotient := DERIVATIVE.fullmatch(name):
        upper, lower = (part for part in quotient.groups() if part is not None)
        return Derivative(read_name(upper), read_name(lower))
    if staged := STAGED.fullmatch(name):
        of = read_name(staged[2])
        if isinstance(of, Derivative):
            return Staged(staged[1], of)
    if corrected := re.fullmatch(r"([A-Za-z])_hat_(.+)", name):
        return _with_hat(read_name(f"{corrected[1]}_{corrected[2]}"))
    if call := re.fullmatch(r"([^\s()]+)\(([^()]+)\)('*)", name):
        return Applied(read_name(call[1]), read_name(call[2]), len(call[3]))
    if name.startswith("delta_"):
        return Change(read_name(name.removeprefix("delta_")))
    return _letter(name)


def _letter(name: str) -> Letter:
    stem = name.rstrip("'")
    head, *below = [part for part in stem.split("_") if part] or ["x"]
    numbered = re.fullmatch(r"([A-Za-z]+)([0-9]+)", head)
    # x1_2 is x with 1,2 below it; alpha1 is α with 1 below it; x1 alone stays one word.
    if numbered and (numbered[1] in GREEK or (below and len(numbered[1]) == 1)):
        head, below = numbered[1], [numbered[2], *below]
    return Letter(head, tuple(below), len(name) - len(stem))


def _with_hat(name: MathName) -> MathName:
    """The name with a hat over its first letter, which marks a corrected running mean."""
    match name:
        case Letter():
            return replace(name, hat=True)
        case Applied(head, _, _):
            return replace(name, head=_with_hat(head))
    return name
