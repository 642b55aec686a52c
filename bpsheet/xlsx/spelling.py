"""Whether two formulas say the same, however a program has spelled them.

Programs save a formula with other spaces, parentheses, signs and names of functions than it came in.
So a formula is cut into a tree of tuples, in which the spelling plays no part. A reference is named
by what stands in the cell, so that inserted columns and renamed sheets make no difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token, TokenizerError
from openpyxl.formula.translate import Translator, TranslatorError
from openpyxl.utils.cell import column_index_from_string, get_column_letter

from bpsheet.xlsx.contents import Formula

__all__ = ["Lines", "Name", "Tree", "references_of", "resolved", "same", "text_at"]

# A number, a text, or a tuple: the name of an operation or function, and its parts.
Tree = object
# The name of a cell, by its sheet ("" for the formula's own), its row and its column.
Name = Callable[[str, int, int], object]

CELL = re.compile(r"(\$?)([A-Za-z]{1,3})(\$?)([0-9]{1,7})")
# The corners of a block, each perhaps with its sheet.
CORNERS = re.compile(r"(?:(?:'(?:[^']|'')*'|[^'!:]+)!)?[^'!:]+")
# What other programs put before the name of a function.
PREFIXES = re.compile(r"^(?:_XLFN\.|_XLWS\.|_XLUDF\.|COM\.MICROSOFT\.|ORG\.[A-Z]+\.)+")
# Binary operators, from the loosest to the tightest.
LEVELS = (("=", "<>", "<", "<=", ">", ">="), ("&",), ("+", "-"), ("*", "/"), ("^",))
# Numbers in formulas are saved with 15 digits.
CLOSE = 1e-13
# Formulas nested deeper are not read. Excel takes 64 levels.
DEEPEST = 64


class _Cell(NamedTuple):
    """A reference to a cell, as written."""

    sheet: str
    row: int
    column: int
    row_fixed: bool
    column_fixed: bool


class _Range(NamedTuple):
    """A reference to a block, by two of its corners."""

    first: _Cell
    last: _Cell


class _UnreadableError(Exception):
    """A text is no formula that this module reads."""


@lru_cache(maxsize=4096)
def _tree(text: str) -> Tree:
    """The tree of a formula's text; the text itself, as a tree, where it cannot be read."""
    try:
        tokens = [t for t in Tokenizer(f"={text}").items if t.type != Token.WSPACE]
        return _Parser(tokens).whole()
    except (IndexError, TokenizerError, ValueError, _UnreadableError):
        return ("unreadable", text)


@dataclass
class _Parser:
    tokens: list[Token]
    index: int = 0
    depth: int = 0

    @property
    def token(self) -> Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def whole(self) -> Tree:
        tree = self.level(0)
        if self.token is not None:
            raise _UnreadableError
        return tree

    def level(self, number: int) -> Tree:
        """Operations of one level or of a tighter one. All of them are read from the left.

        A chain of operations is one tuple, since it may be as long as a formula.
        """
        if number == len(LEVELS):
            return self.signed()
        first = self.level(number + 1)
        chain: list[Tree] = []
        while (
            (token := self.token) is not None
            and token.type == Token.OP_IN
            and token.value in LEVELS[number]
        ):
            self.index += 1
            chain += [token.value, self.level(number + 1)]
        if not chain:
            return first
        name = f"level {number}"
        # Parentheses around the beginning of a chain change nothing.
        begin = first if isinstance(first, tuple) and first[:1] == (name,) else (name, first)
        return (*begin, *chain)

    def signed(self) -> Tree:
        negative = False
        while (token := self.token) is not None and token.type == Token.OP_PRE:
            self.index += 1
            negative ^= token.value == "-"
        tree = self.atom()
        while (token := self.token) is not None and token.type == Token.OP_POST:
            self.index += 1
            tree = tree / 100 if isinstance(tree, float) else ("%", tree)
        if not negative:
            return tree
        return -tree if isinstance(tree, float) else ("neg", tree)

    def atom(self) -> Tree:
        token = self.token
        if token is None:
            raise _UnreadableError
        self.index += 1
        self.depth += 1
        if self.depth > DEEPEST:
            raise _UnreadableError
        try:
            return self._atom(token)
        finally:
            self.depth -= 1

    def _atom(self, token: Token) -> Tree:
        if token.type == Token.PAREN and token.subtype == Token.OPEN:
            tree = self.level(0)
            self._closes()
            return tree
        if token.type == Token.FUNC and token.subtype == Token.OPEN:
            return self._call(PREFIXES.sub("", token.value[:-1].strip().upper()))
        if token.type != Token.OPERAND:
            raise _UnreadableError
        if token.subtype == Token.NUMBER:
            return float(token.value)
        if token.subtype == Token.LOGICAL:
            return (token.value.upper(),)
        if token.subtype == Token.RANGE:
            return _reference(token.value)
        return (token.subtype, token.value)

    def _call(self, name: str) -> Tree:
        parts: list[Tree] = []
        while (token := self.token) is not None and token.subtype != Token.CLOSE:
            if token.type == Token.SEP:
                self.index += 1
                if self.token is not None and self.token.subtype == Token.CLOSE:
                    break  # an empty last argument
            else:
                parts.append(self.level(0))
        self._closes()
        return (name, *parts)

    def _closes(self) -> None:
        token = self.token
        if token is None or token.subtype != Token.CLOSE:
            raise _UnreadableError
        self.index += 1


