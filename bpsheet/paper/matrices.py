"""Equations of vectors and matrices, as rows of pieces that each format writes in its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bpsheet.printers.atoms import Value

__all__ = [
    "Entries",
    "Fraction",
    "Gradient",
    "Letter",
    "Matrices",
    "Name",
    "Numbers",
    "Piece",
    "Sign",
    "spaced",
]


@dataclass(frozen=True)
class Letter:
    """A vector or matrix of a layer: δ², (W³)ᵀ; with `prime` a derivative."""

    name: str
    layer: str = ""
    transposed: bool = False
    prime: bool = False


@dataclass(frozen=True)
class Sign:
    """An operator or a parenthesis: = + − ∘ ( )."""

    text: str


@dataclass(frozen=True)
class Gradient:
    """The gradient ∇ of `upper` with respect to a layer's outputs."""

    upper: str
    lower: Letter


@dataclass(frozen=True)
class Fraction:
    """The derivative ∂upper/∂lower."""

    upper: str
    lower: Letter | Name


@dataclass(frozen=True)
class Entries:
    """A matrix as the names of its entries, row by row."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Numbers:
    """A matrix as the printed numbers of its entries, row by row; a number where it has one."""

    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Name:
    """A quantity by its name, such as the loss."""

    text: str


Piece = Letter | Sign | Fraction | Gradient | Entries | Numbers | Name


@dataclass(frozen=True)
class Matrices:
    """One equation of vectors and matrices."""

    pieces: tuple[Piece, ...]


def spaced(pieces: Sequence[Piece], written: Callable[[Piece], str], space: str) -> Iterator[str]:
    """The pieces as they are written, with a space between names that are multiplied."""
    before: Piece | None = None
    for piece in pieces:
        if isinstance(piece, Name) and (isinstance(before, Name) or before == Sign("ᵀ")):
            yield space
        yield written(piece)
        before = piece
