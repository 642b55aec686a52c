"""The sentence about an overflow: its first column, how far it spread, and its cause."""

from __future__ import annotations

from collections.abc import Sequence

from bpsheet.formula.tree import Call, walk
from bpsheet.health.measures import Measures, known, less_rate
from bpsheet.health.spread import Reached
from bpsheet.program.kinds import Role
from bpsheet.words import listed

__all__ = ["overflow_sentence"]


def overflow_sentence(measures: Measures, reached: Sequence[Reached], *, is_exploding: bool) -> str:
    """A sentence on the first column that overflowed, the weights reached, and a remedy.

    `reached` has at least one column. `is_exploding` says whether the steps had become as large
    as the weights.
    """
    first = reached[0]
    sentence = (
        f"From iteration {first.iteration:,} on there are values that a spreadsheet cannot hold: "
        f"{first.column.name} is the first ({first.error})"
    )
    same = [one.column.name for one in reached[1:] if one.iteration == first.iteration]
    if same:
        sentence += f". In the same row the error spread to {listed(same)}"
    weights = [one for one in reached if one.column.role is Role.WEIGHT]
    if weights:
        then = weights[0].iteration
        when = "One iteration later" if then == first.iteration + 1 else f"At iteration {then:,}"
        names = listed([one.column.name for one in weights if one.iteration == then])
        sentence += f". {when} it had reached {names}. A weight never recovers from an error"
    return f"{sentence}. {_reason(measures, first, is_exploding=is_exploding)}"


def _reason(measures: Measures, first: Reached, *, is_exploding: bool) -> str:
    grown = _most_grown(measures)
    if is_exploding and grown is not None:
        weights, before, after = grown
        clipped = {"clip_norm", "clip_value"} & {p.name for p in measures.program.parameters}
        clip = "" if clipped else ", or clip the gradient (clip_norm = 1)"
        return (
            f"Until then the {weights} had grown from {before:.3g} to {after:.3g}, since the steps "
            f"became longer and longer. Try {less_rate(measures)}{clip}."
        )
    roles = {column.role for column in measures.program}
    at_loss = first.column.role in (Role.LOSS, Role.LOSS_DERIVATIVE)
    if at_loss and Role.ERROR in roles and _has_logarithm(measures):
        return (
            f"The logarithm in {measures.loss} has no value where an output has become exactly 0 "
            'or 1. Try output_error = "simplified", which needs no logarithm, or smaller steps.'
        )
    return f"Look at the values in the formula of {first.column.name} at this iteration."


def _has_logarithm(measures: Measures) -> bool:
    return any(
        isinstance(node, Call) and node.function == "ln"
        for column in measures.program
        if column.role is Role.LOSS and column.formula is not None
        for node in walk(column.formula)
    )


def _most_grown(measures: Measures) -> tuple[str, float, float] | None:
    """The group whose weights grew most before the overflow: its name, first and last length."""
    growths = []
    for group, lengths in zip(measures.groups, measures.weights, strict=True):
        finite = known(lengths)
        if len(finite) and finite[0] > 0:
            growths.append((group.of_weights, float(finite[0]), float(finite[-1])))
    return max(growths, key=lambda growth: growth[2] / growth[1], default=None)
