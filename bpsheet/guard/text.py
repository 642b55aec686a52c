"""Text files that come in, and the encodings that they may be in."""

from __future__ import annotations

import re
from pathlib import Path

from bpsheet.errors import InputError
from bpsheet.guard.gate import MOST, read_bytes

__all__ = ["decoded", "read_text", "unlikely_word"]

# Control characters that stand in no text.
NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")
# What words look like whose bytes mean other letters in another encoding: a sign within a word or at
# its end, a capital with an accent before or after a small letter, and three such letters on end.
SIGNS = "\u20ac\u0192\u2020\u2021\u02c6\u2030\u2039\u203a\u2022\u02dc\xa1-\xa9\xab-\xb6\xb8\xb9\xbb-\xbf"
MISREAD = re.compile(
    rf"\w*(?:[^\W\d_][{SIGNS}]|[{SIGNS}][^\W\d_]|[^\W\d_]\u2018(?!\w)"
    r"|[a-z\xe0-\xff][\xc0-\xde\u0160\u017d\u0152\u0178]|[A-Z][\xc0-\xde\u0160\u017d\u0152\u0178][a-z]"
    r"|[\xc0-\xff\u0160\u0161\u017d\u017e\u0152\u0153\u0178]{3})\w*"
)


def read_text(path: Path, most: int = MOST) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises InputError, with only the reason as its message, for anything but a file, for more than
    `most` bytes, for other encodings, and for a file that cannot be read.
    """
    content = read_bytes(path, most)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    # In UTF-16 every second byte of plain letters is 0.
    if "\0" in text:
        raise InputError("not a text file (UTF-8 expected)")
    return _with_plain_ends(text)


def decoded(content: bytes) -> tuple[str, str]:
    """The text of a file that any program may have written, and the encoding in which it was read.

    UTF-8 and UTF-16 are told by their marks or by their bytes. Text whose lines end as on old
    Macintoshes is taken for Mac Roman, and all other text for Windows-1252. Raises InputError for bytes that are no text.

    >>> decoded("Zoë;1".encode("utf-16")), decoded("Zoë;1".encode("cp1252"))
    (('Zoë;1', 'UTF-16'), ('Zoë;1', 'Windows-1252'))
    """
    for encoding, name in _candidates(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not NO_TEXT.search(text):
            return _with_plain_ends(text.removeprefix("\ufeff")), name
    raise InputError("not a text file")


def _candidates(content: bytes) -> list[tuple[str, str]]:
    """The encodings to try. In UTF-16 every second byte of plain letters is 0."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return [("utf-16", "UTF-16")]
    sample = content[:2_000]
    low, high = sample[::2].count(0), sample[1::2].count(0)
    if 4 * (low + high) > len(sample):
        return [("utf-16-be" if low > high else "utf-16-le", "UTF-16")]
    is_mac = b"\r" in content and b"\n" not in content
    other = ("mac_roman", "Mac Roman") if is_mac else ("cp1252", "Windows-1252")
    return [("utf-8-sig", "UTF-8"), other]


def unlikely_word(text: str) -> str:
    """A word that shows that text was taken for another encoding's; nothing without one.

    >>> unlikely_word("Zoë Müller, Zo‘ MŸller"), unlikely_word("Íñigo O’Brien, SØREN")
    ('Zo‘', '')
    """
    match = MISREAD.search(text)
    return match[0] if match else ""


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
