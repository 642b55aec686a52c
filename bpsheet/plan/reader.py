"""Reading the text of an experiment file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.plan import Plan
from bpsheet.words import is_unfit

__all__ = ["from_text"]

P = TypeVar("P", bound=Plan)

MAX_DOTS = 20
MAX_DEPTH = 20
# The reader of TOML takes half a minute for a key of many thousand dotted parts.
DOTTED = re.compile(rf"""(?<![\w"'-])(?:[\w"'-]++\s*+\.\s*+){{{MAX_DOTS},}}+""")
KEY_END = re.compile(r"""[\w"'-]*+\s*+[=\]]""")


def from_text(text: str, *, base: Path, name: str, source: str, made: type[P]) -> P:
    """The experiment in an experiment file's text; `base` is the folder of its data.

    `made` is what becomes of it: a Plan, or a class above it.
    """
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
    experiment = made.from_dict(raw, base=base, source=source)
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
