"""The identity of an exercise sheet: its student, its exercise and its choices.

The identity holds no answers. When it is read back it may be a stranger's text, so every part is
checked before use.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from bpsheet.errors import WorkbookError

__all__ = ["FORMAT", "Identity", "read_identity"]

# A new format number means that the same names and seeds give other numbers or other lines.
FORMAT = 3
MAX_TEXT = 20_000
MAX_NAME = 200
MAX_ASK = 1_000
TEXTS = ("exercise", "student", "answers", "fingerprint")
NUMBERS = ("iterations", "digits", "seed", "example", "iteration")
LISTS = ("ask", "vary")


@dataclass(frozen=True)
class Identity:
    """The exercise's name and choices, the student's name, and the exercise's fingerprint."""

    exercise: str
    student: str
    ask: tuple[str, ...]
    iterations: int
    digits: int
    vary: tuple[str, ...]
    seed: int
    example: int | None
    iteration: int
    answers: str
    fingerprint: str

    @property
    def text(self) -> str:
        """The identity as text for a sheet."""
        parts = {
            "bpsheet": FORMAT,
            "exercise": self.exercise,
            "student": self.student,
            "ask": list(self.ask),
            "iterations": self.iterations,
            "digits": self.digits,
            "vary": list(self.vary),
            "seed": self.seed,
            "example": self.example or 0,
            "iteration": self.iteration,
            "answers": self.answers,
            "fingerprint": self.fingerprint,
        }
        # Some spreadsheets read _x0041_ as A, so the text avoids such escapes.
        return re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", r"\\u005f", json.dumps(parts, ensure_ascii=False))


def _is_name(value: object) -> bool:
    """Whether a value is a short text without control characters and lone surrogates."""
    return (
        isinstance(value, str)
        and len(value) <= MAX_NAME
        and not any(unicodedata.category(char) in ("Cc", "Cs") for char in value)
    )


def read_identity(text: str) -> Identity:
    """The identity in a sheet's text. Raises WorkbookError for any other text."""
    if len(text) > MAX_TEXT:
        raise WorkbookError("its identity is damaged (too long)")
    try:
        parts: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise WorkbookError("its identity is damaged") from None
    if not isinstance(parts, dict) or not isinstance(parts.get("bpsheet"), int):
        raise WorkbookError("its identity is damaged")
    if parts["bpsheet"] != FORMAT:
        raise WorkbookError("another version of bpsheet wrote the sheet")
    if set(parts) != {"bpsheet", *TEXTS, *NUMBERS, *LISTS}:
        raise WorkbookError("its identity is damaged")
    for key in TEXTS:
        if not _is_name(parts[key]):
            raise WorkbookError(f"its identity is damaged ({key})")
    for key in NUMBERS:
        if not isinstance(parts[key], int) or isinstance(parts[key], bool):
            raise WorkbookError(f"its identity is damaged ({key})")
    for key in LISTS:
        names = parts[key]
        if not isinstance(names, list) or len(names) > MAX_ASK:
            raise WorkbookError(f"its identity is damaged ({key})")
        if not all(map(_is_name, names)):
            raise WorkbookError(f"its identity is damaged ({key})")
    return Identity(
        exercise=parts["exercise"],
        student=parts["student"],
        ask=tuple(parts["ask"]),
        iterations=parts["iterations"],
        digits=parts["digits"],
        vary=tuple(parts["vary"]),
        seed=parts["seed"],
        example=parts["example"] or None,
        iteration=parts["iteration"],
        answers=parts["answers"],
        fingerprint=parts["fingerprint"],
    )
