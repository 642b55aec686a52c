r"""Small words for people: lists of names, hints, and users' text without invisible characters.

A terminal or a page would obey escape sequences, other control characters and changes of the
writing direction. Each of them, and each character that does not exist, becomes a space.

>>> clean("a\x1b[2Jb\u202ec\nd")
'a [2Jb c d'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from bpsheet.elsewhere import ours, spelled_like

__all__ = [
    "among",
    "clean",
    "counted",
    "either",
    "listed",
    "listing",
    "near",
    "nearest",
    "numbers",
    "place",
    "printable",
    "shown",
    "strangers",
    "strings",
    "thousands",
    "unfit_in",
    "unfit_name",
]

# Control characters but line feeds and tabs, halves of pairs, and what is no character.
UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str, kept: str = "\n") -> str:
    """The text with a space for every unprintable character except those `kept`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else " " for char in text)


def clean(text: str) -> str:
    """The text in one line, with a space for every unprintable character."""
    return printable(text, kept="")


def shown(value: object) -> str:
    """A value as an experiment file writes it. A long value is cut short."""
    if isinstance(value, bool):
        return f"{str(value).lower()} (a boolean)"
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, dict):
        text = "a table"
    else:
        try:
            text = repr(value)
        except ValueError:  # Python does not write whole numbers of more than 4,300 digits.
            text = "a number of thousands of digits"
    text = clean(text[:200])
    return text if len(text) <= 60 else text[:57] + "…"


def thousands(number: int) -> str:
    """A whole number with commas between its thousands. A long one is cut short."""
    return f"{number:,}" if abs(number) < 10**30 else shown(number)


def place(location: Sequence[int | str]) -> str:
    """A place in the file as text: keys joined by dots, numbers from 1 in brackets."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else str(part)
    return text


def nearest(word: str, known: Collection[str], *, is_key: bool = False) -> str:
    """A hint: the nearest known words, or the known words where none is near.

    A name from another library leads to ours. A key is also searched in the other tables.
    """
    hint = near(word, known, is_key=is_key)
    if hint is not None:
        return hint
    listed = list(known)
    more = "" if len(listed) <= 16 else ", …"
    return f"known here: {', '.join(listed[:16])}{more}"


def unfit_in(text: str) -> str | None:
    r"""The first character of a text that a cell cannot hold, because XML cannot; None without one.

    >>> unfit_in("a\x07b"), unfit_in("a\tb")
    ('\x07', None)
    """
    found = UNFIT.search(text)
    return found and found[0]


def unfit_name(name: str) -> str | None:
    """Why a name cannot head a column; None where it can."""
    if not name.isprintable() or unicodedata.category(name[0]) == "Mn":
        return "printable characters expected"
    if not (name[0].isalpha() or name[0].isdigit() or name[0] == "_") or name != name.strip():
        return "a name begins with a letter, a digit or an underscore"
    return None


def counted(number: int, what: str) -> str:
    """A number of things: `1 row`, `2 rows`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def listing(names: Sequence[str]) -> str:
    """Names separated by commas; of more than twelve the first ten and the last."""
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])}, … {names[-1]}"


def numbers(values: Sequence[float]) -> str:
    """The first ten numbers, separated by commas."""
    return ", ".join(f"{value:g}" for value in values[:10])


def among(text: str, known: Sequence[str]) -> str:
    """A hint: the nearest known words, if any are near, and all known words."""
    hint = near(text, known)
    listed = f"known are {', '.join(known)}" if known else "there is none here"
    return listed if hint is None else f"{hint} ({listed})"


# At most so many names are listed; the others are counted.
MOST_NAMES = 4
# Of unknown names so many are told, since each is compared with all known ones.
MOST_STRANGERS = 10


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["g", "h", "k"]), listed(["a", "b", "c", "d", "e", "f"])
    ('g, h and k', 'a, b, c and 3 more')
    """
    shown = list(names)
    if len(names) > MOST_NAMES:
        shown = [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1:,} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def near(word: str, known: Collection[str], *, is_key: bool = False) -> str | None:
    """A hint as `nearest` gives it; None where no known word is near."""
    if (here := ours(word, known)) is not None:
        return f"here it is {here.quoted}"
    if is_key and (there := ours(word)) is not None:
        return f"here it is {there.quoted}, in {there.where}"
    alike = [f'"{name}"' for name in spelled_like(word, known)]
    return f"did you mean {either(alike)}?" if alike else None


def either(names: Sequence[str]) -> str:
    """Names of which one is meant.

    >>> either(["g"]), either(["g", "h", "k"])
    ('g', 'g, h or k')
    """
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def strangers(names: Sequence[str], known: Collection[str]) -> str:
    """Unknown names in a sentence, each with the known names that are near; the first ten.

    >>> strangers(["f_eror", "my note"], ["f_error", "g"])
    'f_eror (did you mean "f_error"?), my note'
    """
    parts = []
    for name in names[:MOST_STRANGERS]:
        hint = near(name, known)
        parts.append(f"{clean(name[:100])} ({hint})" if hint else clean(name[:100]))
    if len(names) > MOST_STRANGERS:
        parts.append(f"and {len(names) - MOST_STRANGERS:,} more")
    return ", ".join(parts)


def strings(value: object) -> list[str]:
    """The texts in a list that may hold anything.

    >>> strings(["x", 2, None]), strings("x")
    (['x'], [])
    """
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
