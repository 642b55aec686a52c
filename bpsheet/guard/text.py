"""Text files that come in: they are read once, and no further than a limit.

Only files are read: a device never ends, and a pipe without a writer never begins.
"""

from __future__ import annotations

import stat
from pathlib import Path

from bpsheet.errors import InputError

__all__ = ["MOST", "read_text"]

# The usual limit, in bytes.
MOST = 8_000_000
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def read_text(path: Path, most: int = MOST) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises InputError, with only the reason as its message, for anything but a file, for more than
    `most` bytes, for other encodings, and for a file that cannot be read.
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind != stat.S_IFREG:
            raise InputError(f"{KINDS.get(kind, 'something else')}, not a file")
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})") from None
    except ValueError:
        raise InputError("not a file's name (it has a character that no name can have)") from None
    if len(content) > most:
        raise InputError(f"more than {most:,} bytes")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise InputError("not a text file (UTF-8 expected)") from None
