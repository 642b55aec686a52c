"""Equations of vectors and matrices: a row of pieces, as each format writes them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Entries", "Fraction", "Gradient", "Letter", "Matrices", "Piece", "Sign"]


@dataclass(frozen=True)
class Letter:
    """A vector or matrix of a layer: δ², (W³)ᵀ; `prime` for a derivative."""

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
    """∇ of upper with respect to a layer's outputs."""

    upper: str
    lower: Letter


@dataclass(frozen=True)
class Fraction:
    """∂upper/∂lower."""

    upper: str
    lower: Letter


@dataclass(frozen=True)
class Entries:
    """A matrix written out, by the names of its entries."""

    rows: tuple[tuple[str, ...], ...]


Piece = Letter | Sign | Fraction | Gradient | Entries


@dataclass(frozen=True)
class Matrices:
    """One equation of vectors and matrices."""

    pieces: tuple[Piece, ...]
