"""What the default run takes of long lists and of random inputs.

The rest runs by `pytest -m slow --hypothesis-profile=slow`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache

import pytest
from hypothesis import settings

from bpsheet.plan.templates import template_names, template_path

__all__ = [
    "SAMPLE",
    "SIMILAR",
    "draws",
    "has_network",
    "is_dense",
    "sampled",
    "small_templates",
    "spread",
    "spread_over",
]

# Templates that differ in much: a single neuron, a hidden layer, softmax and batches, an
# optimiser over formulas, overflow, sums over several examples.
SAMPLE = ("book-perceptron", "exploding", "iris", "line-adam", "n-samples", "two-neuron")

# The templates that are like others to most readers: other numbers, a further layer of a kind.
SIMILAR = frozenset({
    "autoencoder", "batch-norm", "log-likelihood", "multiway-classification", "one-weight", "rnn",
    "transformer-block", "two-hidden-layers",
})  # fmt: skip


def sampled(values: Iterable[object], *sample: object) -> list[object]:
    """The values of a test's parameter (tuples: of several), of which all but a sample are slow.

    Raises:
        ValueError: something of the sample is not among the values, so that nothing would run it.
    """
    values = list(values)
    if missing := [value for value in sample if value not in values]:
        raise ValueError(f"the sample is of {values}, and {missing} are not among them")
    return [
        value
        if value in sample
        else pytest.param(
            *(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow
        )
        for value in values
    ]


def spread(values: Iterable[object], count: int) -> list[object]:
    """The values of a test's parameter (tuples: of several), of which all but so many are slow.

    Those that stay lie between the first and the last at equal distances: lists are in an order in
    which neighbours are alike. What is slow already, or is a template like another, is not counted.
    """
    cases = [
        value
        if isinstance(value, type(pytest.param()))
        else pytest.param(*(value if isinstance(value, tuple) else (value,)))
        for value in values
    ]
    quick = [
        number
        for number, case in enumerate(cases)
        if not any(getattr(mark, "name", "") == "slow" for mark in case.marks)
        and not any(isinstance(value, str) and value in SIMILAR for value in case.values)
    ]
    kept = {quick[place] for place in spread_over(len(quick), count)}
    return [
        case
        if number in kept or number not in quick
        else pytest.param(*case.values, id=case.id, marks=[*case.marks, pytest.mark.slow])
        for number, case in enumerate(cases)
    ]


def spread_over(total: int, count: int) -> set[int]:
    """So many of the places from 0 on, at equal distances: the first, and of several the last too."""
    count = min(count, total)
    return {place * (total - 1) // max(count - 1, 1) for place in range(count)}


def draws(count: int, **more: object) -> settings:
    """So many random inputs with the profile slow (see conftest), a tenth of them by default."""
    share = max(2, count * settings.default.max_examples // 100)
    return settings(deadline=None, max_examples=share, **more)


def small_templates() -> list[str]:
    """All but `digits`, which has 7,500 columns and tests of its own (test_wide)."""
    return [name for name in template_names() if name != "digits"]


@cache
def _tables_of(template: str) -> dict[str, dict[str, object]]:
    """What a template's file says. To load it takes ten times as long, and each process that
    collects the tests would do it.
    """
    return tomllib.loads(template_path(template).read_text(encoding="utf-8"))


def has_network(template: str) -> bool:
    """Whether a template has a network; else it has formulas."""
    return "network" in _tables_of(template)


def is_dense(template: str) -> bool:
    """Whether a template has a network of dense layers alone."""
    if not has_network(template):
        return False
    network = _tables_of(template)["network"]
    layers = network["layers"]
    return "shapes" not in network and all("kind" not in layer for layer in layers)
