"""The data of a page: an experiment's columns, examples, hyper-parameters, picture and file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from bpsheet.formula.tree import Param
from bpsheet.page.slots import slots_of
from bpsheet.page.worked import worked_of
from bpsheet.pictures.frames import NEW, Frame, Frames, has_frames
from bpsheet.pictures.placement import placement_of
from bpsheet.pictures.shelves import frames_of
from bpsheet.plan.plan import Plan
from bpsheet.printers.mathml import MathMLPrinter, symbol_mathml
from bpsheet.program.column import Column, sentence_of
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Parameter, Program

__all__ = ["content_of", "shared"]

NUMBERS = re.compile(r"[0-9]+")
# Nobody reads matrices of more entries than these on a page.
MOST_ENTRIES = 1_500


def content_of(experiment: Plan, program: Program, mark: int | None = None) -> dict[str, Any]:
    """The data for the page's script, as plain tables and lists.

    The number of examples in the program is `mark` (see `bpsheet.page.counted`).
    """
    phases, roles = list(Phase), list(Role)
    worked = worked_of(program, mark)
    model = experiment.model
    return {
        "title": experiment.title or experiment.name,
        "notes": experiment.notes,
        "name": experiment.name,
        "iterations": experiment.iterations,
        "names": shared(program.names),
        "symbols": shared(map(symbol_mathml, program.names), program.names),
        "sentences": shared(map(_sentence, program), program.names),
        "phases": [phases.index(column.phase) for column in program],
        "roles": [roles.index(column.role) for column in program],
        "roleNames": [str(role) for role in roles],
        "starts": {i: c.start for i, c in enumerate(program) if c.start is not None},
        "labels": {i: column.labels for i, column in enumerate(program) if column.labels},
        "forms": worked.forms,
        "leaves": worked.leaves,
        "mark": mark,
        "parameters": [
            _cell(parameter, experiment.example_count if parameter.value == mark else None)
            for parameter in program.parameters
        ],
        "tables": [[name, list(table)] for name, table in program.tables.items()],
        "given": {program.position[name]: list(rows) for name, rows in program.given.items()},
        "loss": program.position[model.loss] if model.loss is not None else None,
        "picture": placement_of(experiment, program, narrow=True).as_data(),
        "matrices": _matrices(program),
        "file": slots_of(experiment, program),
    }


def _matrices(program: Program) -> list[dict[str, Any]] | None:
    """The vectors and matrices of an iteration, shelf by shelf; None where there are none, or too many."""
    if not has_frames(program):
        return None
    found = frames_of(program)
    frames = [frame for frame in found.frames if not frame.name.startswith(NEW)]
    if sum(frame.rows * frame.columns for frame in frames) > MOST_ENTRIES:
        return None
    shelves = range(1 + max(frame.shelf for frame in frames))
    return [_shelf(program, found, [f for f in frames if f.shelf == shelf]) for shelf in shelves]


def _shelf(program: Program, found: Frames, frames: Sequence[Frame]) -> dict[str, Any]:
    """Arrays that stand beside and below one another: in lines, and in strips from left to right."""
    strips = sorted({frame.column for frame in frames})
    lines = range(1 + max(frame.row for frame in frames))
    return {
        "lines": [found.title(frames[0].shelf, line) for line in lines],
        "strips": len(strips),
        "frames": [
            {
                "label": frame.label,
                "says": frame.says,
                "line": frame.row,
                "strip": strips.index(frame.column),
                "phase": list(Phase).index(frame.phase),
                "rows": [
                    [None if column is None else program.position[column.name] for column in row]
                    for row in frame.quantity.columns.reshape(frame.rows, frame.columns)
                ],
                "names": found.row_names.get(frame.column - 1, ()) if frame.row == 0 else (),
                "heads": frame.heads,
            }
            for frame in frames
        ],
    }


def _cell(parameter: Parameter, count: int | None) -> dict[str, Any]:
    """A hyper-parameter, with the values that its field may hold. `count` is another value."""
    return {
        "name": parameter.name,
        "symbol": MathMLPrinter().text(Param(parameter.name)),
        "value": parameter.value if count is None else count,
        "label": parameter.label,
        "meaning": parameter.meaning,
        "choices": parameter.choices,
        "between": parameter.between,
        "whole": parameter.whole,
        "expected": parameter.expected,
        "follows": parameter.follows,
    }


def _sentence(column: Column) -> str:
    """The sentence over a column's formula; for an input only its meaning."""
    return column.meaning if column.phase is Phase.INPUT else sentence_of(column)


def shared(texts: Iterable[str], beside: Iterable[str] = ()) -> dict[str, Sequence[Any]]:
    """Texts as patterns and numbers, so that thousands of names take little room.

    Texts that differ only in their numbers share a pattern. A text with the same numbers as the
    text `beside` it is stored as its pattern alone.

    >>> shared(["w1_2", "w1_3", "y"])
    {'patterns': ['w#_#', 'y'], 'texts': [[0, '1', '2'], [0, '1', '3'], [1]]}
    >>> shared(["weight 1 of 2"], beside=["w1_2"])
    {'patterns': ['weight # of #'], 'texts': [0]}
    """
    patterns: dict[str, int] = {}
    rows: list[Any] = []
    for text, other in zip_longest(texts, beside, fillvalue=""):
        # A text that contains "#" is its own pattern, without numbers.
        numbers = [] if "#" in text else NUMBERS.findall(text)
        pattern = text if "#" in text else NUMBERS.sub("#", text)
        number = patterns.setdefault(pattern, len(patterns))
        rows.append(number if numbers and numbers == NUMBERS.findall(other) else [number, *numbers])
    return {"patterns": list(patterns), "texts": rows}
