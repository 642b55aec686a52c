"""Reading experiments: templates, experiment files with their data, and our own workbooks."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bpsheet.check import problems_of
from bpsheet.errors import BpsheetError, ExperimentError, Problem
from bpsheet.experiment import Experiment
from bpsheet.problems import nearest, place, shown, translate

__all__ = [
    "PLAIN_NUMBER",
    "from_dict",
    "from_text",
    "load",
    "starter_text",
    "template_names",
    "template_path",
]

MAX_FILE = 8_000_000
MAX_DOTS = 20
PLAIN_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def _template_folder() -> Path:
    """Beside the modules in an installed package, beside the package in a checkout."""
    here = Path(__file__).parent
    inside = here / "templates"
    return inside if inside.is_dir() else here.parent / "templates"


def template_names() -> list[str]:
    """The names of the experiments that come with the package."""
    return sorted(path.stem for path in _template_folder().glob("*.toml"))


def template_path(name: str) -> Path:
    """A template's file.

    Raises ExperimentError for a name that is no template's.
    """
    if name in template_names():
        return _template_folder() / f"{name}.toml"
    raise ExperimentError([Problem("", f"no template {shown(name)}; {_near_template(name)}")], name)


def _near_template(name: str) -> str:
    return nearest(name, template_names())


def starter_text(name: str) -> str:
    """A commented experiment file to start from."""
    return (Path(__file__).parent / "starter.toml").read_text("utf-8").replace("NAME", name)


def load(spec: str | Path) -> Experiment:
    """An experiment: a template by its name, an experiment file (.toml) or a workbook of ours.

    Raises ExperimentError with every problem of the file, or WorkbookError.

    >>> load("two-neuron").network.loss
    'half_squared_error'
    """
    text = str(spec)
    if not re.search(r"[./\\]", text):
        path = Path(text) if Path(text).is_file() else template_path(text)
    else:
        path = Path(text)
    if path.suffix.lower() == ".xlsx":
        from bpsheet.verify.reading import experiment_in

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
    for number, line in enumerate(text.splitlines(), start=1):
        # The reader takes half a minute for a key of many thousand dotted parts.
        head = line.split("=")[0] if "=" in line else line
        if head.count(".") > MAX_DOTS and not re.match(r"[\s\d\[\],.eE+-]*$", head):
            raise ExperimentError(
                [Problem(f"line {number}", f"a key of more than {MAX_DOTS} parts")], source
            )
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise ExperimentError([Problem("", f"not a TOML file: {error}")], source) from None
    experiment = from_dict(raw, base=base, source=source)
    if not raw.get("data", {}).get("file"):
        experiment._text = text  # noqa: SLF001
    experiment._name = name  # noqa: SLF001
    return experiment


def from_dict(
    raw: Mapping[str, Any], *, base: Path | None = None, source: str = "this experiment"
) -> Experiment:
    """The experiment in plain tables.

    Raises ExperimentError with every problem: single values that are wrong are set aside,
    so that the rest is still held against each other.
    """
    tables = deepcopy(dict(raw))
    problems = _resolve_file(tables, base or Path())
    try:
        experiment = Experiment.model_validate(tables)
    except ValidationError as error:
        problems += translate(error, Experiment)
        places = [found["loc"] for found in error.errors(include_url=False)]
        problems += _further(tables, places, problems)
        raise ExperimentError(problems, source) from None
    problems += problems_of(experiment)
    if problems:
        raise ExperimentError(problems, source)
    return experiment


def _further(
    tables: dict[str, Any], places: list[tuple[int | str, ...]], known: list[Problem]
) -> list[Problem]:
    """Problems in what is left when the wrong values are set aside.

    Those that concern a table in which something was set aside may be its doing, and
    are left for the next attempt.
    """
    for location in places:
        _set_aside(tables, location)
    try:
        rest = Experiment.model_validate(tables)
    except ValidationError:
        return []
    touched = {place(location[: _depth(location)]) for location in places}
    said = {problem.place for problem in known}
    return [
        problem
        for problem in problems_of(rest)
        if problem.place not in said
        and not any(
            problem.place.startswith(spot) or spot.startswith(f"{problem.place}.")
            for spot in touched
        )
    ]


def _depth(location: tuple[int | str, ...]) -> int:
    """How much of a place names a key: `network.layers[1].weights` of `…weights[1][2]`."""
    names = [index for index, part in enumerate(location) if isinstance(part, str)]
    return names[-1] + 1 if names else 0


def _set_aside(tables: Any, location: tuple[int | str, ...]) -> None:
    """Remove the key that holds a wrong value; elements of lists go with their list."""
    steps = location[: _depth(location)]
    current = tables
    try:
        for step in steps[:-1]:
            current = current[step]
        current.pop(steps[-1], None)
    except (AttributeError, IndexError, KeyError, TypeError):
        return


def _resolve_file(tables: dict[str, Any], base: Path) -> list[Problem]:
    """Replace `data.file` by the examples in it."""
    data, network = tables.get("data"), tables.get("network")
    if not isinstance(data, dict) or not isinstance(network, dict):
        return []
    file, label = data.get("file"), data.pop("label", None)
    if not isinstance(file, str):
        if label is not None:
            return [Problem("data.label", "used with file only; leave it out")]
        return []
    del data["file"]
    if "examples" in data:
        return [Problem("data", "either examples or file expected, not both")]
    inputs, targets = _strings(network.get("inputs")), _strings(network.get("targets"))
    try:
        data["examples"] = _read_csv(base / file, inputs, targets, label)
    except _CsvError as error:
        # Something of the right shape, so that the other tables are still looked at.
        data["examples"] = [[0.0] * (len(inputs) + len(targets))]
        return [Problem("data.file", str(error))]
    return []


def _strings(value: object) -> list[str]:
    """The names in a list that may hold anything."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


class _CsvError(BpsheetError):
    """A CSV file that holds no examples for this network."""


def _read_csv(
    path: Path, inputs: list[str], targets: list[str], label: object
) -> list[list[float]]:
    """The examples of a CSV file: the columns named like the inputs and targets."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise _CsvError(f"{path.name} has more than {MAX_FILE:,} bytes")
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _CsvError(f"{path.name} cannot be read ({reason})") from None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise _CsvError(f"{path.name}: a header line and a line for each example expected")
    header = [cell.strip() for cell in rows[0]]
    wanted = [*inputs, *([label] if label is not None else targets)]
    missing = [str(name) for name in wanted if name not in header]
    if missing:
        raise _CsvError(
            f"{path.name} has no column {shown(missing[0])}; {nearest(missing[0], header)}"
        )
    doubled = [str(name) for name in wanted if header.count(str(name)) > 1]
    if doubled:
        raise _CsvError(f"{path.name} has two columns named {shown(doubled[0])}")
    examples = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise _CsvError(
                f"{path.name}, line {number}: {len(header)} cells expected; got {len(row)}"
            )
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        values = [_number(cells[name], path, number, name) for name in inputs]
        if label is None:
            values += [_number(cells[name], path, number, name) for name in targets]
        else:
            answer = cells[str(label)]
            if answer not in targets:
                raise _CsvError(
                    f"{path.name}, line {number}: {shown(answer)} is none of the targets; "
                    f"{nearest(answer, targets)}"
                )
            values += [float(name == answer) for name in targets]
        examples.append(values)
    return examples


def _number(text: str, path: Path, line: int, column: str) -> float:
    if PLAIN_NUMBER.fullmatch(text):
        value = float(text)
        if abs(value) < float("inf"):
            return value
    raise _CsvError(f"{path.name}, line {line}, {column}: a number expected; got {shown(text)}")
