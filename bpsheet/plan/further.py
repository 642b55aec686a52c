"""Further problems of tables: the problems that remain when wrong values are set aside."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from bpsheet.errors import Problem
from bpsheet.plan.checks.problems import problems_of
from bpsheet.tables.tables import Tables
from bpsheet.words import place

__all__ = ["further_problems"]

# Stand-ins for needed keys that are missing or wrong, so that the rest can be checked.
STAND_INS: dict[str, Any] = {
    "inputs": ["x"],
    "targets": ["y"],
    "layers": [{"units": 1}],
    "forward": ["e = x"],
    "data": {"examples": [[0.0, 0.0]]},
}
# The places whose problems do not depend on names and shapes.
SHAPELESS = re.compile(
    r"title|notes|network$|graph$|network\.loss|network\.output_error|network\.layers\[\d+\]\.activation"
    r"|training(?!\.freeze|\.only)|notation\.(?!rename)|data\.(order|seed)"
)


def further_problems(
    tables: dict[str, Any], error: ValidationError, known: list[Problem]
) -> list[Problem]:
    """The problems that remain when the wrong values are set aside.

    A problem near a key that was set aside may come from that, and is left for the next attempt.
    """
    touched = []
    for item in error.errors(include_url=False):
        location = item["loc"]
        if isinstance(location[-1], int) and item["type"] in ("float_type", "finite_number"):
            _set(tables, location, 0.0)
        else:
            steps = location[: _depth(location)]
            stand_in = STAND_INS.get(str(steps[-1]) if item["type"] != "extra_forbidden" else "")
            _set(tables, steps, stand_in)
            touched.append(place(steps))
    try:
        rest = Tables.model_validate(tables)
    except ValidationError:
        return []
    if any(path.startswith("functions") for path in touched):
        return []  # formulas that call a function set aside would be wrong for its sake
    known_places = {problem.place for problem in known}
    has_stand_in = any(path.rpartition(".")[2] in STAND_INS for path in touched)
    return [
        problem
        for problem in problems_of(rest)
        if problem.place not in known_places
        # With a stand-in, only problems that it cannot cause.
        and (not has_stand_in or SHAPELESS.match(problem.place))
        and not any(
            f"{problem.place}.".startswith(f"{path}.")
            or problem.place.startswith(f"{path}[")
            or path.startswith(f"{problem.place}.")
            for path in touched
        )
    ]


def _depth(location: tuple[int | str, ...]) -> int:
    """How many steps of a location name a key: `network.layers[1].weights` of `…weights[1][2]`."""
    names = [index for index, part in enumerate(location) if isinstance(part, str)]
    return names[-1] + 1 if names else 0


def _set(tables: Any, steps: tuple[int | str, ...], value: object) -> None:
    """Replace a wrong value, or with None remove its key."""
    current = tables
    try:
        for step in steps[:-1]:
            current = current[step]
        if value is None:
            current.pop(steps[-1], None)
        else:
            current[steps[-1]] = value
    except (AttributeError, IndexError, KeyError, TypeError):
        return
