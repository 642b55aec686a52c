"""Writing files so that they appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bpsheet.errors import OutputError

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `path` when all has been written.

    On any error, Ctrl-C included, the old file stays and the new one is gone.
    Raises OutputError where the folder or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise OutputError(f"{path} is a folder; give a file's name")
        descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=".bpsheet-", suffix=".part")
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
            temporary.replace(path)
        except PermissionError:
            raise OutputError(
                f"cannot replace {path}; if it is open in Excel, close it there. "
                "The old file is unchanged"
            ) from None
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
