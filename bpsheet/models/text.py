"""The tables of a model as those of an experiment file, with its examples in a file of their own."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bpsheet.errors import ExperimentError, InputError, Problem
from bpsheet.guard.text import read_text
from bpsheet.tables.csv_rows import first_line
from bpsheet.words import counted

__all__ = ["with_data", "without_data"]


def without_data(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The tables without examples: whoever has them adds the table."""
    return {key: value for key, value in tables.items() if key != "data"}


def with_data(tables: Mapping[str, Any], data: Path, folder: Path) -> dict[str, Any]:
    """The tables with a CSV file as their examples; its header names inputs, then targets.

    Raises ExperimentError where it has too few columns, or cannot be read.
    """
    try:
        line = first_line(read_text(data))
        header = next(csv.reader([line], delimiter=max(",;\t", key=line.count)), [])
    except InputError as error:
        raise ExperimentError([Problem("", str(error))], str(data)) from None
    names = [cell.strip() for cell in header]
    network = dict(tables["network"])
    needed = len(network["inputs"]) + len(network.get("targets", ()))
    if network.get("shapes"):
        said = "examples in a file are for networks of dense layers; write them into [data]"
        raise ExperimentError([Problem("", said)], str(data))
    if len(names) < needed:
        said = f"{counted(needed, 'column')} expected, inputs before targets; got {len(names)}"
        raise ExperimentError([Problem("", said)], str(data))
    inputs = len(network["inputs"])
    network["inputs"] = names[:inputs]
    if "targets" in network:
        network["targets"] = names[inputs:needed]
    file = os.path.relpath(data, folder)
    return {**tables, "network": network, "data": {"file": file}}
