"""The blocks of a document: headings, sentences, lists of values and equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bpsheet.formula.tree import Expr, Symbol
from bpsheet.paper.matrices import Matrices
from bpsheet.printers.atoms import Atom, Atoms, AtomText, no_atoms

__all__ = ["Block", "Equation", "Heading", "Listing", "Paper", "Prose", "Side", "equation"]


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


Block = Heading | Prose | Equation | Listing | Matrices


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
    """A document's content: a title, a line below it, and blocks."""

    def __init__(self, title: str, subtitle: str, blocks: Sequence[Block]) -> None:
        self.title = title
        self.subtitle = subtitle
        self.blocks = tuple(blocks)
