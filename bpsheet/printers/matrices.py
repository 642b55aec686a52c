"""Formulas of arrays: as array formulas of a spreadsheet, and as text with the names of matrices.

A vector is a column of cells, and so is a vector in the text. Array formulas are of the old kind, which
every spreadsheet program has: MMULT, TRANSPOSE, SUM, and arithmetic entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from bpsheet.errors import ProgramError
from bpsheet.formula.arrays import Shape, shape_of
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
    Sum,
    children,
)
from bpsheet.printers.base import Binding
from bpsheet.printers.excel import Cell, ExcelPrinter
from bpsheet.printers.text import TextPrinter

__all__ = ["MatrixPrinter", "MatrixText", "is_printable"]

SUPERSCRIPT_T = "ᵀ"


def _outer(node: Expr) -> tuple[Expr, Expr] | None:
    """The two vectors of a product of each entry with each."""
    match node:
        case Mul(Operation("as column", (column,)), row):
            return column, row
    return None


def is_printable(node: Expr, shapes: Mapping[str, Shape]) -> bool:
    """Whether a formula can be one array formula that every spreadsheet program computes alike.

    A column and a row side by side are not combined entry by entry, except where each entry is
    multiplied with each: some programs repeat neither within IF.
    """
    vectors = _outer(node)
    if vectors is not None:
        return all(is_printable(vector, shapes) for vector in vectors)
    if isinstance(node, Operation):
        kinds = ("product", "transposed", "sum", "largest", "along")
        return node.kind in kinds and all(is_printable(part, shapes) for part in node.operands)
    parts = children(node)
    sizes = {shape for part in parts if (shape := shape_of(part, shapes))}
    return len(sizes) <= 1 and all(is_printable(part, shapes) for part in parts)


class MatrixPrinter(ExcelPrinter):
    """Prints array formulas; `area(name)` gives the cells of an array, `cell(ref)` those of a number."""

    table: ClassVar[Mapping[type[Any], str]] = {**ExcelPrinter.table, Operation: "operation"}

    def __init__(
        self,
        area: Callable[[str], str],
        cell: Callable[[Ref], Cell],
        parameter: Callable[[str], str],
        shapes: Mapping[str, Shape],
    ) -> None:
        super().__init__(cell, parameter, lambda name: name, guard=True)
        self.area = area
        self.shapes = shapes

    def _shape(self, node: Expr) -> Shape:
        return shape_of(node, self.shapes)

    def reference(self, node: Ref) -> str:
        return self.area(node.name) if node.name in self.shapes else super().reference(node)

    def binding(self, node: Expr) -> Binding:
        if isinstance(node, Mul) and ONE in (node.left, node.right):
            return self.binding(node.right if node.left == ONE else node.left)
        if isinstance(node, Operation):
            return self._operation_binding(node)
        return super().binding(node) if _outer(node) is None else Binding.ATOM

    def _operation_binding(self, node: Operation) -> Binding:
        if node.kind == "product" and self._is_plain(node.operands[0]):
            return Binding.PRODUCT
        return Binding.SUM if node.kind == "along" else Binding.ATOM

    def _is_plain(self, left: Expr) -> bool:
        """Whether a product of matrices is a product of single cells, or of a column and a cell.

        Some spreadsheet programs refuse MMULT of a single cell.
        """
        return self._shape(left)[-1] == 1

    def addition(self, node: Sum) -> str:
        first, *rest = node.terms
        terms = [self.operand(first, Binding.SUM, first=True)]
        return "+".join(terms + [self.operand(term, Binding.PRODUCT) for term in rest])

    def product(self, node: Mul) -> str:
        if ONE in (node.left, node.right):
            return self.text(node.right if node.left == ONE else node.left)
        vectors = _outer(node)
        if vectors is None:
            return super().product(node)
        column, row = vectors
        if self._shape(column) == (1,) == self._shape(row):
            return super().product(Mul(column, row))
        return f"MMULT({self.text(column)},{self._turned(row)})"

    def _turned(self, node: Expr) -> str:
        if set(self._shape(node)) == {1}:
            return self.text(node)
        return f"TRANSPOSE({self.text(node)})"

    def operation(self, node: Operation) -> str:
        match node:
            case Operation("product", (left, right)):
                return self._matrix_product(left, right)
            case Operation("transposed", (matrix,)):
                return self._turned(matrix)
            case Operation("sum", (array,)):
                return f"SUM({self.text(array)})"
            case Operation("largest", (vector,)):
                return f"MAX({self.text(vector)})"
            case Operation("along", (diagonal, across)):
                return self._along(diagonal, across)
        raise ProgramError(f"no array formula for {node.kind}")

    def _matrix_product(self, left: Expr, right: Expr) -> str:
        if self._is_plain(left):
            return super().product(Mul(left, right))
        return f"MMULT({self.text(left)},{self.text(right)})"

    def _along(self, diagonal: Expr, across: Expr) -> str:
        """Each is multiplied by a matrix of 1 and 0: some programs repeat no column within IF."""
        size = self._shape(diagonal)[0]
        lines = [",".join("1" if i == k else "0" for i in range(size)) for k in range(size)]
        ones = "{" + ";".join(lines) + "}"
        return f"{ones}*({self.text(diagonal)})+(1-{ones})*{self.operand(across, Binding.PRODUCT)}"

    def call(self, node: Call) -> str:
        """MAX and MIN would give one number for whole arrays, so that IF stands for them."""
        if node.function in ("max", "min") and self._shape(node):
            first, *rest = node.arguments
            text = self.text(first)
            sign = ">" if node.function == "max" else "<"
            for argument in rest:
                other = self.text(argument)
                text = f"IF({text}{sign}{other},{text},{other})"
            return text
        return super().call(node)


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
        if isinstance(node, Operation) and node.kind == "product":
            return Binding.PRODUCT
        return super().binding(node)

    def product(self, node: Mul) -> str:
        if ONE in (node.left, node.right):
            return self.text(node.right if node.left == ONE else node.left)
        vectors = _outer(node)
        if vectors is not None:
            return f"{self.operand(vectors[0], Binding.PRODUCT)}·{self._turned(vectors[1])}"
        both = [shape_of(part, self.shapes) for part in (node.left, node.right)]
        sign = " ∘ " if all(both) else "·"
        return self.infix(node.left, sign, node.right, Binding.PRODUCT)

    def _turned(self, node: Expr) -> str:
        return self.operand(node, Binding.ATOM) + SUPERSCRIPT_T

    def operation(self, node: Operation) -> str:
        match node:
            case Operation("product", (left, right)):
                return self.infix(left, "·", right, Binding.PRODUCT)
            case Operation("transposed", (matrix,)):
                return self._turned(matrix)
            case Operation("sum", (array,)):
                return f"Σ {self.operand(array, Binding.PRODUCT)}"
            case Operation("largest", (vector,)):
                return f"max {self.text(vector)}"
            case Operation("along", _):
                return "J"
        return f"{node.kind}({', '.join(map(self.text, children(node)))})"
