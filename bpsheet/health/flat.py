"""The flat parts of an activation, on which a neuron is saturated or dead.

They are computed from the program's formulas of the output and of its derivative, so a user's
activation is judged like any other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.formula.tree import Ref
from bpsheet.program.column import Column

__all__ = ["Flat", "flat_parts"]

# The weighted sums at which an activation is evaluated. At ±20 a logistic output is 0 or 1 to
# nine digits, so an activation that is flat there stays flat.
FAR, STEPS = 20.0, 161
# An activation is flat where its derivative is below this share of the largest one: an update then
# is a hundred times smaller than it could be. Leaky relu's slope of a hundredth is not flat.
SMALL = 0.01


@dataclass(frozen=True)
class Flat:
    """The flat parts of an activation: up to `low` and from `high` on (−∞ and ∞ for none).

    `is_dead_below` and `is_dead_above` say that the part is perfectly flat, with a derivative of
    0, as relu's is. A saturated logistic neuron recovers slowly, such a neuron never.
    """

    low: float
    high: float
    is_dead_below: bool = False
    is_dead_above: bool = False

    @property
    def is_somewhere(self) -> bool:
        """Whether the activation has a flat part."""
        return math.isfinite(self.low) or math.isfinite(self.high)


NOWHERE = Flat(-math.inf, math.inf)


def flat_parts(output: Column, slope: Column, sums: Column) -> Flat:
    """The flat parts of a neuron's activation.

    `output` is the column of its output, `slope` that of the output's derivative, `sums` that of
    its weighted sum. Only parts that reach to either end count: the top of a bell is no
    saturation. There are none where the formulas use other columns.
    """
    if output.formula is None or slope.formula is None:
        return NOWHERE
    used = {ref.name for ref in (*output.references, *slope.references)}
    if not used <= {sums.name, output.name}:
        return NOWHERE
    grid = np.linspace(-FAR, FAR, STEPS)
    steep = np.array([_slope_at(float(z), output, slope, sums) for z in grid])
    finite = steep[np.isfinite(steep)]
    largest = finite.max() if len(finite) else 0.0
    if largest == 0:
        return NOWHERE  # a step function such as sign has a derivative of 0 everywhere
    # An activation is not flat where its derivative has no value.
    flat = np.where(np.isfinite(steep), steep, largest) < SMALL * largest
    first, last = int(np.argmin(flat)), int(np.argmin(flat[::-1]))
    return Flat(
        low=float(grid[first - 1]) if first else -math.inf,
        high=float(grid[-last]) if last else math.inf,
        is_dead_below=bool(first) and steep[first - 1] == 0,
        is_dead_above=bool(last) and steep[-last] == 0,
    )


def _slope_at(z: float, output: Column, slope: Column, sums: Column) -> float:
    """The absolute derivative at one weighted sum; NaN where it has no value."""
    assert output.formula is not None
    assert slope.formula is not None
    try:
        y = evaluate(output.formula, lambda _: z, {}, {})

        def value(ref: Ref) -> float:
            return z if ref.name == sums.name else y

        return abs(evaluate(slope.formula, value, {}, {}))
    except CellError:
        return math.nan
