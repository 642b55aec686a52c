"""Tables as the text of an experiment file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["put_setting", "toml_text"]


def put_setting(training: dict[str, Any], cell: str, value: float | str) -> None:
    """A hyper-parameter into the table [training], or into its schedule."""
    _, in_schedule, key = cell.partition("schedule_")
    if in_schedule:
        training["schedule"][key] = value
    else:
        training[cell] = value


def toml_text(tables: Mapping[str, Any]) -> str:
    """Tables as the text of an experiment file."""
    import tomli_w

    return _rows_on_one_line(tomli_w.dumps(tables))


def _rows_on_one_line(text: str) -> str:
    """Innermost lists on one line, as people write them: `[0.6, -0.1]`.

    Only a list begins at the end of a line, for a text's last character is its quote.
    """
    lines: list[str] = []
    begun: int | None = None
    for line in text.rstrip("\n").split("\n"):
        lines.append(line)
        if line.endswith("["):
            begun = len(lines) - 1
        elif begun is not None and line.strip() in ("]", "],"):
            inside = " ".join(part.strip() for part in lines[begun + 1 : -1]).removesuffix(",")
            lines[begun:] = [f"{lines[begun]}{inside}{line.strip()}"]
            begun = None
    return "\n".join(lines) + "\n"
