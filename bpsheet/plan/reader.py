"""Reading the text of an experiment file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.forward import forward_only
from bpsheet.plan.plan import Plan
from bpsheet.plan.syntax import decimal_commas, read_toml
from bpsheet.words import unfit_in

__all__ = ["from_text"]

P = TypeVar("P", bound=Plan)

MAX_DOTS = 20
MAX_DEPTH = 20
# tomllib would take half a minute to read a key of many thousand dotted parts.
DOTTED = re.compile(rf"""(?<![\w"'-])(?:[\w"'-]++\s*+\.\s*+){{{MAX_DOTS},}}+""")
KEY_END = re.compile(r"""[\w"'-]*+\s*+[=\]]""")


def from_text(
    text: str,
    *,
    base: Path | None,
    name: str,
    source: str,
    made: type[P],
    forward: bool = False,
) -> P:
    """The experiment in the text of an experiment file.

    base:   the folder of the data file; without one the text may not name a file
    name:   the name of the experiment
    source: how error messages name the file
    made:   the class to return: Plan or a subclass
    forward: whether to leave out the training, so that the data need no targets

    Raises ExperimentError where the text is not TOML or not an experiment.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if any(KEY_END.match(line, dotted.end()) for dotted in DOTTED.finditer(line)):
            raise ExperimentError(
                [Problem(f"line {number}", f"a key of more than {MAX_DOTS} parts")], source
            )
        bad = unfit_in(line.rstrip("\r"))
        if bad is not None:
            raise ExperimentError(
                [Problem(f"line {number}", f"the character {bad!r} cannot stand in a cell")], source
            )
    raw = read_toml(text, source)
    if _depth_of(raw) > MAX_DEPTH:
        raise ExperimentError([Problem("", "not an experiment file: nested too deeply")], source)
    data = raw.get("data")
    if base is None and isinstance(data, dict) and "file" in data:
        message = (
            "no data file is read for this experiment; write the examples into the table itself"
        )
        raise ExperimentError([Problem("data.file", message)], source)
    tables = forward_only(raw) if forward else raw
    try:
        experiment = made.from_dict(tables, base=base, source=source)
    except ExperimentError as error:
        # Such lists are TOML, and wrong in their lengths alone.
        raise ExperimentError([*decimal_commas(text), *error.problems], source) from None
    experiment.need_examples(source)
    if not forward and not raw.get("data", {}).get("file"):
        experiment._text = text  # noqa: SLF001
    experiment._name = name  # noqa: SLF001
    return experiment


def _depth_of(value: Any) -> int:
    """How deeply tables and lists are nested. The count stops once it is too deep."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        inner = [part for part in level if isinstance(part, dict | list)]
        level = [
            item for part in inner for item in (part.values() if isinstance(part, dict) else part)
        ]
        depth += 1
    return depth
