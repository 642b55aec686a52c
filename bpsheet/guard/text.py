"""Text files that come in: read once, no further than their limit, and files only.

A device never ends, and a pipe without a writer never begins.
"""

from __future__ import annotations

import stat
from pathlib import Path

from bpsheet.errors import InputError

__all__ = ["MOST", "read_text"]

# What a file of text may have, in bytes, where nothing else is said.
MOST = 8_000_000
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def read_text(path: Path, most: int = MOST) -> str:
    """The text of a file in UTF-8, with or without a mark at its beginning.

    Raises InputError, with the reason alone, for what is no file, has more than `most` bytes, is
    no text or cannot be read.
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
        raise InputError("no name of a file (it has a character that no name has)") from None
    if len(content) > most:
        raise InputError(f"more than {most:,} bytes")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise InputError("not a text file (UTF-8 expected)") from None
