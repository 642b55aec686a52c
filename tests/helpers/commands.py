"""What a command has written."""

from __future__ import annotations

from pathlib import Path


def files(folder: Path) -> list[str]:
    """The files of a folder and of the folders in it, by name."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