def _reference(text: str) -> Tree:
    """A cell or a block. A block of a single cell is that cell, as some programs save it."""
    sheet, corners = "", []
    # A program may repeat the sheet: Data!B2:Data!B9.
    for part in CORNERS.findall(text):
        before, _, cell = part.rpartition("!")
        before = before.strip("$")
        sheet = sheet or (before[1:-1].replace("''", "'") if before[:1] == "'" else before)
        match = CELL.fullmatch(cell)
        if match is None:
            return ("text", text.upper())
        column = column_index_from_string(match[2].upper())
        corners.append(_Cell(sheet, int(match[4]), column, bool(match[3]), bool(match[1])))
    if len(corners) == 1 or (len(corners) == 2 and corners[0][:3] == corners[1][:3]):
        return corners[0]
    return _Range(*corners) if len(corners) == 2 else ("text", text.upper())


def _at(cell: _Cell, formula: Formula, row: int, column: int) -> tuple[str, int, int]:
    """The cell that a reference means in the cell of `row` and `column`."""
    down = 0 if cell.row_fixed else row - formula.row
    across = 0 if cell.column_fixed else column - formula.column
    return cell.sheet, cell.row + down, cell.column + across


def resolved(formula: Formula, row: int, column: int, name: Name) -> Tree:
    """The tree of a formula in a cell, with the name of each cell in the place of its reference."""

    def one(tree: Tree) -> Tree:
        if isinstance(tree, _Cell):
            return ("cell", name(*_at(tree, formula, row, column)))
        if isinstance(tree, _Range):
            first, last = (_at(cell, formula, row, column) for cell in tree)
            begin, end = name(*first), name(*last)
            if begin == end:
                return ("cell", begin)
            # Rows inserted within a block are no change of the formula; a wider block is one.
            return ("range", begin, end, last[2] - first[2])
        if isinstance(tree, tuple):
            return tuple(one(part) for part in tree)
        return tree

    return one(_tree(formula.text))


def same(one: Tree, other: Tree) -> bool:
    """Whether two resolved trees are the same, but for the last digits of numbers."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= CLOSE * abs(one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def references_of(formula: Formula, row: int, column: int) -> list[tuple[str, int, int]]:
    """The cells that a formula refers to in a cell: their sheets ("" for its own), rows, columns."""
    found: list[tuple[str, int, int]] = []
    waiting = [_tree(formula.text)]
    while waiting:
        tree = waiting.pop()
        if isinstance(tree, _Cell):
            found.append(_at(tree, formula, row, column))
        elif isinstance(tree, tuple):
            waiting.extend(tree)
    return found


def text_at(formula: Formula, row: int, column: int) -> str:
    """A formula as the cell of `row` and `column` shows it, with its equals sign."""
    if (formula.row, formula.column) == (row, column):
        return f"={formula.text}"
    origin = f"{get_column_letter(formula.column)}{formula.row}"
    target = f"{get_column_letter(column)}{row}"
    try:
        return str(Translator(f"={formula.text}", origin).translate_formula(target))
    except (TokenizerError, TranslatorError, ValueError):
        return f"={formula.text}"


# References, for the quick comparison of a formula with that of the cell above it.
MOVING = re.compile(r"(?<![A-Za-z0-9_.$])(\$?[A-Z]{1,3})([0-9]{1,7})(?![0-9A-Za-z_(.])")


class Lines:
    """Tells, down a column, whether a formula is that of the cell above it, moved down.

    Most cells are told by their text alone: only the row numbers grow. So the column need not be
    read cell by cell.
    """

    def __init__(self) -> None:
        self._formula: Formula | None = None
        self._template = ""
        self._offsets: tuple[int, ...] = ()

    def continues(self, formula: Formula | None, row: int) -> bool:
        """Whether the cell of this row says, moved, what the cell before it in the column said."""
        before, self._formula = self._formula, formula
        if formula is None:
            self._template = ""
            return before is None
        if formula is before:
            return True
        if (
            formula.row == row
            and self._template
            and formula.text == self._template.format(*(row + o for o in self._offsets))
        ):
            return True
        self._learn(formula, row)
        return False

    def _learn(self, formula: Formula, row: int) -> None:
        if formula.row != row:
            self._template = ""
            return
        text = formula.text.replace("{", "{{").replace("}", "}}")
        self._offsets = tuple(int(number) - row for _, number in MOVING.findall(formula.text))
        self._template = MOVING.sub(r"\1{}", text)
