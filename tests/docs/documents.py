"""The documents, their sections and their code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DOCUMENTS", "ROOT", "Block", "blocks", "headings", "prose", "text_of"]

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = (
    "README.md",
    "templates/README.md",
    "outputs/README.md",
    "tests/README.md",
    "bpsheet/README.md",
    ".github/CONTRIBUTING.md",
)
HEADING = re.compile(r"#+ (.+)")
FILE_NAME = re.compile(r"`([\w-]+\.(?:csv|toml))`[^`]*:$")


@dataclass(frozen=True)
class Block:
    """A code block.

    file: the name of the file that it shows, where the line above it ends with that name
    """

    document: str
    section: str
    line: int
    language: str
    text: str
    file: str | None

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def text_of(document: str) -> str:
    """A document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    """The code blocks of a document, in order."""
    found: list[Block] = []
    section, above = "", ""
    lines = enumerate(text_of(document).splitlines(), start=1)
    for number, line in lines:
        if line.startswith("```"):
            code = []
            for _, inside in lines:
                if inside == "```":
                    break
                code.append(inside)
            file = FILE_NAME.search(above)
            text = "\n".join(code) + "\n"
            found.append(Block(document, section, number, line[3:], text, file and file[1]))
        elif heading := HEADING.fullmatch(line):
            section = heading[1]
        if line:
            above = line
    return found


def prose(document: str) -> str:
    """A document's text without its code blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(document), flags=re.MULTILINE | re.DOTALL)


def headings(document: str) -> Iterator[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    for title in re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
