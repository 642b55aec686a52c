"""Formulas of arrays as array formulas of a spreadsheet.

A vector is a column of cells. Array formulas are of the old kind, which every spreadsheet program has:
MMULT, TRANSPOSE, SUM, and arithmetic entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from openpyxl.utils.cell import coordinate_to_tuple

from bpsheet.errors import ProgramError
from bpsheet.formula.arrays import Shape, product, shape_of
from bpsheet.formula.tree import (
    ONE,
    Call,
    Expr,
    Mul,
    Num,
    Operation,
    Ref,
    Sum,
)
from bpsheet.printers.base import Binding
from bpsheet.printers.excel import Cell, ExcelPrinter
from bpsheet.printers.matrices import in_columns, outer

__all__ = ["MatrixPrinter"]


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
        vectors = outer(node, self.shapes)
        if vectors is None or self._are_single(*vectors):
            return super().binding(node)
        return Binding.ATOM

    def _operation_binding(self, node: Operation) -> Binding:
        if node.kind == "product" and self._is_plain(*node.operands):
            return Binding.PRODUCT
        if node.kind == "transposed" and set(self._shape(node)) == {1}:
            return self.binding(node.operands[0])
        return Binding.SUM if node.kind == "along" else Binding.ATOM

    def _is_plain(self, left: Expr, right: Expr) -> bool:
        """Whether one factor of a product of matrices is a single cell.

        Some spreadsheet programs refuse MMULT of a single cell.
        """
        return any(set(self._shape(factor)) == {1} for factor in (left, right))

    def _are_single(self, column: Expr, row: Expr) -> bool:
        return self._shape(column) == (1,) == self._shape(row)

    def addition(self, node: Sum) -> str:
        first, *rest = node.terms
        terms = [self.operand(first, Binding.SUM, first=True)]
        return "+".join(terms + [self.operand(term, Binding.PRODUCT) for term in rest])

    def product(self, node: Mul) -> str:
        if ONE in (node.left, node.right):
            return self.text(node.right if node.left == ONE else node.left)
        vectors = outer(node, self.shapes)
        if vectors is None:
            return super().product(node)
        column, row = vectors
        if self._are_single(column, row):
            return super().product(Mul(column, row))
        return f"MMULT({self.text(column)},{self._turned(row)})"

    def _turned(self, node: Expr) -> str:
        if set(self._shape(node)) == {1}:
            return self.text(node)
        if isinstance(node, Operation) and node.kind == "row":
            return str(self._row_of(*node.operands))
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
            case Operation("row", (array, number)):
                cells = self._row_of(array, number)
                return f"TRANSPOSE({cells})" if self._shape(node) not in ((), (1,)) else cells
        raise ProgramError(f"no array formula for {node.kind}")

    def _row_of(self, array: Expr, number: Expr) -> str:
        """The cells of a row of a matrix, or of an entry of a vector."""
        assert isinstance(array, Ref)
        assert isinstance(number, Num)
        left, _, right = self.area(array.name).partition(":")
        row, first = coordinate_to_tuple(left)
        _, last = coordinate_to_tuple(right or left)
        row += int(number.value) - 1
        ends = Cell(first, row), Cell(last, row)
        return ":".join(dict.fromkeys(map(str, ends)))

    def _matrix_product(self, left: Expr, right: Expr) -> str:
        left, right = in_columns(left, right, self.shapes)
        if self._is_plain(left, right):
            return super().product(Mul(left, right))
        if not self._shape(product(left, right)):
            return f"SUMPRODUCT({self.text(left)},{self.text(right)})"
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
