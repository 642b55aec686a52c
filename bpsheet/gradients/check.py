"""The gradient compared with differences of the loss, or with the complex step.

For each weight, a forward pass computes the loss with that weight moved. The slope is
(L(w + Δ) − L(w)) / Δ or, from both sides, (L(w + Δ) − L(w − Δ)) / 2Δ. Over complex numbers it
is Im L(w + ih) / h. There nothing is subtracted, so h may be as small as one likes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from bpsheet.engine.forward import loss_function
from bpsheet.errors import ExperimentError, Problem
from bpsheet.runs.cards import card
from bpsheet.runs.run import Run, values_at
from bpsheet.words import among, shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METHODS", "GradientCheck", "check_gradient"]


@dataclass(frozen=True)
class Method:
    """A way to estimate a slope: its default step, and the relative error that it may have."""

    delta: float
    tolerance: float


# One-sided differences are off by Δ/2 times the curvature, two-sided ones by Δ²/6 times the
# third derivative. Both are also off by the loss's last digit over Δ. The complex step has no
# such errors.
METHODS: Mapping[str, Method] = {
    "forward": Method(1e-6, 1e-3),
    "central": Method(1e-5, 1e-6),
    "complex": Method(1e-30, 1e-10),
}
# A function of a weight's name and a step: the loss with that weight moved by that step.
Moved = Callable[[str, Any], Any]
# A gradient smaller than this share of the largest is compared as if it had that size.
FLOOR = 1e-3
LAST_DIGIT = 2.0**-52
# The most weights that a notebook shows: the first and the last ones.
MOST_SHOWN = 60


@dataclass(frozen=True)
class GradientCheck:
    """The gradient of one iteration beside its estimate.

    frame:     a row for each weight: layer, value, analytic and numerical gradient, difference,
               relative difference, whether both agree, and a note. The note is "at a kink" where
               the loss has two slopes, "curved" where the step is too long for the loss's curve.
    passed:    whether all gradients agree; a gradient with a note agrees
    tolerance: the relative difference allowed
    passes:    the number of forward passes; backpropagation takes one forward and one backward
    layer:     the first layer, counted from the output, whose gradients disagree. A mistake in
               its error terms spoils the layers below it.
    """

    frame: pd.DataFrame
    method: str
    delta: float
    iteration: int
    tolerance: float
    passes: int

    @property
    def passed(self) -> bool:
        return bool(self.frame["agrees"].all())

    @property
    def layer(self) -> int | None:
        wrong = self.frame.loc[~self.frame["agrees"], "layer"].dropna()
        return int(wrong.max()) if len(wrong) else None

    @property
    def sentence(self) -> str:
        """The outcome of the check, in plain words."""
        count = len(self.frame)
        work = f"{self.passes:,} forward passes; backpropagation takes one forward and one backward pass"
        if self.passed:
            sentence = f"All {count} gradients agree" if count > 1 else "The gradient agrees"
            plain = self.frame.loc[self.frame["note"] == "", "relative"]
            if len(plain):
                sentence += f": the largest relative difference is {plain.max():.1e}"
            if len(plain) < count:
                sentence += f"; {count - len(plain)} with a note"
            return f"{sentence} ({work})."
        wrong = self.frame.index[~self.frame["agrees"]]
        listed = ", ".join(map(str, wrong[:5])) + (", …" if len(wrong) > 5 else "")
        sentence = f"{len(wrong)} of {count} gradients {'disagrees' if len(wrong) == 1 else 'disagree'} ({listed})."
        if self.layer is not None:
            sentence += (
                f" Layer {self.layer} is the first with a disagreement, counted from the output: "
                "check the formulas of its error terms."
            )
        return sentence

    def __repr__(self) -> str:
        return f"<GradientCheck of iteration {self.iteration}>\n{self}"

    def __str__(self) -> str:
        return f"{self.frame.to_string()}\n{self.sentence}"

    def _repr_html_(self) -> str:
        table = self.frame.to_html(
            border=0, index_names=False, float_format="{:.6g}".format, max_rows=MOST_SHOWN
        )
        return card([f"<p>{escape(self.sentence)}</p>", table])


def check_gradient(
    trace: Run, iteration: int, method: str = "central", delta: float | None = None
) -> GradientCheck:
    """Compare an iteration's gradient with an estimate that uses forward passes only.

    `method` is "forward", "central" or "complex", `delta` the step Δw. The check covers the
    derivatives of the iteration's loss with respect to all weights, and to the inputs whose
    derivatives the experiment asks for.
    Raises ExperimentError for an unknown method or iteration, a step outside (0, 1), and an
    experiment without a loss.

    >>> import bpsheet as bp
    >>> check = check_gradient(bp.load("two-neuron").run(3), 1)
    >>> check.passed, check.passes
    (True, 10)
    """
    import pandas as pd

    step = _step(method, delta, trace.experiment.name)
    values = values_at(trace, iteration)
    program = trace.program
    leaves = [column for column in program.leaves if column.adjoint_name in values]
    moved = _moved(trace, values)
    slope = _slope(_moved(trace, values, over_complex=method == "complex"), method, step)
    sign = program.slope_sign
    analytic = {column.name: sign * values[str(column.adjoint_name)] for column in leaves}
    loss = program.loss
    assert loss is not None
    tolerance = METHODS[method].tolerance
    floor = FLOOR * max([abs(value) for value in analytic.values()], default=0.0)
    # The error of a difference from the loss's last digit; never 0, for a loss that is 0.
    noise = 0.0 if method == "complex" else 16 * LAST_DIGIT * max(1, abs(values[loss.name])) / step
    rows = []
    for column in leaves:
        exact, estimate = analytic[column.name], slope(column.name)
        scale = max(abs(exact), abs(estimate), floor, 1e-300)
        agrees = abs(exact - estimate) <= tolerance * scale + noise
        note = ""
        if not agrees and method != "complex":
            note = _excuse(moved, column.name, step, exact, tolerance * scale + 4 * noise)
            agrees = bool(note)
        rows.append(
            {
                "name": column.name,
                "layer": column.layer,
                "value": values[column.name],
                "analytic": exact,
                "numerical": estimate,
                "difference": estimate - exact,
                "relative": abs(estimate - exact) / scale,
                "agrees": agrees,
                "note": note,
            }
        )
    frame = pd.DataFrame(rows).set_index("name").astype({"layer": "Int64", "agrees": bool})
    count = len(leaves)
    passes = {"forward": count + 1, "central": 2 * count, "complex": count}[method]
    return GradientCheck(frame, method, step, iteration, tolerance, passes)


def _step(method: str, delta: float | None, name: str) -> float:
    """The step Δw of a method. Raises ExperimentError for an unknown method, or no such step."""
    if method not in METHODS:
        reason = f"no method {shown(method)}; {among(method, list(METHODS))}"
        raise ExperimentError([Problem("method", reason)], name)
    step = METHODS[method].delta if delta is None else delta
    if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step < 1:
        reason = f"a number between 0 and 1 expected; got {shown(step)}"
        raise ExperimentError([Problem("delta", reason)], name)
    return step


def _moved(trace: Run, values: Mapping[str, float], *, over_complex: bool = False) -> Moved:
    """The function that gives the loss with one weight moved by a step."""
    loss_at = loss_function(trace.program, values, over_complex=over_complex)
    return lambda name, by: loss_at({name: values[name] + by})


def _slope(moved: Moved, method: str, step: float) -> Callable[[str], float]:
    """The function that estimates a slope. A pass without a value gives NaN, which disagrees."""

    def slope(name: str) -> float:
        try:
            if method == "complex":
                return float(complex(moved(name, 1j * step)).imag / step)
            if method == "forward":
                return float((moved(name, step) - moved(name, 0.0)) / step)
            return float((moved(name, step) - moved(name, -step)) / (2 * step))
        except (ArithmeticError, ValueError):
            return float("nan")

    return slope


def _excuse(moved: Moved, name: str, step: float, exact: float, allowed: float) -> str:
    """The note that explains a difference; "" where the gradient is wrong."""

    def slope(by: float) -> float:
        return float((moved(name, by) - moved(name, 0.0)) / by)

    try:
        left, right, half = slope(-step), slope(step), slope(step / 2)
    except (ArithmeticError, ValueError):
        return ""
    # Half the step halves the curvature's effect on a one-sided slope, so the effect cancels here.
    if abs(2 * half - right - exact) <= allowed:
        return "curved"
    room = 1e-3 * max(abs(left), abs(right)) + allowed
    between = min(left, right) - room <= exact <= max(left, right) + room
    return "at a kink" if abs(left - right) > 10 * room and between else ""
