"""One tree of exceptions. Each message says what, where, what was expected and what to do.

>>> issubclass(ExperimentError, BpsheetError)
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = [
    "BpsheetError",
    "EditsError",
    "EngineError",
    "ExperimentError",
    "FormulaError",
    "HandError",
    "InputError",
    "LimitError",
    "MissingExtraError",
    "ModelError",
    "NotReplacedError",
    "OutputError",
    "Problem",
    "ProgramError",
    "WorkbookError",
]

LONGEST = 200


class BpsheetError(Exception):
    """Anything that bpsheet refuses or cannot do: the base class of all its errors."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an experiment.

    `place` says where (`network.layers[1].weights`), `message` what was expected and what was
    given.
    """

    place: str
    message: str

    def __str__(self) -> str:
        # A key in a file may have any length.
        place = self.place if len(self.place) <= LONGEST else f"{self.place[:LONGEST]}…"
        return f"{place}: {self.message}" if place else self.message


class InputError(BpsheetError):
    """An input that cannot be used: an experiment, a formula, hand values, a file."""


class ExperimentError(InputError):
    """An experiment that cannot be run, with all its problems.

    Causes are a misspelt key, a matrix of the wrong shape, a name used twice …
    `problems` lists each problem with its place. Nothing has run and nothing was written.
    """

    def __init__(self, problems: Iterable[Problem], source: str = "this experiment") -> None:
        self.problems = tuple(problems)
        self.source = source
        count = len(self.problems)
        head = f"{source}: {count} problem{'s' if count != 1 else ''}"
        super().__init__(
            "\n".join(
                [head, *(f"  {problem}".replace("\n", "\n    ") for problem in self.problems)]
            )
        )

    def renamed(self, names: Mapping[str, str]) -> Self:
        """An error with the same problems and other names for some of their places.

        >>> error = ExperimentError([Problem("digits", "1 to 15 expected; got 0")], "exercise")
        >>> print(error.renamed({"digits": "--digits"}).problems[0])
        --digits: 1 to 15 expected; got 0
        """
        renamed = (
            Problem(names.get(problem.place, problem.place), problem.message)
            for problem in self.problems
        )
        return type(self)(renamed, self.source)

    def __reduce__(self) -> tuple[Any, ...]:
        # An error from another process is made again from its parts.
        return type(self), (self.problems, self.source)


class ModelError(ExperimentError):
    """A model that cannot be read. Each part that is not covered is a problem, with its path."""


class FormulaError(InputError):
    """A formula that cannot be read. In its message a caret points at the wrong character."""


class HandError(InputError):
    """Hand values that cannot be compared: an unknown quantity, a file that cannot be read."""

    def __init__(self, problems: Iterable[str], source: str = "hand values") -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join([f"{source}:", *(f"  {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, self.source)


class ProgramError(BpsheetError):
    """A program whose columns do not fit together: a bug in bpsheet, not in a user's file."""


class LimitError(BpsheetError):
    """More than a worksheet or this machine holds. The message says what to do instead."""


class WorkbookError(InputError):
    """A workbook that cannot be used: not a workbook, damaged, or not made by bpsheet."""


class EditsError(WorkbookError):
    """Numbers that somebody has typed into a workbook's cells, and that do not fit together."""


class EngineError(BpsheetError):
    """A spreadsheet engine that is missing or failed."""


class MissingExtraError(BpsheetError):
    """A missing package that only a part of bpsheet needs. The message says how to install it."""

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f'{what}: python -m pip install "bpsheet[{extra}]"')


class OutputError(BpsheetError):
    """A file that cannot be written. The old file, if there was one, is still there."""


class NotReplacedError(OutputError):
    """An existing file that may be somebody's work. It is replaced only by force."""
