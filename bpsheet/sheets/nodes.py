"""The tree of a spreadsheet formula.

References are kept relative to the formula's own cell. The tree knows no workbook: names and sheets
are looked up when it is evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

__all__ = [
    "Binary",
    "Braces",
    "Call",
    "Constant",
    "Corner",
    "Fault",
    "Minus",
    "Missing",
    "Name",
    "Percent",
    "Reference",
    "Structured",
    "Tree",
    "children",
]


class Fault(str):
    """An error as a value, such as #DIV/0!, with the cell where it began and the reason."""

    __slots__ = ("where", "why")
    where: str
    why: str

    def __new__(cls, kind: str) -> Self:
        fault = super().__new__(cls, kind)
        fault.where = fault.why = ""
        return fault

    @classmethod
    def at(cls, kind: str, where: str = "", why: str = "") -> Fault:
        fault = cls(kind)
        fault.where, fault.why = where, why
        return fault


class Corner(NamedTuple):
    """A row or column of a reference: a number, or a distance from the formula's own."""

    number: int
    is_fixed: bool

    def at(self, own: int, most: int) -> int:
        # A name's distance counts from A1, so that it may lead around the sheet's edge.
        return self.number if self.is_fixed else (own + self.number - 1) % most + 1


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, TRUE, FALSE or an error that the formula itself has."""

    value: float | str | bool


@dataclass(frozen=True, slots=True)
class Missing:
    """An argument that was left out."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A cell or a range. `sheet` is None for the formula's own."""

    sheet: str | None
    top: Corner
    left: Corner
    bottom: Corner
    right: Corner


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the workbook, or of one sheet."""

    sheet: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Structured:
    """A reference to a table's columns."""

    text: str


@dataclass(frozen=True, slots=True)
class Minus:
    """A minus sign in front."""

    operand: Tree


@dataclass(frozen=True, slots=True)
class Percent:
    """An operand divided by 100, `count` times."""

    operand: Tree
    count: int


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two operands; `:` and `,` join references."""

    sign: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Call:
    """A function of arguments."""

    name: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Braces:
    """An array that the formula itself has: {1,2;3,4}."""

    rows: tuple[tuple[Tree, ...], ...]


Tree = Constant | Missing | Reference | Name | Structured | Minus | Percent | Binary | Call | Braces


def children(tree: Tree) -> tuple[Tree, ...]:
    """The parts of a node."""
    match tree:
        case Minus(operand) | Percent(operand, _):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
    return ()
