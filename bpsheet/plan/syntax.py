"""Reading TOML, and what is wrong in a text that is none, in the words of whoever typed it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from bpsheet.errors import ExperimentError, Problem
from bpsheet.words import shown

__all__ = ["decimal_commas", "read_toml"]

# What word processors and other keyboards make of " and '.
CURLED = "“”„‟«»‘’‚‛"
AT = re.compile(r" \(at line (\d+), column (\d+)\)$")
VALUE = re.compile(r"\s*[\w.\"'-]+\s*=(?P<value>[^#\n]*)")
# A number begins where no digit stands before it: else a long one is looked through at each digit.
COMMA = re.compile(r"(?<!\d)[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
# Two numbers with a space between them, each with a comma: `[0,5, -0,4]` or `[0,5; -0,4]`.
COMMAS = re.compile(
    rf"({COMMA.pattern})(?:\s*[,;])?\s+{COMMA.pattern}|\[\s*({COMMA.pattern})\s*[];]"
)


def read_toml(text: str, source: str) -> dict[str, Any]:
    """The tables of a text. `source` is how messages name it.

    Raises ExperimentError for a text that is not TOML, with the line, and a cure where one is known.

    >>> read_toml("learning_rate = 0,5", "my.toml")
    Traceback (most recent call last):
        ...
    bpsheet.errors.ExperimentError: my.toml: 1 problem
      line 1: 0,5 has a decimal comma; write 0.5
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        problem = Problem("", "not a TOML file: nested too deeply")
    except (tomllib.TOMLDecodeError, ValueError) as error:
        problem = _problem(text, str(error))
    raise ExperimentError([problem], source)


def _problem(text: str, said: str) -> Problem:
    """What is wrong in a text about which the reader of TOML says so much."""
    at = AT.search(said)
    if at is None:
        return Problem("", f"not a TOML file: {said}")
    number = int(at[1])
    line = text.split("\n")[number - 1]
    why = f"not TOML: {said[: at.start()]}, at character {at[2]} of {shown(line.strip())}"
    return Problem(f"line {number}", next(_cures(line), why))


def _cures(line: str) -> Iterator[str]:
    """What may be wrong in a line, the likeliest first."""
    straight = re.sub(r"\"[^\"]*\"|'[^']*'", "", line)
    curled = next((char for char in straight if char in CURLED), None)
    if curled is not None:
        yield f'{curled} is a curly quote; a text stands between straight ones: "…"'
    match = VALUE.match(line)
    value = match["value"].strip() if match is not None else ""
    if COMMA.fullmatch(value):
        yield f"{value} has a decimal comma; write {value.replace(',', '.')}"
    commas = COMMAS.search(value)
    if commas is not None:
        yield _point(commas)
    if re.fullmatch(r"[-+]?\.\d+|[-+]?\d+\.", value):
        yield f"{value} needs a digit before and after its point; write {float(value)}"
    if value.lower() in ("true", "false"):
        yield f"write {value.lower()}, in small letters"
    if line.count('"') % 2 or (line.count("'") % 2 and '"' not in line):
        yield f"a quote is missing: a text begins and ends with one, in {shown(line.strip())}"
    if any(re.search(r"\\[^btnfr\\uUe]", text) for text in re.findall(r"\"([^\"]*)\"", line)):
        yield "a backslash in a text has a meaning of its own; write / instead"
    if value[:1].isalpha() and "[" not in value and "{" not in value:
        yield f'the text has no quotes; write "{value}"'
    if "=" not in line and ":" in line:
        yield f"a value follows its key with =, not with a colon, in {shown(line.strip())}"


def decimal_commas(text: str) -> Iterator[Problem]:
    """The lines whose lists seem to have decimal commas: `[0,5, -0,4]` are four numbers in TOML.

    >>> [str(problem) for problem in decimal_commas("weights = [[0,5, -0,4]]")]
    ['line 1: 0,5 are two numbers in a list; if it has a decimal comma, write 0.5']
    """
    for number, line in enumerate(text.split("\n"), start=1):
        commas = COMMAS.search(line.partition("#")[0])
        if commas is not None:
            yield Problem(f"line {number}", _point(commas))


def _point(commas: re.Match[str]) -> str:
    value = commas[1] or commas[2]
    return f"{value} are two numbers in a list; if it has a decimal comma, write {value.replace(',', '.')}"
