"""Examples in a CSV file beside the experiment file."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

from bpsheet.errors import BpsheetError, InputError, Problem
from bpsheet.guard.text import read_text
from bpsheet.tables.csv_rows import first_line, numbered_rows
from bpsheet.words import nearest, shown

__all__ = ["PLAIN_NUMBER", "resolve_file"]

PLAIN_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def resolve_file(tables: dict[str, Any], base: Path) -> list[Problem]:
    """Replace `data.file` by the examples in the file, and return the file's problems.

    `base` is the folder that relative names start from.
    """
    data = tables.get("data")
    network = tables.get("graph") if "graph" in tables else tables.get("network")
    if not isinstance(data, dict) or not isinstance(network, dict):
        return []
    file, label = data.get("file"), data.pop("label", None)
    if label is not None and not isinstance(label, str):
        return [Problem("data.label", f"text in quotes expected; got {shown(label)}")]
    if not isinstance(file, str):
        if label is not None:
            return [Problem("data.label", "used with file only; leave it out")]
        return []
    del data["file"]
    if "examples" in data:
        return [Problem("data", "either examples or file expected, not both")]
    inputs, targets = _strings(network.get("inputs")), _strings(network.get("targets"))
    try:
        names = _strings(data.pop("columns", None))
        data["examples"] = _read_csv(base / file, names, inputs, targets, label)
    except _CsvError as error:
        # An example of the right shape, so that the other tables can still be checked.
        data["examples"] = [[0.0] * (len(inputs) + len(targets))]
        return [Problem("data.file", str(error))]
    return []


def _strings(value: object) -> list[str]:
    """The names in a list that may hold anything."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


class _CsvError(BpsheetError):
    """A CSV file without examples for this network."""


def _read_csv(
    path: Path, names: list[str], inputs: list[str], targets: list[str], label: str | None
) -> list[list[float]]:
    """The examples of a CSV file: the values of the columns named like the inputs and targets.

    `names` names the columns of a file without a header line.
    """
    try:
        text = read_text(path)
        separator = max(",;\t", key=first_line(text).count)
        rows = numbered_rows(text, separator, strict=True)
    except (InputError, csv.Error) as error:
        why = f" cannot be read ({error})" if isinstance(error, csv.Error) else f": {error}"
        raise _CsvError(f"{path.name}{why}") from None
    wanted = [*inputs, *([label] if label is not None else targets)]
    if names and rows and not set(wanted) <= {cell.strip() for cell in rows[0][1]}:
        rows.insert(0, (0, names))  # the file has no header line
    if len(rows) < 2:
        raise _CsvError(f"{path.name}: a header line and a line for each example expected")
    header = [cell.strip() for cell in rows[0][1]]
    missing = [str(name) for name in wanted if name not in header]
    if missing:
        raise _CsvError(
            f"{path.name} has no column {shown(missing[0])}; {nearest(missing[0], header)}. "
            "If the file has no header line, name its columns in data.columns"
        )
    doubled = [str(name) for name in wanted if header.count(str(name)) > 1]
    if doubled:
        raise _CsvError(f"{path.name} has two columns named {shown(doubled[0])}")
    examples = []
    for number, row in rows[1:]:
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
