"""Students' names: names of files that keep their letters, and names that are alike."""

from __future__ import annotations

import hashlib
import re
import unicodedata

__all__ = ["alike", "file_name", "same_letters"]

LONGEST = 40
# Latin letters that are no plain letter with an accent.
SPELLED = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
        "å": "a", "Å": "A", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th",
        "Þ": "TH", "ħ": "h", "Ħ": "H", "ı": "i", "ŋ": "ng", "Ŋ": "NG", "ŧ": "t", "Ŧ": "T",
        "ə": "e", "Ə": "E", "ĸ": "k", "ŀ": "l", "Ŀ": "L",
    }
)  # fmt: skip


def alike(name: str) -> str:
    """A name without what two spellings of it may differ in: capitals, spaces, accents' encoding.

    >>> alike("Zoë  Braun") == alike("zoe\\u0308 braun")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def same_letters(one: str, other: str) -> bool:
    """Whether two spellings may be one name: the same letters, or one has a name more.

    Systems write names in another order and without spaces; ids and numbers do not count.

    >>> same_letters("lovelaceada", "Ada Lovelace (17)"), same_letters("Ada Lovelace", "Bob")
    (True, False)
    """

    def words(name: str) -> list[str]:
        name = re.sub(r"\([^()]*\)$", "", name.strip())
        letters = "".join(_plain(char) for char in unicodedata.normalize("NFC", name)).lower()
        return [word for word in re.split(r"[-0-9]+", letters) if word]

    mine, theirs = words(one), words(other)
    if sorted("".join(mine)) == sorted("".join(theirs)):
        return True
    return set(mine) <= set(theirs) or set(theirs) <= set(mine)


def file_name(student: str, ending: str = ".xlsx") -> str:
    """The name of a student's file: readable, with a hash, so that no two names are alike.

    Latin letters become plain ones (ß is ss, ø is o). Letters of other scripts stay. The name holds
    no path and no device's name. Two names differ by more than capitals.

    >>> file_name("Ada Lovelace"), file_name("Søren Groß")
    ('ada-lovelace-76740216.xlsx', 'soren-gross-554e8139.xlsx')
    """
    plain = "".join(_plain(char) for char in unicodedata.normalize("NFC", student)).lower()
    slug = re.sub(r"-+", "-", plain)[:LONGEST].strip("-") or "student"
    short = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}-{short}{ending}"


def _plain(char: str) -> str:
    """What stands for a character in the name of a file: letters and figures, or a hyphen."""
    spelled = char.translate(SPELLED)
    parts = unicodedata.normalize("NFKD", spelled)
    letters = "".join(part for part in parts if part.isascii() and part.isalnum())
    if letters:
        return letters
    # Vowel signs and the like belong to the letters of their script.
    is_letter = unicodedata.category(char)[0] in "LMN" and not unicodedata.combining(char)
    return unicodedata.normalize("NFC", char) if is_letter else "-"
