"""Words and small questions that the checks share."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bpsheet.errors import Problem
from bpsheet.tables.problems import nearest
from bpsheet.tables.spec import Network

if TYPE_CHECKING:
    from bpsheet.plan.plan import Experiment

__all__ = [
    "among",
    "counted",
    "is_unfit",
    "listing",
    "network_of",
    "numbers",
    "ragged_rows",
    "unfit_name",
    "units_of",
]


def is_unfit(char: str) -> bool:
    """Whether XML, and so a cell, cannot hold a character."""
    return (
        unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"
    ) or char in "\ufffe\uffff"


def unfit_name(name: str) -> str | None:
    """Why a name cannot head a column; None where it can."""
    if not all(char.isprintable() for char in name) or unicodedata.category(name[0]) == "Mn":
        return "printable characters expected"
    if not (name[0].isalpha() or name[0].isdigit() or name[0] == "_") or name != name.strip():
        return "a name begins with a letter, a digit or an underscore"
    return None


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def listing(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])}, … {names[-1]}"


def numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values[:10])


def among(text: str, known: Sequence[str]) -> str:
    """What is known, the nearest first."""
    hint = nearest(text, known)
    listed = f"known are {', '.join(known)}"
    return f"{hint} ({listed})" if hint.startswith("did") else listed


def ragged_rows(
    place: str, rows: Sequence[Sequence[float]], expected: Sequence[str]
) -> Iterator[Problem]:
    for index, row in enumerate(rows, start=1):
        if len(row) != len(expected):
            yield Problem(
                f"{place}[{index}]",
                f"{counted(len(expected), 'number')} expected ({listing(expected)}); "
                f"got {len(row)}",
            )
            if index > 20:
                return


def network_of(experiment: Experiment) -> Network:
    """The network of an experiment that has one."""
    assert experiment.network is not None
    return experiment.network


def units_of(experiment: Experiment, number: int) -> int:
    """How many neurons the layer has (0 where the file does not say)."""
    layer = network_of(experiment).layers[number - 1]
    return len(layer.neurons) if layer.neurons is not None else layer.units or 0
