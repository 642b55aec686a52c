"""Reading experiments: templates, experiment files with their data, and our own workbooks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.checks.problems import problems_of
from bpsheet.plan.plan import Experiment
from bpsheet.plan.templates import _near_template, template_names, template_path
from bpsheet.tables.datafile import MAX_FILE, PLAIN_NUMBER, resolve_file
from bpsheet.tables.problems import translate
from bpsheet.words import is_unfit, place

__all__ = ["PLAIN_NUMBER", "from_dict", "from_text", "load"]

MAX_DOTS = 20
MAX_DEPTH = 20
# What stands in for a needed key that is missing or wrong, so that the rest can be looked at;
# and the places whose problems do not depend on names and shapes.
STAND_INS: dict[str, Any] = {
    "inputs": ["x"],
    "targets": ["y"],
    "layers": [{"units": 1}],
    "forward": ["e = x"],
    "data": {"examples": [[0.0, 0.0]]},
}
SHAPELESS = re.compile(
    r"title|notes|network$|graph$|network\.loss|network\.output_error|network\.layers\[\d+\]\.activation"
    r"|training(?!\.freeze|\.only)|notation\.(?!rename)|data\.(order|seed)"
)
# The reader of TOML takes half a minute for a key of many thousand dotted parts.
DOTTED = re.compile(rf"""(?<![\w"'-])(?:[\w"'-]++\s*+\.\s*+){{{MAX_DOTS},}}+""")
KEY_END = re.compile(r"""[\w"'-]*+\s*+[=\]]""")


def load(spec: str | Path) -> Experiment:
    """An experiment: a template by its name, an experiment file (.toml) or a workbook of ours.

    Raises ExperimentError with every problem of the file, or WorkbookError.

    >>> load("two-neuron").network.loss
    'half_squared_error'
    """
    text = str(spec)
    if not re.search(r"[./\\]", text):
        is_template = text in template_names() or not Path(text).is_file()
        path = template_path(text) if is_template else Path(text)
    else:
        path = Path(text)
    if path.suffix.lower() == ".xlsx":
        from bpsheet.workbook.reading import experiment_in

        return experiment_in(path)
    return from_text(_read(path), base=path.parent, name=path.stem, source=str(spec))


def _read(path: Path) -> str:
    problem = None
    try:
        if not path.exists():
            near = _near_template(path.stem)
            problem = f"no such file, and no template of that name ({near})"
        elif not path.is_file():
            problem = "a folder, not an experiment file"
        elif path.stat().st_size > MAX_FILE:
            problem = f"{path.stat().st_size:,} bytes; an experiment file has {MAX_FILE:,} at most"
        else:
            return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        problem = "not a text file (UTF-8 expected)"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    raise ExperimentError([Problem("", problem)], str(path))


def from_text(text: str, *, base: Path, name: str, source: str) -> Experiment:
    """The experiment in an experiment file's text; `base` is the folder of its data."""
    for number, line in enumerate(text.split("\n"), start=1):
        if any(KEY_END.match(line, found.end()) for found in DOTTED.finditer(line)):
            raise ExperimentError(
                [Problem(f"line {number}", f"a key of more than {MAX_DOTS} parts")], source
            )
        bad = next((char for char in line.rstrip("\r") if is_unfit(char)), None)
        if bad is not None:
            raise ExperimentError(
                [Problem(f"line {number}", f"the character {bad!r} cannot stand in a cell")], source
            )
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        said = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ExperimentError([Problem("", f"not a TOML file: {said}")], source) from None
    if _depth_of(raw) > MAX_DEPTH:
        raise ExperimentError([Problem("", "not an experiment file: nested too deeply")], source)
    experiment = from_dict(raw, base=base, source=source)
    if not raw.get("data", {}).get("file"):
        experiment._text = text  # noqa: SLF001
    experiment._name = name  # noqa: SLF001
    return experiment


def _depth_of(value: Any) -> int:
    """How deeply tables and lists are nested; stops counting once it is too deep."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        inner = [part for part in level if isinstance(part, dict | list)]
        level = [
            item for part in inner for item in (part.values() if isinstance(part, dict) else part)
        ]
        depth += 1
    return depth


def from_dict(
    raw: Mapping[str, Any], *, base: Path | None = None, source: str = "this experiment"
) -> Experiment:
    """The experiment in plain tables.

    Raises ExperimentError with every problem: single values that are wrong are set aside,
    so that the rest is still held against each other.
    """
    tables = deepcopy(dict(raw))
    problems = resolve_file(tables, base or Path())
    try:
        experiment = Experiment.model_validate(tables)
    except ValidationError as error:
        problems += translate(error, Experiment)
        problems += _further(tables, error, problems)
        raise ExperimentError(problems, source) from None
    problems += problems_of(experiment)
    if problems:
        raise ExperimentError(problems, source)
    return experiment


def _further(tables: dict[str, Any], error: ValidationError, known: list[Problem]) -> list[Problem]:
    """Problems in what is left when the wrong values are set aside.

    Those that concern a key that was set aside may be its doing, and are left for the
    next attempt.
    """
    touched = []
    for found in error.errors(include_url=False):
        location = found["loc"]
        if isinstance(location[-1], int) and found["type"] in ("float_type", "finite_number"):
            _set(tables, location, 0.0)
        else:
            steps = location[: _depth(location)]
            stand_in = STAND_INS.get(str(steps[-1]) if found["type"] != "extra_forbidden" else "")
            _set(tables, steps, stand_in)
            touched.append(place(steps))
    try:
        rest = Experiment.model_validate(tables)
    except ValidationError:
        return []
    said = {problem.place for problem in known}
    has_stand_in = any(spot.rpartition(".")[2] in STAND_INS for spot in touched)
    return [
        problem
        for problem in problems_of(rest)
        if problem.place not in said
        # What a stand-in has no part in.
        and (not has_stand_in or SHAPELESS.match(problem.place))
        and not any(
            f"{problem.place}.".startswith(f"{spot}.")
            or problem.place.startswith(f"{spot}[")
            or spot.startswith(f"{problem.place}.")
            for spot in touched
        )
    ]


def _depth(location: tuple[int | str, ...]) -> int:
    """How much of a place names a key: `network.layers[1].weights` of `…weights[1][2]`."""
    names = [index for index, part in enumerate(location) if isinstance(part, str)]
    return names[-1] + 1 if names else 0


def _set(tables: Any, steps: tuple[int | str, ...], value: object) -> None:
    """Put a value in the place of a wrong one, or remove its key."""
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
