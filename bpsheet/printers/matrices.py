"""Formulas of arrays as text with the names of matrices, and which of them an array formula can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from bpsheet.formula.arrays import Shape, shape_of, transposed
from bpsheet.formula.tree import (
    ONE,
    Call,
    Expr,
    Mul,
    Neg,
    Num,
    Operation,
    Param,
    Pow,
    Ref,
    children,
)
from bpsheet.printers.base import Binding
from bpsheet.printers.text import TextPrinter

__all__ = ["CALLED", "MatrixText", "in_columns", "is_printable", "outer"]

SUPERSCRIPT_T = "ᵀ"


# What a program of matrices would call what it does with each row or column.
CALLED = {"sum across": "rowsum", "sum down": "colsum", "largest across": "rowmax"}
# What it would call operations of several operands, and which of them it would write.
NAMED = {
    "convolved": ("conv", (0, 1)),
    "kernel's share": ("conv", (1, 0)),
    "input's share": ("spread", (0, 2)),
    "window sums": ("sumpool", (0, 1)),
    "window largest": ("maxpool", (0, 1)),
    "window's share": ("unpool", (0,)),
    "largest's share": ("unpool", (0, 1)),
    "folded": ("unflat", (0,)),
    "one hot": ("onehot", (0,)),
    "causal": ("causal", (0,)),
}


def outer(node: Expr, shapes: Mapping[str, Shape]) -> tuple[Expr, Expr] | None:
    """The two vectors of a product of each entry with each."""
    match node:
        case Mul(Operation("as column", (column,)), row) if len(shape_of(row, shapes)) == 1:
            return column, row
    return None


def in_columns(left: Expr, right: Expr, shapes: Mapping[str, Shape]) -> tuple[Expr, Expr]:
    """The factors of a product, with columns for vectors: u A is the column Aᵀ u."""
    is_row = len(shape_of(left, shapes)) == 1 and len(shape_of(right, shapes)) == 2
    return (transposed(right), left) if is_row else (left, right)


def is_printable(node: Expr, shapes: Mapping[str, Shape]) -> bool:
    """Whether a formula can be one array formula that every spreadsheet program computes alike.

    A column and a row side by side are not combined entry by entry, except where each entry is
    multiplied with each: some programs repeat neither within IF. Nor do all of them take ERF of an
    array.
    """
    vectors = outer(node, shapes)
    if vectors is not None:
        return all(is_printable(vector, shapes) for vector in vectors)
    match node:
        case Operation("row", (array, _)):
            return isinstance(array, Ref)
        case Operation(kind, operands):
            kinds = ("product", "transposed", "sum", "largest", "along")
            return kind in kinds and all(is_printable(part, shapes) for part in operands)
        case Call("erf", (argument,)) if shape_of(argument, shapes):
            return False
    parts = children(node)
    sizes = {shape for part in parts if (shape := shape_of(part, shapes))}
    return len(sizes) <= 1 and all(is_printable(part, shapes) for part in parts)


class MatrixText(TextPrinter):
    """Prints `W2ᵀ·δ2 ∘ a1′`, with the names that `names` gives to arrays."""

    table: ClassVar[Mapping[type[Any], str]] = {**TextPrinter.table, Operation: "operation"}
    minus = " − "
    times = "·"

    def __init__(self, names: Mapping[str, str], shapes: Mapping[str, Shape]) -> None:
        super().__init__()
        self.names = names
        self.shapes = shapes

    def number(self, node: Num) -> str:
        return super().number(node).replace("-", "−")

    def reference(self, node: Ref) -> str:
        return self.names.get(node.name, node.name)

    def param(self, node: Param) -> str:
        return "η" if node.name == "learning_rate" else node.name.replace("_", " ")

    def negation(self, node: Neg) -> str:
        return "−" + self.operand(node.operand, Binding.PRODUCT)

    def power(self, node: Pow) -> str:
        if node.exponent == Num(2.0):
            return self.operand(node.base, Binding.ATOM) + "²"
        return super().power(node)

    def binding(self, node: Expr) -> Binding:
        if isinstance(node, Mul) and ONE in (node.left, node.right):
            return self.binding(node.right if node.left == ONE else node.left)
        match node:
            case Operation("product"):
                return Binding.PRODUCT
            case Operation("as column" | "shaped as", (array, *_)):
                return self.binding(array)
        return super().binding(node)

    def product(self, node: Mul) -> str:
        if ONE in (node.left, node.right):
            return self.text(node.right if node.left == ONE else node.left)
        vectors = outer(node, self.shapes)
        if vectors is not None:
            return f"{self._factor(vectors[0])}·{self._turned(vectors[1])}"
        sign = " ∘ " if self._is_by_entry(node) else "·"
        return self.infix(node.left, sign, node.right, Binding.PRODUCT)

    def _is_by_entry(self, node: Mul) -> bool:
        return all(shape_of(part, self.shapes) for part in (node.left, node.right))

    def _factor(self, node: Expr) -> str:
        """A factor of a product of matrices: a product entry by entry stands in parentheses."""
        if isinstance(node, Mul) and ONE not in (node.left, node.right):
            by_entry = outer(node, self.shapes) is None and self._is_by_entry(node)
            return f"({self.text(node)})" if by_entry else self.text(node)
        return self.operand(node, Binding.PRODUCT)

    def _turned(self, node: Expr) -> str:
        return self.operand(node, Binding.ATOM) + SUPERSCRIPT_T

    def operation(self, node: Operation) -> str:
        match node:
            case Operation("product", (left, right)):
                left, right = in_columns(left, right, self.shapes)
                return f"{self._factor(left)}·{self.operand(right, Binding.FACTOR)}"
            case Operation("transposed", (matrix,)):
                return self._turned(matrix)
            case Operation("sum", (array,)):
                return f"Σ {self.operand(array, Binding.PRODUCT)}"
            case Operation("largest", (vector,)):
                return f"max {self.text(vector)}"
            case Operation("along", _):
                return "J"
            case Operation("as column" | "shaped as", (array, *_)):
                # What it is repeated for can be seen from the shapes.
                return self.text(array)
            case Operation("row", (array, number)):
                return f"{self.operand(array, Binding.ATOM)}[{self.text(number)}]"
            case Operation(kind, (array,)) if kind in CALLED:
                return f"{CALLED[kind]}({self.text(array)})"
            case Operation("placed", (row, _, number)):
                return f"inrow{self.text(number)}({self.text(row)})"
            case Operation(kind, operands) if kind in NAMED:
                name, shown = NAMED[kind]
                return f"{name}({', '.join(self.text(operands[place]) for place in shown)})"
        return f"{node.kind}({', '.join(map(self.text, children(node)))})"
