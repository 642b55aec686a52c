"""What the page offers to download: workbook, page and handout; sheets, keys and question banks."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bpsheet.api.experiment import Experiment
from bpsheet.api.export import write
from bpsheet.app.sent import Upload
from bpsheet.app.uploads import store
from bpsheet.engine.recording import EVERYTHING
from bpsheet.errors import ExperimentError, Problem
from bpsheet.exercises.banks.writing import BANKS
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.printed import printable_page
from bpsheet.exercises.roster import Roster, read_roster
from bpsheet.exercises.setting import FORMATS, set_exercise, set_sheets
from bpsheet.files.seals import sealed
from bpsheet.outside.browser import browser_command
from bpsheet.outside.office import libreoffice_command
from bpsheet.paper.writing import write_document
from bpsheet.runs.longrun import LongRun, is_long
from bpsheet.words import shown

__all__ = ["Made", "abilities", "exercise", "handed_roster", "safe_name", "take_home", "zipped"]

MOST_STUDENTS = 500
HANDOUTS = {"html": ".html", "latex": ".tex", "pdf": ".pdf"}


@dataclass(frozen=True)
class Made:
    """Files to download, each with what it is for, and sentences."""

    files: tuple[tuple[Path, str], ...]
    said: tuple[str, ...] = ()


def abilities() -> dict[str, bool]:
    """What this machine can do besides: print pages, print sheets, draw."""
    prints = browser_command() is not None
    return {
        "prints": prints,
        "printsSheets": prints or libreoffice_command() is not None,
        "draws": find_spec("matplotlib") is not None,
    }


def safe_name(name: str) -> str:
    """A name that a file can have on any system.

    >>> safe_name("My net: 2/3")
    'My net- 2-3'
    """
    return re.sub(r"[^\w .-]", "-", name)[:60].strip(" .") or "experiment"


def take_home(experiment: Experiment, what: str, folder: Path, iteration: int = 1) -> Made:
    """The workbook, the live page, or the handout (what: "html", "latex" or "pdf").

    Raises what writing them raises.
    """
    stem = safe_name(experiment.name)
    if what == "workbook":
        path = folder / f"{stem}.xlsx"
        run = LongRun(experiment, EVERYTHING) if is_long(experiment) else experiment.run()
        sentence = write(run, path, None, None)
        return Made(((path, "Workbook with live formulas"),), (sentence,))
    if what == "page":
        path = folder / f"{stem}.html"
        experiment.to_page(path)
        return Made(((path, "Page that computes by itself; it needs no connection"),))
    if what not in HANDOUTS:
        raise ExperimentError([Problem("what", f"nothing is called {shown(what)}")], "download")
    path = folder / f"{stem}-handout{HANDOUTS[what]}"
    explanation = experiment.run(iteration).explain(iteration, detail="short")
    write_document(explanation, path, what)
    return Made(((path, f"Handout: iteration {iteration}, worked out"),))


def handed_roster(uploads: Sequence[Upload], folder: Path) -> Roster | None:
    """The roster that was sent, or None. Raises ExperimentError, with every problem."""
    sent = [upload for upload in uploads if upload.field == "roster"]
    return read_roster(store(sent[:1], folder / "roster")[0]) if sent else None


def exercise(
    experiment: Experiment, wanted: Mapping[str, Any], roster: Roster | None, folder: Path
) -> Made:
    """Sheets with their key and solutions, a question bank, or files to print.

    wanted: what the page's form says: ask, digits, iterations, vary, seed, example, iteration,
        answers, live, picture, form, and the number of students where there is no roster

    Raises ExperimentError, with every problem, and what writing the files raises.
    """
    form = str(wanted.get("form", "xlsx"))
    if form not in FORMATS:
        raise ExperimentError([Problem("form", f"no format {shown(form)}")], "exercise")
    count = _whole(wanted, "students", 0, most=MOST_STUDENTS)
    label = "Student" if form in ("xlsx", "pdf") else "draw"
    names = [f"{label} {number}" for number in range(1, count + 1)]
    said = [f"{roster.said}."] if roster is not None else []
    if roster is None and names:
        roster = Roster.of_names(names)
    questions = Exercise(
        experiment,
        tuple(map(str, wanted.get("ask") or ())),
        _whole(wanted, "iterations", 1),
        _whole(wanted, "digits", 3),
        tuple(map(str, wanted.get("vary") or ())) if roster is not None else (),
        _whole(wanted, "seed", 0),
        _whole(wanted, "example", 0) or None,
        _whole(wanted, "iteration", 1),
        str(wanted.get("answers", "values")),
    )
    said += [questions.remark] if questions.remark else []
    if wanted.get("vary") and roster is None:
        said.append("One sheet for all: nothing varies without a roster or a number of students.")
    stem = safe_name(experiment.name)
    if form != "xlsx":
        path = folder / f"{stem}-{'sheets' if form == 'pdf' else form}{BANKS.get(form, '.pdf')}"
        made = set_exercise(questions, path, form, roster.labels if roster is not None else [])
        printed = ["All sheets, to print", "All solutions, for you alone"]
        meant = printed if form == "pdf" else ["Question bank"]
        return Made(tuple(zip(made.paths, meant, strict=True)), (*said, *made.said))
    is_live, picture = bool(wanted.get("live")), bool(wanted.get("picture"))
    solutions = folder / f"{stem}-solutions.html"
    tasks = [questions.task(name) for name in (roster.labels if roster is not None else [""])]
    solutions.write_text(sealed(printable_page(tasks, solved=True), "html"), "utf-8")
    solved = (solutions, "Solutions, for you alone")
    if roster is None:
        path = folder / f"{stem}-sheet.xlsx"
        made = set_sheets(questions, path, live=is_live, picture=picture)
        return Made(((path, "Sheet to fill in"), solved), (*said, *made.said))
    sheets = folder / f"{stem}-sheets"
    made = set_sheets(questions, sheets, roster, live=is_live, picture=picture)
    key = made.paths[-1]
    files = (
        (zipped(sheets), "A sheet for each student"),
        (zipped(key), "Key, for you alone: keep it to mark with"),
        solved,
    )
    return Made(files, (*said, *made.said))


def zipped(folder: Path) -> Path:
    """A zip of a folder beside it, with the folder's name."""
    path = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                package.write(file, file.relative_to(folder.parent).as_posix())
    return path


def _whole(wanted: Mapping[str, Any], key: str, usual: int, most: int = 2**63) -> int:
    """A whole number of the form; an empty field has its usual number."""
    text = str(wanted.get(key, "") or "").strip()
    if not text:
        return usual
    if not text.isdecimal() or len(text) > 19 or int(text) > most:
        wanted_here = f"from 0 to {most}" if most < 2**63 else "of at least 0"
        said = f"a whole number {wanted_here} expected; got {shown(text)}"
        raise ExperimentError([Problem(key, said)], "exercise")
    return int(text)
