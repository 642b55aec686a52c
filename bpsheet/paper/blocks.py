"""A document of headings, sentences and equations, and the four formats it is written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bpsheet.formula.tree import Expr, Ref
from bpsheet.paper.matrices import Matrices
from bpsheet.printers.atoms import Atom, Atoms, AtomText, Leaf, no_atoms

__all__ = ["Block", "Document", "Equation", "Heading", "Listing", "Prose", "Side", "equation"]


@dataclass(frozen=True)
class Side:
    """One side of an equation: a formula, what stands at its leaves, and why it is this one."""

    expr: Expr
    atoms: Atoms = no_atoms
    reasons: tuple[Expr, ...] = ()

    @classmethod
    def of(cls, atom: Atom) -> Side:
        """A side that is one atom."""

        def only(_: Leaf) -> Atom:
            return atom

        return cls(Ref(""), only)


@dataclass(frozen=True)
class Heading:
    """A heading of the first or second level below the title."""

    text: str
    level: int = 1


@dataclass(frozen=True)
class Prose:
    """A sentence or a few."""

    text: str


@dataclass(frozen=True)
class Equation:
    """Sides that are equal, the first to the left of all the others."""

    sides: tuple[Side, ...]


@dataclass(frozen=True)
class Listing:
    """Short equations in one line, and what they have in common."""

    label: str
    equations: tuple[Equation, ...]


Block = Heading | Prose | Equation | Listing | Matrices


def equation(left: Side, sides: Sequence[Side]) -> Equation:
    """An equation, without sides that print like the one before them."""
    kept, before = [left], ""
    for side in sides:
        text = AtomText(side.atoms).text(side.expr)
        if text != before:
            kept.append(side)
        before = text
    return Equation(tuple(kept))


class Document:
    """Something worked out on paper. A notebook shows it as a page."""

    def __init__(self, title: str, subtitle: str, blocks: Sequence[Block]) -> None:
        self.title = title
        self.subtitle = subtitle
        self.blocks = tuple(blocks)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.subtitle}>"

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """Plain text, for terminals and mails."""
        from bpsheet.paper.plain import text_of

        return text_of(self)

    def markdown(self) -> str:
        """Markdown, with the equations as blocks of plain text."""
        from bpsheet.paper.plain import markdown_of

        return markdown_of(self)

    def latex(self) -> str:
        """A complete LaTeX document (class article, package amsmath)."""
        from bpsheet.paper.latex import latex_of

        return latex_of(self)

    def html(self) -> str:
        """A web page in one file: MathML, no scripts, nothing from elsewhere."""
        from bpsheet.paper.html import page_of

        return page_of(self)

    def _repr_html_(self) -> str:
        from bpsheet.paper.html import fragment_of

        return fragment_of(self)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_latex_(self) -> str:
        from bpsheet.paper.latex import body_of

        return body_of(self)
