"""The gate: every file that comes in is opened here, and nothing but a file.

A device never ends, a pipe without a writer never begins, and a file of `/proc` is made up while it
is read. A file is read once, and no further than its limit and its size.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

from bpsheet.errors import InputError

__all__ = ["BAD_ZIP", "MOST", "check_size", "open_file", "read_bytes", "read_whole"]

# The usual limit, in bytes.
MOST = 8_000_000
# What reading a damaged or hostile zip raises; an unknown compression is a kind of RuntimeError.
BAD_ZIP = (
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}
# Opening a pipe that has taken the file's place meanwhile does not wait for its writer.
FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_file(path: Path, *, linked: bool = True) -> IO[bytes]:
    """A file, open for reading. `linked` says whether it may be a symbolic link.

    Raises InputError, with only the reason as its message, for anything but a file and for a name
    that no file can have, and OSError for a file that cannot be opened.

    >>> open_file(Path("/dev/null"))
    Traceback (most recent call last):
    bpsheet.errors.InputError: a device, not a file
    """
    try:
        _check_kind(path.stat() if linked else path.lstat())
        descriptor = os.open(path, FLAGS)
    except ValueError:
        raise InputError("not a file's name (it has a character that no name can have)") from None
    try:
        _check_kind(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _check_kind(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise InputError(f"{KINDS.get(kind, 'something else')}, not a file")


def check_size(stream: IO[bytes], most: int) -> int:
    """The size of a file that is open. Raises InputError for more than `most` bytes."""
    size = os.fstat(stream.fileno()).st_size
    if size > most:
        raise InputError(f"more than {most:,} bytes")
    return size


def read_whole(stream: IO[bytes], most: int) -> bytes:
    """All bytes of a file that `open_file` has opened.

    Raises InputError, with only the reason as its message, for more than `most` bytes and for a
    file that is longer or shorter than its size says.
    """
    size = check_size(stream, most)
    stream.seek(0)
    # A file of the system may have nothing to give yet.
    content = stream.read(size + 1) or b""
    if len(content) != size:
        raise InputError(
            "its size changes while it is read, or it has none, as in /proc; give a finished file"
        )
    return content


def read_bytes(path: Path, most: int = MOST, source: str = "", *, linked: bool = True) -> bytes:
    """The bytes of a file.

    Raises InputError as `open_file` and `read_whole` do, and for a file that cannot be read, with
    `source` before the reason.
    """
    try:
        with open_file(path, linked=linked) as stream:
            return read_whole(stream, most)
    except FileNotFoundError:
        reason = "no such file"
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
    except InputError as error:
        reason = str(error)
    raise InputError(f"{source}: {reason}" if source else reason)
