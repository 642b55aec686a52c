r"""Text of a user, without what nobody sees and a terminal or a page would obey.

Escape sequences and other control characters, turned writing directions, characters that do not
exist: each becomes a space.

>>> clean("a\x1b[2Jb\u202ec\nd")
'a [2Jb c d'
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

from bpsheet.elsewhere import ours, spelled_like

__all__ = [
    "among",
    "clean",
    "counted",
    "is_unfit",
    "listed",
    "listing",
    "near",
    "nearest",
    "numbers",
    "place",
    "printable",
    "shown",
    "unfit_name",
]


def printable(text: str, kept: str = "\n") -> str:
    """The text with only what can be seen; lines stay lines."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else " " for char in text)


def clean(text: str) -> str:
    """The same in one line."""
    return printable(text, kept="")


def shown(value: object) -> str:
    """A value as an experiment file would write it, cut short where it is long."""
    if isinstance(value, bool):
        return f"{str(value).lower()} (a boolean)"
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, dict):
        text = "a table"
    else:
        text = repr(value)
    text = clean(text[:200])
    return text if len(text) <= 60 else text[:57] + "…"


def place(location: Sequence[int | str]) -> str:
    """A place in the file: keys joined by dots, positions in brackets, from 1."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else str(part)
    return text


def nearest(word: str, known: Collection[str], *, is_key: bool = False) -> str:
    """A hint: the nearest known word, or all of them where none is near.

    A name of another library leads to ours. A key is looked for in the other tables, too.
    """
    hint = near(word, known, is_key=is_key)
    if hint is not None:
        return hint
    listed = list(known)
    more = "" if len(listed) <= 20 else ", …"
    return f"known here: {', '.join(listed[:20])}{more}"


def is_unfit(char: str) -> bool:
    """Whether XML, and so a cell, cannot hold a character."""
    return (
        unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"
    ) or char in "\ufffe\uffff"


def unfit_name(name: str) -> str | None:
    """Why a name cannot head a column; None where it can."""
    if not all(char.isprintable() for char in name) or unicodedata.category(name[0]) == "Mn":
        return "printable characters expected"
    if not (name[0].isalpha() or name[0].isdigit() or name[0] == "_") or name != name.strip():
        return "a name begins with a letter, a digit or an underscore"
    return None


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def listing(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])}, … {names[-1]}"


def numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values[:10])


def among(text: str, known: Sequence[str]) -> str:
    """What is known, the nearest first."""
    hint = near(text, known)
    listed = f"known are {', '.join(known)}"
    return listed if hint is None else f"{hint} ({listed})"


# So many names are listed; of more, how many there are.
MOST_NAMES = 4


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
    alike = spelled_like(word, known)
    return None if alike is None else f'did you mean "{alike}"?'
