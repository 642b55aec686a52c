"""Questions about paths. A name that no file can have (too long, say) leads to nothing."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["is_file", "is_folder", "is_same_file"]


def is_file(path: Path) -> bool:
    """Whether a path leads to a file."""
    with suppress(OSError):
        return path.is_file()
    return False


def is_folder(path: Path) -> bool:
    """Whether a path leads to a folder."""
    with suppress(OSError):
        return path.is_dir()
    return False


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    with suppress(OSError, ValueError):
        return path.samefile(other)
    return False
