"""Writing files so that they appear whole or not at all, and temporary folders."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from bpsheet.errors import OutputError
from bpsheet.words import shown

__all__ = ["replacing", "temporary_folder"]

PREFIX, SUFFIX = ".bpsheet-", ".part"
# A program that is killed while writing leaves a temporary file. A file to which nothing was
# written for so many seconds (a day) is such a rest.
STALE = 86_400
# Excel, a virus scanner or a backup may hold the old file for a moment. These are the seconds
# before each further attempt.
PAUSES = (0.05, 0.1, 0.2, 0.4)


@contextmanager
def replacing(
    path: Path, *, only_new: bool = False, meanwhile: Path | None = None
) -> Iterator[IO[bytes]]:
    """A file to write to, which replaces `path` when everything has been written.

    With `only_new` it replaces nothing: FileExistsError says that somebody was first.
    `meanwhile` is a folder of the same disk for the file while it is written. Default: that of
    `path`.

    On any error, Ctrl-C included, the old file stays and the new one is removed. If `path` is a
    symbolic link, the link is replaced and the file that it leads to stays.
    Raises OutputError where the folder or the file cannot be written.
    """
    try:
        _check_path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = meanwhile or path.parent
        _sweep(folder)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=PREFIX, suffix=SUFFIX)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    temporary = Path(name)
    try:
        try:
            with os.fdopen(descriptor, "w+b") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o666 & ~_umask())
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
        if only_new:
            _claim(temporary, path)
        else:
            _replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for the files that another program reads and writes. It is removed afterwards.

    Raises OutputError where the folder cannot be made, or has no room for the files.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="bpsheet-") as folder:
            yield Path(folder)
    except OSError as error:
        raise OutputError(
            f"cannot write temporary files: {error.strerror or error}. Make room in the folder "
            "for temporary files, or name another one in the variable TMPDIR"
        ) from None


def _check_path(path: Path) -> None:
    """Raise OutputError for a path that leads to anything but a file."""
    if "\0" in str(path):
        raise OutputError(f"{shown(str(path))} contains a character that no file name can have")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give a file's name")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is a device, not a file; give a file's name")


def _sweep(folder: Path) -> None:
    """Remove temporary files of killed programs, but none to which a program is still writing."""
    for name in os.listdir(folder):  # noqa: PTH208 - in a folder of thousands Paths take long
        if name.startswith(PREFIX) and name.endswith(SUFFIX):
            stale = folder / name
            # Another program may remove it at the same time, or it may belong to another user.
            with suppress(OSError):
                if time.time() - stale.lstat().st_mtime > STALE:
                    stale.unlink()


def _claim(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # Some disks have no hard links.
        if path.exists():
            raise FileExistsError(path) from None
        _replace(temporary, path)


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
    """Write the folder to the disk, with the new name in it (on Windows, folders cannot be opened)."""
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
