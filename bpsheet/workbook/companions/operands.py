"""The formulas of the sheet Walkthrough with numbers in them: texts that cells' formulas join."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.formula.evaluate import ERRORS, NUMBER, CellError, evaluate
from bpsheet.formula.tree import Expr, If, Num, Param, Ref, Text, references
from bpsheet.printers.base import Binding
from bpsheet.printers.excel import Cell, ExcelPrinter
from bpsheet.printers.mathtext import MathTextPrinter
from bpsheet.workbook.layout import MAX_FORMULA
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.joined import joined, rounded

__all__ = ["DIGITS", "HIDDEN", "RESULT", "Operands"]

# The column of the results, from 1, and those of the operands' numbers and texts: of this iteration,
# and of the one before.
RESULT = 4
NOW, BEFORE = ("E", "F"), ("G", "H")
HIDDEN = "EFGHI"
# Significant digits of the numbers in the formulas.
DIGITS = 4
# The most characters of a text in a formula.
LONGEST_TEXT = 250
# Stands around the names in a formula's text that cells replace. No name contains it.
MARK = "\x00"
# The exponents that a text can raise.
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


# A cell's formula that joins a text, and the text in the first iteration.
Joined = tuple[str, str]


class _MissingError(Exception):
    """A choice that cannot be decided, since a number is not there."""


class _MarkedPrinter(MathTextPrinter):
    """Mathematical writing in which every name is marked, with signs as numbers have them."""

    minus = " - "
    times = " × "
    sign = "-"

    def __init__(self) -> None:
        super().__init__()
        self.choices: list[If] = []

    def binding(self, node: Expr) -> Binding:
        # The side that holds has parentheses where it needs them.
        return Binding.ATOM if isinstance(node, If) else super().binding(node)

    def choice(self, node: If) -> str:
        self.choices.append(node)
        return f"{MARK}?{len(self.choices) - 1}{MARK}"

    def reference(self, node: Ref) -> str:
        return f"{MARK}{'<' if node.lag else ''}{node.name}{MARK}"

    def param(self, node: Param) -> str:
        return f"{MARK}={node.name}{MARK}"

    def word(self, node: Text) -> str:
        return f"'{node.value}'"

    def raised(self, base: str, exponent: Expr) -> str:
        if isinstance(exponent, Num) and exponent.value in range(10):
            return f"{base}{str(int(exponent.value)).translate(RAISED)}"
        return f"{base}^({self.text(exponent)})"

    def number(self, node: Num) -> str:
        return joined(node.value)


@dataclass
class Operands:
    """The numbers that formulas may have put in: those of the rows above.

    rows:   the row of each quantity
    texts:  each number of the first iteration as a formula's text shows it
    values: the exact numbers and words of the first iteration
    """

    sheet: Worksheet
    steps: Sheet
    rows: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    values: dict[str, float | str] = field(default_factory=dict)
    before: set[str] = field(default_factory=set)

    def put(self, name: str, row: int, value: float | str) -> dict[str, float | str]:
        """Write the hidden cells of a result, where it is a number. Returns their values."""
        self.rows[name] = row
        self.values[name] = value
        if isinstance(value, str):
            return {}
        short = rounded(value, DIGITS)
        if math.isinf(short):
            return {}  # there is no larger number to which the largest numbers could be rounded
        self.texts[name] = f"({joined(short)})" if short < 0 else joined(short)
        self._put(NOW, row, f"D{row}")
        return {f"E{row}": short, f"F{row}": self.texts[name]}

    def put_before(self, name: str, looked_up: str) -> dict[str, float | str]:
        """Write the hidden cells of a number of the iteration before; the first has none, and 0."""
        row = self.rows[name]
        self.sheet[f"I{row}"].value = f"=IF($B$3=1,0,{looked_up})"
        self._put(BEFORE, row, f"I{row}")
        self.before.add(name)
        return {f"I{row}": 0.0, f"G{row}": 0.0, f"H{row}": "0"}

    def _put(self, letters: tuple[str, str], row: int, cell: str) -> None:
        number, text = (f"{letter}{row}" for letter in letters)
        digits = f"{DIGITS - 1}-INT(LOG10(ABS({cell})))"
        self.sheet[number].value = f"=IF({cell}=0,0,ROUND({cell},{digits}))"
        self.sheet[text].value = f'=IF({number}<0,"("&{number}&")",{number}&"")'

    def number(self, ref: Ref) -> float:
        """The exact number of the first iteration. Raises CellError where the cell has an error."""
        value = self.values[ref.name]
        if isinstance(value, str):
            raise CellError(ERRORS.index(value) if value in ERRORS else NUMBER)
        return value

    @property
    def parameters(self) -> Mapping[str, float | str]:
        return {p.name: p.value for p in self.steps.layout.program.parameters}

    def cells(self, formula: Expr) -> str:
        """A formula over the results on this sheet."""
        printer = ExcelPrinter(
            lambda ref: Cell(RESULT, self.rows[ref.name]), self._parameter, str, guard=True
        )
        return printer.text(formula)

    def _parameter(self, name: str) -> str:
        return f"{self.steps.name}!{self.steps.layout.absolute_cell(name)}"

    def value(self, formula: Expr) -> float:
        """A formula's value in the first iteration. Raises CellError."""
        return evaluate(formula, self.number, self.parameters, {})

    def with_numbers(self, formula: Expr) -> Joined | None:
        """The formula with numbers: the cell's formula that joins the text, and the text.

        None where a number is not there, and for what would be too long.
        """
        refs = references(formula)
        if any(r.name not in (self.before if r.lag else self.texts) for r in refs):
            return None
        try:
            made = self._chosen(formula)
        except _MissingError:
            return None
        return made if len(made[0]) < MAX_FORMULA else None

    def _chosen(self, formula: Expr, *, is_operand: bool = False) -> Joined:
        """Of a choice, the side that holds in the iteration. Raises _MissingError."""
        if not isinstance(formula, If):
            return self._joined(formula, is_operand=is_operand)
        if any(ref.lag for ref in references(formula.test)):
            raise _MissingError
        sides = (formula.then, formula.otherwise)
        then, otherwise = (self._chosen(side, is_operand=is_operand) for side in sides)
        try:
            holds = self.value(formula.test) != 0
        except CellError as error:
            raise _MissingError from error
        text = then[1] if holds else otherwise[1]
        return f"IF({self.cells(formula.test)},{then[0]},{otherwise[0]})", text

    def _joined(self, formula: Expr, *, is_operand: bool) -> Joined:
        """The text of a formula; as an operand of another in parentheses, unless it is a name or number."""
        printer = _MarkedPrinter()
        marked = printer.text(formula).split(MARK)
        if is_operand and not isinstance(formula, Ref | Param | Num):
            marked[0], marked[-1] = f"({marked[0]}", f"{marked[-1]})"
        parts, value = [], ""
        for index, part in enumerate(marked):
            if index % 2 == 0:
                made = _quoted(part), part
            elif part.startswith("?"):
                made = self._chosen(printer.choices[int(part[1:])], is_operand=True)
            else:
                # In tanh(-0.25) the number stands in parentheses already; alone it needs none.
                beside = (marked[index - 1][-1:], marked[index + 1][:1])
                is_bare = beside in (("(", ")"), ("", "")) and not is_operand
                made = self._operand(part, is_bare=is_bare)
            parts += [made[0]] if made[0] else []
            value += made[1]
        # A single reference would give a number; joined with "" it gives a text.
        return "&".join(parts) if len(parts) > 1 else f'{parts[0]}&""', value

    def _operand(self, mark: str, *, is_bare: bool) -> Joined:
        """What stands for a marked name: a hyper-parameter's cell, or a number's hidden cell."""
        if mark.startswith("="):
            given = self.parameters[mark[1:]]
            text = given if isinstance(given, str) else joined(given)
            return self._parameter(mark[1:]), text
        letters, name = (BEFORE, mark[1:]) if mark.startswith("<") else (NOW, mark)
        text = "0" if letters is BEFORE else self.texts[name]
        cell = f"{letters[0 if is_bare else 1]}{self.rows[name]}"
        return cell, text.strip("()") if is_bare else text


def _quoted(text: str) -> str:
    """A text as parts of a formula, none of them too long."""
    pieces = (text[i : i + LONGEST_TEXT] for i in range(0, len(text), LONGEST_TEXT))
    return "&".join(f'"{piece}"' for piece in pieces)
