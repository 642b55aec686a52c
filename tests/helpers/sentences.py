"""Slips of language that can be found without a reader."""

from __future__ import annotations

import re

__all__ = ["slips_of_language"]

# What is said of a single thing may end in s.
SINGLE = "is|was|has|plus|minus|times|this|its|bias|loss|class|less|pass|goes|follows|takes"
KINDS = {
    "a plural after 1": re.compile(
        rf"(?<![\w.,/^(+*-])1 (?:more )?(?!(?:{SINGLE})\b)[a-z]{{3,}}s\b"
    ),
    "a blank before a full stop or a comma": re.compile(r"[a-z)] [.,](?=\s|$)", re.MULTILINE),
    "two full stops": re.compile(r"[a-z)]\.\.(?!\.)"),
    "two blanks in a sentence": re.compile(r"[a-z]{3}[.,;:]  +[a-zA-Z]{3}"),
    "a word twice": re.compile(r"\b(the|a|an|of|is|are|in|to|and|with) \1\b"),
    "a value as Python writes it": re.compile(r"\bnp\.float|\bdtype\(|<bpsheet\.|\bPosixPath\("),
    "a gap that was not filled": re.compile(r"\bNone\b|\{[a-z_.]+\}"),
}


def slips_of_language(text: str) -> list[str]:
    """The slips in a text that people read, each with its kind and the words around it."""
    return [
        f"{kind}: …{text[max(0, found.start() - 30) : found.end() + 20]}…"
        for kind, pattern in KINDS.items()
        for found in pattern.finditer(text)
    ]
