"""What several sentences of a diagnosis say: lists of names, and the usual advice."""

from __future__ import annotations

from collections.abc import Sequence

from bpsheet.health.measures import Measures

__all__ = ["less_rate", "listed"]

# So many names are listed; of more, how many there are.
FEW = 4


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["g", "h", "k"]), listed(["a", "b", "c", "d", "e", "f"])
    ('g, h and k', 'a, b, c and 3 more')
    """
    shown = list(names)
    if len(names) > FEW:
        shown = [*names[: FEW - 1], f"{len(names) - FEW + 1:,} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def less_rate(measures: Measures) -> str:
    """The advice against steps that are too large."""
    rate = measures.parameter("learning_rate")
    if rate is None or rate <= 0:
        return "a smaller learning rate"
    return f"a smaller learning rate: {rate / 10:g} in place of {rate:g}"
