"""The blocks of a document: headings, sentences, lists of values and equations."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bpsheet.formula.tree import Expr, Symbol
from bpsheet.paper.matrices import Matrices
from bpsheet.printers.atoms import Atom, Atoms, AtomText, no_atoms

__all__ = [
    "Beside",
    "Block",
    "Equation",
    "Heading",
    "Listing",
    "Paper",
    "Prose",
    "Side",
    "Table",
    "equation",
    "with_symbols",
]


# What may be a quantity in a sentence: `w_xg1`, `f'(2)`, `dMSE / dw_xg1`.
QUANTITY = re.compile(r"d[^\s:;,]+ / d[\w'()]+|(?<![\w'])[\w'][\w'()]*")
WORD = re.compile(r"a|I|[A-Za-z]{2,}")


@dataclass(frozen=True)
class Side:
    """One side of an equation: a formula, the atoms printed at its leaves, and the reasons for it."""

    expr: Expr
    atoms: Atoms = no_atoms
    reasons: tuple[Expr, ...] = ()

    @classmethod
    def of(cls, atom: Atom) -> Side:
        """A side that is one atom."""
        return cls(Symbol(atom))


@dataclass(frozen=True)
class Heading:
    """A heading of the first or second level below the title."""

    text: str
    level: int = 1


@dataclass(frozen=True)
class Prose:
    """A paragraph of one or a few sentences."""

    text: str


@dataclass(frozen=True)
class Equation:
    """Equal sides. The first is the left side of the equation, all others are right sides."""

    sides: tuple[Side, ...]


@dataclass(frozen=True)
class Listing:
    """Short equations in one line, with a label in front."""

    label: str
    equations: tuple[Equation, ...]


@dataclass(frozen=True)
class Table:
    """A table: a head of words, and rows of quantities, numbers and words. A cell may be empty.

    `stacks` makes each row a block of its own on a narrow screen, for tables with sentences.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Side | str | None, ...], ...]
    stacks: bool = False


@dataclass(frozen=True)
class Beside:
    """Blocks beside others where there is room, else before them."""

    left: tuple[Prose | Equation, ...]
    right: tuple[Prose | Equation, ...]


Block = Heading | Prose | Equation | Listing | Table | Beside | Matrices


def with_symbols(
    text: str, names: Collection[str], symbol: Callable[[str], str], words: Callable[[str], str]
) -> str:
    """A sentence with its quantities as symbols.

    A quantity named like a word, such as `out` or `a`, stays a word: so it reads in a sentence.
    """
    said, end = "", 0
    for match in QUANTITY.finditer(text):
        if match[0] in names and not WORD.fullmatch(match[0]):
            said += words(text[end : match.start()]) + symbol(match[0])
            end = match.end()
    return said + words(text[end:])


def equation(left: Side, sides: Sequence[Side]) -> Equation:
    """An equation, without sides that print like the side before."""
    kept, before = [left], ""
    for side in sides:
        text = AtomText(side.atoms).text(side.expr)
        if text != before:
            kept.append(side)
        before = text
    return Equation(tuple(kept))


class Paper:
    """A document's content: a title, a line below it, and blocks.

    `names` are the quantities that sentences may name.
    """

    def __init__(
        self, title: str, subtitle: str, blocks: Sequence[Block], names: Collection[str] = ()
    ) -> None:
        self.title = title
        self.subtitle = subtitle
        self.blocks = tuple(blocks)
        self.names = names
