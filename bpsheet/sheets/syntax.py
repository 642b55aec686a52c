"""The parser of spreadsheet formulas: from text to a tree, by a spreadsheet's grammar.

In a spreadsheet a minus sign binds tighter than ^, and ^ is read from left to right. References are
kept relative to the formula's own cell, so that a formula that was filled down a column is parsed
once. The tree knows no workbook: names and sheets are looked up when it is evaluated.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from openpyxl.utils.cell import get_column_letter

from bpsheet.errors import FormulaError
from bpsheet.sheets import bindings
from bpsheet.sheets.areas import MAX_COLUMNS, MAX_ROWS, column_number
from bpsheet.sheets.nodes import (
    Binary,
    Braces,
    Call,
    Constant,
    Corner,
    Fault,
    Minus,
    Missing,
    Name,
    Percent,
    Reference,
    Structured,
    Tree,
)

__all__ = ["TOKEN", "moved", "parse"]

MAX_LENGTH = 8_192
MAX_NESTING = 64
MAX_KEPT = 20_000
LAST_CELL = "XFD1048576"

FAULTS = (
    "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA", "#SPILL!",
    "#CALC!",
)  # fmt: skip
CELL = r"\$?[A-Za-z]{1,3}\$?[0-9]{1,7}"
COLUMN, ROW = r"\$?[A-Za-z]{1,3}", r"\$?[0-9]{1,7}"
AFTER = r"(?![\w.(\\?!\[])"
TOKEN = re.compile(
    rf"""(?P<text>"(?:[^"]|"")*")
    |(?P<fault>{"|".join(map(re.escape, FAULTS))})
    |(?P<sheet>'(?:[^']|'')+'!|[^\W\d][\w.]*(?::[^\W\d][\w.]*)?!|\[[^\][]+\][\w.]*!)
    |(?P<range>(?:{CELL}:{CELL}|{COLUMN}:{COLUMN}|{ROW}:{ROW}|{CELL}){AFTER})
    |(?P<call>[^\W\d][\w.]*\()
    |(?P<structured>(?:[^\W\d][\w.]*)?\[(?:[^\[\]]|\[(?:'.|[^\[\]'])*\])*\])
    |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?)
    |(?P<name>[^\W\d][\w.\\?]*|\\[\w.\\?]+)
    |(?P<space>\s+)
    |(?P<sign><=|>=|<>|[-+*/^&=<>%():,;{{}}@\#])""",
    re.VERBOSE,
)
PART = re.compile(r"(\$?)([A-Za-z]{1,3})?(\$?)([0-9]{1,7})?")


class _Token(NamedTuple):
    kind: str
    text: str
    # The corners of a range; top, left, bottom, right.
    corners: tuple[Corner, Corner, Corner, Corner] | None = None


SPILLED = "# stands for all cells that a formula fills, and is not known here; name the cells"
_parsed: dict[tuple[_Token, ...], Tree] = {}


def parse(text: str, row: int = 1, column: int = 1) -> Tree:
    """The tree of a formula in the cell of a row and column. The `=` may be missing.

    Raises FormulaError for a text that is not a formula.

    >>> parse("=-A1^2")  # doctest: +ELLIPSIS
    Binary(sign='^', left=Minus(operand=Reference(sheet=None, ...)), right=Constant(value=2.0))
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"more than {MAX_LENGTH:,} characters")
    tokens = tuple(_tokens(text.removeprefix("="), row, column))
    tree = _parsed.get(tokens)
    if tree is None:
        if len(_parsed) > MAX_KEPT:
            _parsed.clear()
        tree = _parsed[tokens] = _Parser(tokens).whole()
    return tree


def _tokens(text: str, row: int, column: int) -> list[_Token]:
    tokens = []
    index = 0
    while index < len(text):
        match = TOKEN.match(text, index)
        if match is None:
            if text[index] in "\"'[]":
                raise FormulaError("a quote, a bracket or a parenthesis has no partner")
            raise FormulaError(f"{text[index : index + 20]!r} cannot stand there")
        kind, found, index = str(match.lastgroup), match[0], match.end()
        if kind == "range":
            tokens.append(_Token("range", "", _corners(found, row, column)))
        else:
            tokens.append(_Token(kind, found))
    return tokens


def _corners(text: str, row: int, column: int) -> tuple[Corner, Corner, Corner, Corner]:
    first, _, second = text.partition(":")
    corners = [_corner(part, row, column, text) for part in (first, second or first)]
    (top, left), (bottom, right) = corners
    if top is None or bottom is None:
        top, bottom = Corner(1, is_fixed=True), Corner(MAX_ROWS, is_fixed=True)
    if left is None or right is None:
        left, right = Corner(1, is_fixed=True), Corner(MAX_COLUMNS, is_fixed=True)
    return top, left, bottom, right


def _corner(part: str, row: int, column: int, text: str) -> tuple[Corner | None, Corner | None]:
    match = PART.fullmatch(part)
    assert match is not None
    dollar, letters, second, digits = match.groups()
    if letters is None:
        dollar, second = "", dollar or second
    across = down = None
    if letters is not None:
        number = column_number(letters)
        if number > MAX_COLUMNS:
            raise FormulaError(f"{text} lies beyond the last cell of a sheet, {LAST_CELL}")
        across = (
            Corner(number, is_fixed=True) if dollar else Corner(number - column, is_fixed=False)
        )
    if digits is not None:
        number = int(digits)
        if number > MAX_ROWS:
            raise FormulaError(f"{text} lies beyond the last cell of a sheet, {LAST_CELL}")
        if number < 1:
            raise FormulaError(f"{text} is no plain range")
        down = Corner(number, is_fixed=True) if second else Corner(number - row, is_fixed=False)
    return down, across


def moved(text: str, down: int, right: int) -> str:
    """A formula as it reads when it is filled into another cell.

    >>> moved("$F$1*A2+F$2", 3, 1)
    '$F$1*B5+G$2'
    """

    def shifted(match: re.Match[str]) -> str:
        if match.lastgroup != "range":
            return match[0]
        return ":".join(_shifted(part, down, right) for part in match[0].split(":"))

    return TOKEN.sub(shifted, text)


def _shifted(part: str, down: int, right: int) -> str:
    match = PART.fullmatch(part)
    assert match is not None
    dollar, letters, second, digits = match.groups()
    if letters is None:
        dollar, second = "", dollar or second
    if letters is not None and not dollar:
        letters = get_column_letter((column_number(letters) + right - 1) % MAX_COLUMNS + 1)
    if digits is not None and not second:
        digits = str((int(digits) + down - 1) % MAX_ROWS + 1)
    return f"{dollar}{letters or ''}{second}{digits or ''}"


LEVELS = (("=", "<>", "<", "<=", ">", ">="), ("&",), ("+", "-"), ("*", "/"), ("^",))


class _Parser:
    def __init__(self, tokens: tuple[_Token, ...]) -> None:
        self.tokens = tokens
        self.index = 0
        self.depth = 0

    def _skip(self) -> None:
        while self.index < len(self.tokens) and self.tokens[self.index].kind == "space":
            self.index += 1

    def _sign(self, *signs: str) -> str | None:
        self._skip()
        if self.index < len(self.tokens):
            token = self.tokens[self.index]
            if token.kind == "sign" and token.text in signs:
                self.index += 1
                return token.text
        return None

    def whole(self) -> Tree:
        tree = self.expression()
        if self._sign(","):
            tree = Binary(",", tree, self.whole())
        self._skip()
        if self.index < len(self.tokens):
            token = self.tokens[self.index]
            if token.text == ")":
                raise FormulaError("a quote, a bracket or a parenthesis has no partner")
            raise FormulaError(f"{token.text or 'a reference'!r} cannot stand there")
        return tree

    def expression(self, level: int = 0) -> Tree:
        if level == 0:
            self.depth += 1
            if self.depth > MAX_NESTING:
                raise FormulaError(f"nested more than {MAX_NESTING} levels deep")
        if level == len(LEVELS):
            return self.signed()
        left = self.expression(level + 1)
        while sign := self._sign(*LEVELS[level]):
            left = Binary(sign, left, self.expression(level + 1))
        if level == 0:
            self.depth -= 1
        return left

    def signed(self) -> Tree:
        minuses = 0
        while sign := self._sign("+", "-", "@"):
            minuses += sign == "-"
        tree = self.joined()
        percents = 0
        while self._sign("%"):
            percents += 1
        if percents:
            tree = Percent(tree, percents)
        # Two minus signs make a number of a truth.
        for _ in range(2 - minuses % 2 if minuses else 0):
            tree = Minus(tree)
        return tree

    def joined(self) -> Tree:
        """References joined by a colon, or by a space for what they share."""
        left = self.atom()
        while True:
            if self._sign("#"):
                raise FormulaError(SPILLED)
            if isinstance(left, Call) and self._sign("("):
                left = self._applied(left)
            if self._sign(":"):
                left = Binary(":", left, self.atom())
            elif self._shares():
                left = Binary(" ", left, self.atom())
            else:
                return left

    def _shares(self) -> bool:
        here = self.index
        if here and self.tokens[here - 1].kind == "space":
            here -= 1
        is_space = here < len(self.tokens) and self.tokens[here].kind == "space"
        after = self.tokens[here + 1].kind if is_space and here + 1 < len(self.tokens) else ""
        if after in ("range", "sheet", "name"):
            self.index = here + 1
            return True
        return False

    def atom(self) -> Tree:
        self._skip()
        if self.index == len(self.tokens):
            raise FormulaError("it ends where a value is expected")
        token = self.tokens[self.index]
        self.index += 1
        match token.kind:
            case "range":
                assert token.corners is not None
                return Reference(None, *token.corners)
            case "number":
                return Constant(float(token.text))
            case "text":
                return Constant(token.text[1:-1].replace('""', '"'))
            case "fault":
                return Constant(Fault(token.text))
            case "call":
                return self.call(token.text[:-1].upper())
            case "name":
                upper = token.text.upper()
                return (
                    Constant(upper == "TRUE")
                    if upper in ("TRUE", "FALSE")
                    else Name(None, token.text)
                )
            case "structured":
                return Structured(token.text)
            case "sheet":
                return self.on_sheet(token.text[:-1])
        if token.text == "(":
            inner = self.expression()
            while self._sign(","):
                inner = Binary(",", inner, self.expression())
            self._closes()
            return inner
        if token.text == "{":
            return self.braces()
        raise FormulaError(f"{token.text!r} cannot stand there")

    def on_sheet(self, sheet: str) -> Tree:
        if sheet.startswith("'"):
            sheet = sheet[1:-1].replace("''", "'")
        if self.index < len(self.tokens):
            token = self.tokens[self.index]
            self.index += 1
            if token.corners is not None:
                return Reference(sheet, *token.corners)
            if token.kind == "name":
                return Name(sheet, token.text)
            if token.kind == "fault":
                return Constant(Fault(token.text))
        raise FormulaError(f"a cell is expected after {sheet}!")

    def call(self, name: str) -> Tree:
        arguments = self.arguments()
        for prefix in ("_XLFN.", "_XLWS.", "_XLUDF.", "COM.MICROSOFT."):
            name = name.removeprefix(prefix)
        if name == "LET":
            return bindings.let(arguments)
        return Call(name, arguments)

    def _applied(self, function: Call) -> Tree:
        if function.name != "LAMBDA":
            raise FormulaError(f"a function that {function.name} gives is not known here")
        return bindings.applied(function, self.arguments())

    def arguments(self) -> tuple[Tree, ...]:
        found: list[Tree] = []
        if not self._sign(")"):
            found.append(self.argument())
            while self._sign(",", ";"):
                found.append(self.argument())
            self._closes()
        return tuple(found)

    def argument(self) -> Tree:
        self._skip()
        if self.index < len(self.tokens) and self.tokens[self.index].text in (",", ")", ";"):
            return Missing()
        return self.expression()

    def _closes(self) -> None:
        if not self._sign(")"):
            raise FormulaError("a closing parenthesis is missing")

    def braces(self) -> Tree:
        rows: list[list[Tree]] = [[]]
        while True:
            rows[-1].append(self.signed())
            if self._sign("}"):
                break
            if self._sign(";"):
                rows.append([])
            elif not self._sign(","):
                raise FormulaError("a quote, a bracket or a parenthesis has no partner")
        if len({len(row) for row in rows}) > 1:
            raise FormulaError("the rows of an array in braces differ in length")
        return Braces(tuple(map(tuple, rows)))
