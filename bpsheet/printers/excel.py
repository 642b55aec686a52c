"""Formulas as spreadsheets read them.

Four habits of spreadsheets decide how a formula is written:

- A minus sign binds tighter than ^ (`-A1^2` is (−A1)²): a negated power is `-(A1^2)`.
- `2^3^2` is (2^3)^2: a power in a power gets parentheses.
- One spreadsheet program saves `(-(A1*B1))^2` without the inner parentheses: a negated product
  in parentheses is `(-1*(A1*B1))`.
- Only 15 digits of a number in a formula count: a longer number is the sum of two.
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable
from typing import NamedTuple

from openpyxl.utils.cell import coordinate_to_tuple, get_column_letter

from bpsheet.formula.filling import expand
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Pow,
    Ref,
    Sum,
    Text,
    children,
    walk,
)
from bpsheet.printers.base import Binding, Printer

__all__ = ["LONG_SUM", "Cell", "ColumnCell", "ExcelPrinter", "excel_number", "spelled"]

# A weighted sum with at least so many products of adjoining cells is written as SUMPRODUCT.
LONG_SUM = 12
# So many digits of a number in a formula count. In a cell that holds a number all digits count.
MOST_DIGITS = 15
# The beginning of text that a spreadsheet reads as one character: _x0041_ is A.
ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


class Cell(NamedTuple):
    """A cell's address: column and row, both from 1.

    `row` may also be a mark that is replaced by the row later. `sheet` names another sheet, with
    its exclamation mark.
    """

    column: int
    row: int | str
    sheet: str = ""

    def __str__(self) -> str:
        return f"{self.sheet}{get_column_letter(self.column)}{self.row}"


class ColumnCell(Cell):
    """A cell whose column stays the same when the formula is copied: $A8."""

    def __str__(self) -> str:
        return f"${super().__str__()}"


# Cuts a number to the digits that a formula may have.
CUT = decimal.Context(prec=MOST_DIGITS, rounding=decimal.ROUND_DOWN)


def excel_number(value: float) -> str:
    """A number as text in a formula, with every digit that tells it from its neighbours.

    >>> excel_number(1.0), excel_number(0.1), excel_number(1e-07)
    ('1', '0.1', '1E-07')
    """
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value).upper()


def spelled(text: str) -> str:
    """Text escaped for the file, so that a spreadsheet shows it unchanged."""
    return ESCAPE.sub("_x005F_", text) if "_x" in text else text


def _begins_with_power(node: Expr) -> bool:
    """Whether the first factor of a product or quotient is a power."""
    first = node
    while isinstance(first, Mul | Div):
        first = first.left
    return first is not node and isinstance(first, Pow)


class ExcelPrinter(Printer):
    """Prints a formula of a cell; `cell`, `parameter` and `data` give the addresses.

    `cell(ref)` is for a column, `parameter(name)` for a hyper-parameter, `data(name)` for the
    range of a table. `guard` writes functions in the form that never overflows, even if this
    repeats a long argument.

    >>> from bpsheet.formula.tree import Neg, Pow
    >>> here = ExcelPrinter(lambda ref: Cell(1, 8), lambda name: "$B$5", lambda name: "")
    >>> here.text(Neg(Pow(Ref("g"), Num(2.0))))
    '-(A8^2)'
    """

    def __init__(
        self,
        cell: Callable[[Ref], Cell],
        parameter: Callable[[str], str],
        data: Callable[[str], str],
        *,
        guard: bool = False,
    ) -> None:
        self.cell = cell
        self.parameter = parameter
        self.data = data
        self.guard = guard

    def binding(self, node: Expr) -> Binding:
        if isinstance(node, Call) and FUNCTIONS[node.function].spelled:
            return self.binding(self._spelled_out(node))
        return super().binding(node)

    def negation(self, node: Neg) -> str:
        """A minus sign and its operand.

        Some spreadsheet programs read -(a^2*b) as (-a)^2*b; none misreads -1*(a^2*b).
        """
        if _begins_with_power(node.operand):
            return f"-1*({self.text(node.operand)})"
        return super().negation(node)

    def enclosed(self, node: Expr, text: str) -> str:
        if isinstance(node, Neg) and isinstance(node.operand, Mul | Div):
            return f"(-1*({self.text(node.operand)}))"
        return self.parenthesised(text)

    def number(self, node: Num) -> str:
        value = node.value
        short = float(f"{value:.{MOST_DIGITS}g}")
        if math.isinf(short):
            short = float(CUT.create_decimal(value))  # the largest numbers would round up to ∞
        if short == value:
            return excel_number(value)
        return f"({excel_number(short)}{value - short:+.{MOST_DIGITS}G})"

    def word(self, node: Text) -> str:
        quoted = node.value.replace('"', '""')
        return f'"{quoted}"'

    def reference(self, node: Ref) -> str:
        return str(self.cell(node))

    def param(self, node: Param) -> str:
        return self.parameter(node.name)

    def lookup(self, node: Lookup) -> str:
        cells = self.data(node.table)
        first, _, last = cells.partition(":")
        if first.rpartition("!")[2] == last:
            return first  # Gnumeric takes INDEX over a single cell for an error
        if isinstance(node.row, Num) and node.column is None:
            sheet, mark, cell = first.rpartition("!")
            row, column = coordinate_to_tuple(cell.replace("$", ""))
            return f"{sheet}{mark}${get_column_letter(column)}${row + int(node.row.value) - 1}"
        indices = ",".join(self.text(index) for index in children(node))
        return f"INDEX({cells},{indices})"

    def addition(self, node: Sum) -> str:
        parts = []
        for run in self._runs(node.terms):
            if len(run) >= LONG_SUM:
                parts.append(self._sum_of_products(run))
            else:
                for term in run:
                    least = Binding.PRODUCT if parts else Binding.SUM
                    parts.append(self.operand(term, least, first=not parts))
        return "+".join(parts)

    def _runs(self, terms: tuple[Expr, ...]) -> list[list[Expr]]:
        """The terms in runs: within a run, each product of cells adjoins the one before."""
        runs: list[list[Expr]] = []
        for term in terms:
            if runs and self._adjoins(runs[-1][-1], term):
                runs[-1].append(term)
            else:
                runs.append([term])
        return runs

    def _adjoins(self, last: Expr, term: Expr) -> bool:
        match last, term:
            case (Mul(Ref() as a, Ref() as b), Mul(Ref() as c, Ref() as d)):
                first, second = self.cell(a), self.cell(b)
                return self.cell(c) == first._replace(column=first.column + 1) and self.cell(
                    d
                ) == second._replace(column=second.column + 1)
        return False

    def _sum_of_products(self, run: list[Expr]) -> str:
        first, last = run[0], run[-1]
        assert isinstance(first, Mul)
        assert isinstance(last, Mul)
        left, right = self._range(first.left, last.left), self._range(first.right, last.right)
        return f"SUMPRODUCT({left},{right})"

    def _range(self, first: Expr, last: Expr) -> str:
        assert isinstance(first, Ref)
        assert isinstance(last, Ref)
        return f"{self.cell(first)}:{self.cell(last)._replace(sheet='')}"

    def call(self, node: Call) -> str:
        if FUNCTIONS[node.function].spelled:
            return self.text(self._spelled_out(node))
        return f"{node.function.upper()}({','.join(self.text(part) for part in node.arguments)})"

    def _spelled_out(self, node: Call) -> Expr:
        return expand(node.function, node.arguments[0], guard=self._is_guarded(node))

    def _is_guarded(self, node: Call) -> bool:
        """Whether a function is written in the form that never overflows.

        That form repeats its argument, which costs nothing for a single cell. In a nested
        call the text would double at every level, and the inner function bounds the outer one.
        """
        argument = node.arguments[0]
        nested = any(
            isinstance(inner, Call) and FUNCTIONS[inner.function].spelled
            for inner in walk(argument)
        )
        return isinstance(argument, Ref) or (self.guard and not nested)

    def comparison(self, node: Compare) -> str:
        left = self.operand(node.left, Binding.SUM, first=True)
        return f"{left}{node.operator}{self.operand(node.right, Binding.SUM, first=True)}"

    def choice(self, node: If) -> str:
        sides = (node.test, node.then, node.otherwise)
        return f"IF({','.join(self.text(side) for side in sides)})"
