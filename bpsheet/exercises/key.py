"""The key of a class: the experiment as it was handed out, the questions, and the students.

It lies in a folder apart from the sheets. With it sheets are marked even after the experiment's file
has been changed, and without their identities.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpsheet.errors import ExperimentError, InputError, Problem
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.identity import FORMAT, Identity, read_identity
from bpsheet.exercises.roster import Roster, Student
from bpsheet.files.ours import refuse_others
from bpsheet.files.whole import replacing
from bpsheet.guard.text import read_text
from bpsheet.plan.plan import Plan
from bpsheet.plan.reader import from_text

__all__ = ["CLASS_FILE", "Key", "is_key", "key_files", "read_key", "write_key"]

CLASS_FILE = "class.json"
MAX_FILE = 8_000_000
# The first lines, by which our own files are recognised.
EXPERIMENT_LINE = "# The experiment of the sheets, as it was when bpsheet handed them out."
CLASS_LINE = '{"bpsheet class":'


@dataclass(frozen=True)
class Key:
    """What was handed out: the exercise (with its experiment) and the roster."""

    exercise: Exercise
    roster: Roster


def is_key(path: Path) -> bool:
    """Whether a folder is the key of a class."""
    return path.is_dir() and (path / CLASS_FILE).is_file()


def key_files(folder: Path, exercise: Exercise) -> dict[Path, str]:
    """The files of a key, with the first line of each, by which ours are recognised."""
    name = re.sub(r"[^\w .-]", "-", exercise.experiment.name).strip(" .") or "experiment"
    return {folder / f"{name}.toml": EXPERIMENT_LINE, folder / CLASS_FILE: CLASS_LINE}


def write_key(folder: Path, exercise: Exercise, roster: Roster, *, force: bool = False) -> None:
    """Write a key. Raises OutputError, and for files that bpsheet did not write."""
    files = key_files(folder, exercise)
    for path, line in files.items():
        refuse_others(path, force=force, first_line=line)
    experiment, about = files
    parts = {
        "experiment": experiment.name,
        "name": exercise.experiment.name,
        "identity": exercise.identity("").text,
        "heads": roster.heads,
        "own": roster.own,
        "said": roster.said,
        "students": [[s.label, s.name, s.id, s.cells] for s in roster.students],
    }
    text = json.dumps(parts, ensure_ascii=False, indent=1)
    with replacing(experiment) as stream:
        stream.write(f"{EXPERIMENT_LINE}\n{exercise.experiment.to_toml()}".encode())
    with replacing(about) as stream:
        stream.write(f"{CLASS_LINE}\n{FORMAT},{text[1:]}\n".encode())


def read_key(folder: Path, made: type[Plan] = Plan) -> Key:
    """The key in a folder; its experiment is an object of the class `made`.

    Raises ExperimentError where the folder is no key, and where the key was changed.
    """
    try:
        parts = json.loads(read_text(folder / CLASS_FILE, MAX_FILE))
        # Only a file beside it is read.
        name = Path(str(parts["experiment"])).name
        text = read_text(folder / name, MAX_FILE)
        identity = read_identity(parts["identity"])
        roster = _roster(parts)
    except InputError as error:
        raise ExperimentError([Problem("", str(error))], str(folder)) from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ExperimentError([Problem("", f"{CLASS_FILE} is damaged")], str(folder)) from None
    plan = from_text(
        text, base=None, name=str(parts.get("name", name)), source=str(folder / name), made=made
    )
    return Key(_exercise(plan, identity, folder), roster)


def _roster(parts: dict[str, Any]) -> Roster:
    students = tuple(
        Student(str(label), str(name), str(number), tuple(map(str, cells)))
        for label, name, number, cells in parts["students"]
    )
    heads = tuple(map(str, parts["heads"]))
    return Roster(students, heads, tuple(map(int, parts["own"])), str(parts["said"]))


def _exercise(plan: Plan, identity: Identity, folder: Path) -> Exercise:
    """The exercise that a key names. Raises ExperimentError where its experiment was changed."""
    exercise = Exercise.of(plan, identity)
    if exercise is None:
        problem = Problem("", "the experiment in the key is not the one that was handed out")
        raise ExperimentError([problem], str(folder))
    return exercise
