"""The value of a formula, and its slope by a central difference."""

from __future__ import annotations

from bpsheet.formula.evaluate import evaluate


def value(tree, **values):
    return evaluate(tree, lambda ref: values[ref.name], {}, {})


def central(function, x, step=1e-5):
    """A derivative by differences, good to about 1e-10 times the function's size."""
    one = (function(x + step) - function(x - step)) / (2 * step)
    two = (function(x + 2 * step) - function(x - 2 * step)) / (4 * step)
    return (4 * one - two) / 3
