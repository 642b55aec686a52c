"""The text of an experiment file, written from tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpsheet.tables.network import Network

__all__ = ["put_setting", "toml_text"]


def put_setting(tables: dict[str, Any], cell: str, value: float | str) -> None:
    """Put a hyper-parameter into the table [training], its schedule or a list of that, or [network]."""
    _, in_schedule, key = cell.partition("schedule_")
    name, _, number = key.rpartition("_")
    if in_schedule and number.isdecimal():
        tables["training"]["schedule"][name][int(number) - 1] = value
    elif in_schedule:
        tables["training"]["schedule"][key] = value
    else:
        tables["network" if cell in Network.model_fields else "training"][cell] = value


def toml_text(tables: Mapping[str, Any]) -> str:
    """Tables as the text of an experiment file."""
    import tomli_w

    return _rows_on_one_line(tomli_w.dumps(tables))


def _rows_on_one_line(text: str) -> str:
    """The text with each innermost list on one line, as people write them: `[0.6, -0.1]`.

    A line that ends with a bracket begins a list: a text in it would end with a quote.
    """
    lines: list[str] = []
    start: int | None = None
    for line in text.rstrip("\n").split("\n"):
        lines.append(line)
        if line.endswith("["):
            start = len(lines) - 1
        elif start is not None and line.strip() in ("]", "],"):
            inside = " ".join(part.strip() for part in lines[start + 1 : -1]).removesuffix(",")
            lines[start:] = [f"{lines[start]}{inside}{line.strip()}"]
            start = None
    return "\n".join(lines) + "\n"
