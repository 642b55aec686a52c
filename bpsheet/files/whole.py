"""Writing files so that they appear whole or not at all, and the folder for what passes by."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from bpsheet.errors import OutputError

__all__ = ["replacing", "temporary_folder"]

PREFIX, SUFFIX = ".bpsheet-", ".part"
# A writer that was killed leaves its temporary file. One to which nothing was written for a day
# (in seconds) has no writer any more.
STALE = 86_400
# Excel, a virus scanner or a backup may hold the old file for a moment: seconds before each
# further attempt, less than one together.
PAUSES = (0.05, 0.1, 0.2, 0.4)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `path` when all has been written.

    On any error, Ctrl-C included, the old file stays and the new one is gone. A symbolic link
    is replaced itself; what it leads to stays as it is.
    Raises OutputError where the folder or the file cannot be written.
    """
    try:
        _check_place(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=PREFIX, suffix=SUFFIX)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    temporary = Path(made)
    try:
        try:
            with os.fdopen(descriptor, "w+b") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o666 & ~_umask())
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
        _replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for the files that another program reads and writes; it is gone afterwards.

    Raises OutputError where it cannot be made, or where what is written there finds no room.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="bpsheet-") as folder:
            yield Path(folder)
    except OSError as error:
        raise OutputError(
            f"cannot write temporary files: {error.strerror or error}. Make room in the folder "
            "for temporary files, or name another one in the variable TMPDIR"
        ) from None


def _check_place(path: Path) -> None:
    """Refuse a place where a file would take the place of something else."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give a file's name")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is a device, not a file; give a file's name")


def _sweep(folder: Path) -> None:
    """Remove what killed writers left, and nothing to which another one is writing."""
    for name in os.listdir(folder):  # noqa: PTH208 - in a folder of thousands Paths take long
        if name.startswith(PREFIX) and name.endswith(SUFFIX):
            stale = folder / name
            # Another program may sweep it at the same time, or it may be somebody else's.
            with suppress(OSError):
                if time.time() - stale.lstat().st_mtime > STALE:
                    stale.unlink()


def _replace(temporary: Path, path: Path) -> None:
    for pause in (*PAUSES, None):
        try:
            temporary.replace(path)
        except PermissionError:
            if pause is None:
                raise OutputError(
                    f"cannot replace {path}; if it is open in Excel, close it there. "
                    "The old file is unchanged"
                ) from None
            time.sleep(pause)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
        else:
            return


def _sync(folder: Path) -> None:
    """Have the new name on the disk, too, where folders can be opened (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
