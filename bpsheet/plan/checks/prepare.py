"""Whether the steps that prepare raw inputs fit together, and fit what the network takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bpsheet.errors import Problem
from bpsheet.tables.data import Prepare
from bpsheet.textbook.preparations import PREPARATIONS
from bpsheet.words import counted, listed, listing, shown, unfit_name

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["prepare_problems"]

# A letter and a number, or a function, cannot name a cell of the sheet.
CONSTANTS = tuple(dict.fromkeys(key for row in PREPARATIONS.values() for key in row.constants))


def prepare_problems(experiment: Tables) -> Iterator[Problem]:
    """The problems of [[prepare]], step by step."""
    taken = dict.fromkeys(experiment.taken_inputs)
    known: dict[str, None] = {}
    used = dict.fromkeys([*taken, *(name for step in experiment.prepare for name in step.of)])
    for number, step in enumerate(experiment.prepare, start=1):
        path = f"prepare[{number}]"
        yield from _shape(path, step)
        yield from _constants(path, step, known)
        later = {name for other in experiment.prepare[number - 1 :] for name in other.prepared}
        for name in step.of:
            if name in later:
                said = f"this step or a later one gives {shown(name)}; an earlier one expected"
                yield Problem(f"{path}.of", said)
            if name in taken and name in known:
                yield Problem(
                    f"{path}.of",
                    f"{shown(name)} goes to the network already; prepare its raw input again",
                )
        for name in step.prepared:
            if (why := unfit_name(name)) is not None:
                yield Problem(f"{path}.names", f"{why}; got {shown(name)}")
            elif name in known:
                yield Problem(f"{path}.names", f"two steps give {shown(name)}")
            elif name not in used:
                said = "the network takes no such input, and no step after it does"
                yield Problem(f"{path}.names", f"{shown(name)}: {said}")
            elif name in experiment.raw_inputs:
                yield Problem(
                    f"{path}.names", f"{shown(name)} is an input of the data; another name expected"
                )
            known[name] = None
    if experiment.graph is not None:
        for index, name in enumerate(experiment.graph.gradient_of, start=1):
            if any(name in step.prepared for step in experiment.prepare):
                yield Problem(
                    f"graph.gradient_of[{index}]",
                    f"{shown(name)} is prepared; a derivative is for an input that is taken as it is",
                )


def _shape(path: str, step: Prepare) -> Iterator[Problem]:
    kind = PREPARATIONS[step.kind]
    if not step.of:
        yield Problem(f"{path}.of", "at least one name expected")
    if kind.by_category and len(step.of) > 1:
        yield Problem(f"{path}.of", f"{step.kind} prepares one input; write a step for each")
    if kind.by_category and not step.categories:
        yield Problem(f"{path}.categories", f"missing, and needed by {step.kind}")
    if not kind.by_category and step.categories is not None:
        yield Problem(f"{path}.categories", "used by one_hot only; leave it out")
    if step.words is not None and len(step.of) != 1:
        yield Problem(f"{path}.words", "they are for a step that prepares one input")
    elif step.words is not None:
        numbers = range(1, len(step.words) + 1)
        if any(number not in numbers for number in step.categories or []):
            said = f"{len(step.words)} words, so categories from 1 to {len(step.words)} expected"
            yield Problem(f"{path}.categories", said)
    if len(set(step.categories or [])) < len(step.categories or []):
        yield Problem(f"{path}.categories", "each number once expected")
    outputs = len(step.categories or []) if kind.by_category else len(step.of)
    if step.names is not None and len(step.names) != outputs:
        yield Problem(
            f"{path}.names", f"{counted(outputs, 'name')} expected; got {len(step.names)}"
        )


def _constants(path: str, step: Prepare, known: dict[str, None]) -> Iterator[Problem]:
    own = PREPARATIONS[step.kind].constants
    for key in CONSTANTS:
        values = getattr(step, key)
        if key not in own:
            if values is not None:
                users = [name for name, row in PREPARATIONS.items() if key in row.constants]
                yield Problem(f"{path}.{key}", f"used by {listed(users)} only; leave it out")
            continue
        if values is None:
            derived = [name for name in step.of if name in known]
            if own[key] is None:
                yield Problem(f"{path}.{key}", f"missing, and needed by {step.kind}")
            elif derived:
                said = f"needed here: {listing(derived)} is no column of the data"
                yield Problem(f"{path}.{key}", said)
        elif len(values) != len(step.of):
            said = f"{counted(len(step.of), 'number')} expected, one for each of `of`; got {len(values)}"
            yield Problem(f"{path}.{key}", said)
        elif key in ("sd", "span", "largest", "spread") and 0 in values:
            yield Problem(
                f"{path}.{key}", "numbers other than 0 expected, since one divides by them"
            )
