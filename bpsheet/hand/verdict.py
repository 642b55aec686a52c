"""The verdicts on written values, from best to worst."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Verdict"]


class Verdict(StrEnum):
    """The verdict on a written value."""

    CORRECT = "correct"
    CONVENTION = "other convention"
    ROUNDED = "rounded early"
    CARRIED = "carried through"
    AGAIN = "same slip again"
    CUT = "cut, not rounded"
    CLOSE = "close"
    FEW_DIGITS = "too few digits"
    TYPED = "these numbers only"
    SLIP = "likely slip"
    WRONG = "wrong"
    MISSING = "missing"
    NO_NUMBER = "not a number"

    @property
    def is_right(self) -> bool:
        """Whether the method is right, so that the value earns its mark."""
        return self in (Verdict.CORRECT, Verdict.CONVENTION, Verdict.ROUNDED, Verdict.CARRIED)
