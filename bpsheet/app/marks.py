"""Hand-ins that the page sends: read, marked and given back as tables and pages."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpsheet.api.experiment import Experiment
from bpsheet.app.making import Made, safe_name, zipped
from bpsheet.app.sent import Upload
from bpsheet.app.uploads import key_in, store
from bpsheet.errors import ExperimentError, InputError, Problem
from bpsheet.exercises.feedback import causes_text, first_mistake, number
from bpsheet.exercises.gradebook import SYSTEMS
from bpsheet.exercises.handout import CLASS_PAGE
from bpsheet.exercises.kept import Kept
from bpsheet.exercises.key import read_key
from bpsheet.exercises.marking import Marked, Outgoing, read_class, write_marks
from bpsheet.exercises.marks import Scale, read_marks
from bpsheet.exercises.received import Exercises
from bpsheet.exercises.roster import Roster
from bpsheet.words import shown

__all__ = ["Class", "Results", "marked", "read"]

SIGNS = {"auto": None, "comma": ",", "point": "."}


@dataclass(frozen=True)
class Class:
    """What was read of a class. It can be marked again by another scale."""

    read: Kept
    exercises: Exercises
    roster: Roster | None


@dataclass(frozen=True)
class Results:
    """Marks, and what goes out."""

    made: Made
    first: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    class_page: Path | None


def read(
    uploads: Sequence[Upload],
    experiment: Callable[[], Experiment],
    roster: Roster | None,
    folder: Path,
) -> Class:
    """Read what was handed in: the files of the field "handins", by the key of the field "key".

    Without a key the sheets are those of the experiment. Raises InputError where there is nothing.
    """
    handins = [upload for upload in uploads if upload.field == "handins"]
    if not handins:
        raise InputError("there are no hand-ins: choose the files, a folder or a zip of them")
    keys = [upload for upload in uploads if upload.field == "key"]
    if keys:
        place = folder / "key"
        place.mkdir()
        key = read_key(key_in(keys, place), Experiment)
        roster = roster or key.roster
        exercises = Exercises(key.exercise.experiment, key.exercise)
    else:
        exercises = Exercises(experiment())
    place = folder / "hand-ins"
    store(handins, place)
    kept = read_class(place, exercises, roster, _no_bar)
    # What was read is all that marking needs.
    shutil.rmtree(place)
    return Class(kept, exercises, roster)


@contextmanager
def _no_bar(_: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


def marked(one: Class, wanted: Mapping[str, Any], folder: Path) -> Results:
    """Mark a class, and write the class table, pages and tables for learning systems.

    wanted: what the page's form says: decimal, total, scale (the text of a file of marks), system,
        by_question

    Raises ExperimentError for a scale or a roster that does not fit.
    """
    system = str(wanted.get("system") or "") or None
    if system is not None and system not in SYSTEMS:
        raise ExperimentError([Problem("system", f"no system {shown(system)}")], "marks")
    stem = safe_name(one.exercises.experiment.name)
    pages = folder / f"{stem}-feedback"
    outgoing = Outgoing(
        folder / f"{stem}-grades.csv",
        pages,
        system=system,
        by_question=bool(wanted.get("by_question")),
    )
    outgoing.check(one.roster)
    scale = _scale(wanted, folder)
    sign = SIGNS.get(str(wanted.get("decimal", "auto")))
    result = write_marks(one.read, one.exercises, one.roster, outgoing, scale=scale, decimal=sign)
    files = [(outgoing.table, "Class table")]
    if result.pages:
        files.append((zipped(pages), "A page of feedback for each student, and one for the class"))
    if system is not None:
        files.append((outgoing.gradebook, f"Table to import into {system.capitalize()}"))
    class_page = pages / CLASS_PAGE if result.pages else None
    return Results(Made(tuple(files), result.said), result.first, tuple(_rows(result)), class_page)


def _scale(wanted: Mapping[str, Any], folder: Path) -> Scale | None:
    """The scale of the form: the marks in all, and the lines of a file of marks."""
    total = str(wanted.get("total") or "").strip().replace(",", ".")
    lines = str(wanted.get("scale") or "").strip()
    if not total and not lines:
        return None
    path = folder / "marks.toml"
    path.write_text((f"total = {total}\n" if total else "") + f"{lines}\n", "utf-8")
    return read_marks(path)


def _rows(result: Marked) -> Iterator[dict[str, Any]]:
    """A row for each sheet, by the students' names."""
    pairs = zip(result.grades.sheets, result.pages, strict=True)
    for sheet, page in sorted(pairs, key=lambda pair: (pair[0].student.casefold(), pair[0].path)):
        yield {
            "student": sheet.student or sheet.path.name,
            "marks": f"{number(sheet.total)} of {number(sheet.out_of)}",
            "first": first_mistake(sheet),
            "causes": causes_text(sheet),
            "page": page,
        }
