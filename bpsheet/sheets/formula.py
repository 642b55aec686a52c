"""The parser of spreadsheet formulas: from text to formula trees, by a spreadsheet's rules.

openpyxl cuts the text into tokens; the grammar is here. In a spreadsheet a minus sign binds tighter
than ^, and ^ is read from left to right. A range is a block of cells. In an array formula, and inside
functions such as SUMPRODUCT, arithmetic on blocks goes cell by cell. Elsewhere a spreadsheet takes one
cell of the range, that of the formula's own row or column, which is hardly what the author meant:
such a formula is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain

from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token, TokenizerError

from bpsheet.errors import FormulaError
from bpsheet.formula.functions import FUNCTIONS as TABLE
from bpsheet.formula.tree import (
    ZERO,
    Call,
    Compare,
    Div,
    Expr,
    If,
    Mul,
    Neg,
    Num,
    Pow,
    Sub,
    Sum,
    total,
)

__all__ = ["FUNCTIONS", "Area", "read_formula", "tokens_of"]

MAX_LENGTH = 8_192
MAX_NESTING = 64
MAX_CELLS = 20_000
# The most factors of the sums of a product of matrices.
MAX_FACTORS = 200_000

# A single value is a block of one row and one column.
Area = list[list[Expr]]
# Gives the cells of a reference in the text; with True only the cells that are numbers.
Resolve = Callable[[str, bool], Area]

# The functions of one number that spreadsheets have under the same name.
ONE_TO_ONE = {
    name.upper(): name
    for name, function in TABLE.items()
    if function.arguments == (1, 1) and not function.spelled
}
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
# Functions that ignore texts and empty cells in their ranges.
NUMBERS_ONLY = frozenset({"SUM", "SUMSQ", "AVERAGE", "MAX", "MIN", "PRODUCT"})
# Functions inside which arithmetic goes cell by cell, in any cell.
CELL_BY_CELL = frozenset({"MMULT", "SUMPRODUCT", "SUMXMY2", "TRANSPOSE"})


def read_formula(text: str, resolve: Resolve, *, is_array: bool = False) -> Area:
    """The tree of each cell of a formula's result; `resolve` gives the cells of a reference.

    `is_array` tells whether the formula was entered as an array formula.
    Raises FormulaError for a text that is not a formula, and for functions that are not known.

    >>> from bpsheet.formula.tree import Ref
    >>> read_formula("=-A1^2", lambda text, numbers: [[Ref(text)]])
    [[Pow(base=Neg(operand=Ref(name='A1', lag=0)), exponent=Num(value=2.0))]]
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"more than {MAX_LENGTH:,} characters")
    tokens = [t for t in tokens_of(text) if t.type != Token.WSPACE]
    return _Parser(tokens, resolve, cell_by_cell=is_array).whole()


def tokens_of(text: str) -> list[Token]:
    """A formula cut into tokens. Raises FormulaError for unpaired quotes and brackets."""
    try:
        tokens: list[Token] = Tokenizer(text).items
    except (IndexError, TokenizerError):
        raise FormulaError("a quote, a bracket or a parenthesis has no partner") from None
    return tokens


@dataclass
class _Parser:
    tokens: list[Token]
    resolve: Resolve
    index: int = 0
    depth: int = 0
    cell_by_cell: bool = False

    @property
    def token(self) -> Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def _operator(self, kind: str, *signs: str) -> str | None:
        token = self.token
        if token is not None and token.type == kind and token.value in signs:
            self.index += 1
            return str(token.value)
        return None

    def _closes(self) -> None:
        token = self.token
        if token is None or token.subtype != Token.CLOSE:
            raise FormulaError("a closing parenthesis is missing")
        self.index += 1

    def whole(self) -> Area:
        result = self.comparison()
        if self.token is not None:
            raise FormulaError(f"{self.token.value!r} cannot stand there")
        return result

    def comparison(self) -> Area:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise FormulaError(f"nested more than {MAX_NESTING} levels deep")
        left = self.sum()
        while sign := self._operator(Token.OP_IN, *COMPARISONS):
            left = self.joined(partial(Compare, sign), left, self.sum())
        self.depth -= 1
        return left

    def sum(self) -> Area:
        left = self.product()
        while sign := self._operator(Token.OP_IN, "+", "-"):
            left = self.joined(_added if sign == "+" else Sub, left, self.product())
        return left

    def product(self) -> Area:
        left = self.power()
        while sign := self._operator(Token.OP_IN, "*", "/"):
            left = self.joined(Mul if sign == "*" else Div, left, self.power())
        return left

    def power(self) -> Area:
        left = self.signed()
        while self._operator(Token.OP_IN, "^"):
            left = self.joined(Pow, left, self.signed())
        return left

    def joined(self, function: Callable[[Expr, Expr], Expr], left: Area, right: Area) -> Area:
        self._allow(left, right)
        return _cellwise(function, left, right)

    def _allow(self, *blocks: Area) -> None:
        """Refuse arithmetic with ranges where it would not go cell by cell."""
        if not self.cell_by_cell and any(len(b) > 1 or len(b[0]) > 1 for b in blocks):
            raise FormulaError(
                "a range stands where a single value is expected; enter it as an array formula "
                "(Ctrl-Shift-Enter) or use SUMPRODUCT"
            )

    def signed(self) -> Area:
        signs = 0
        while sign := self._operator(Token.OP_PRE, "+", "-"):
            signs += sign == "-"
        value = self.atom()
        while self._operator(Token.OP_POST, "%"):
            self._allow(value)
            value = _each(lambda a: Div(a, Num(100.0)), value)
        if signs % 2:
            self._allow(value)
            return _each(Neg, value)
        return value

    def atom(self) -> Area:
        token = self.token
        if token is None:
            raise FormulaError("it ends where a value is expected")
        self.index += 1
        if token.type == Token.PAREN and token.subtype == Token.OPEN:
            inner = self.comparison()
            self._closes()
            return inner
        if token.type == Token.FUNC and token.subtype == Token.OPEN:
            return self.call(str(token.value)[:-1].upper())
        if token.type == Token.OPERAND:
            if token.subtype == Token.NUMBER:
                return [[Num(float(token.value))]]
            if token.subtype == Token.LOGICAL:
                return [[Num(float(str(token.value).upper() == "TRUE"))]]
            if token.subtype == Token.RANGE:
                return self.resolve(str(token.value), False)
        raise FormulaError(f"{token.value!r} cannot be differentiated")

    def call(self, name: str) -> Area:
        name = name.removeprefix("_XLFN.")
        make = FUNCTIONS.get(name)
        if make is None:
            known = ", ".join(sorted(FUNCTIONS))
            raise FormulaError(f"the function {name} is not known here; known are {known}")
        outside, self.cell_by_cell = self.cell_by_cell, self.cell_by_cell or name in CELL_BY_CELL
        arguments: list[Area] = []
        if not (self.token is not None and self.token.subtype == Token.CLOSE):
            arguments.append(self.argument(name))
            while self.token is not None and self.token.type == Token.SEP:
                self.index += 1
                arguments.append(self.argument(name))
        self._closes()
        self.cell_by_cell = outside
        if name not in NUMBERS_ONLY | CELL_BY_CELL:
            self._allow(*arguments)
        wrong = f"{name} cannot take {len(arguments)} arguments"
        if bool(arguments) == (name == "PI"):
            raise FormulaError(wrong)
        try:
            return make(arguments)
        except (IndexError, TypeError, ValueError):
            raise FormulaError(wrong) from None

    def argument(self, function: str) -> Area:
        """An argument. SUM and its like leave out texts and empty cells of a range, but only of a
        range that stands alone: in `SUM(A1:A9*B1:B9)` each cell keeps its partner.
        """
        start = self.index
        while self.token is not None and self.token.type == Token.PAREN:
            self.index += 1
        token, inside = self.token, self.index - start
        closing = self.tokens[self.index + 1 : self.index + 1 + inside]
        after = self.tokens[self.index + 1 + inside : self.index + 2 + inside]
        is_alone = (
            token is not None
            and token.subtype == Token.RANGE
            and all(t.type == Token.PAREN and t.subtype == Token.CLOSE for t in closing)
            and bool(after)
            and (after[0].type == Token.SEP or after[0].subtype == Token.CLOSE)
        )
        if function in NUMBERS_ONLY and is_alone and token is not None:
            self.index += 1 + inside
            return self.resolve(str(token.value), True)
        self.index = start
        return self.comparison()


def _added(left: Expr, right: Expr) -> Expr:
    terms = left.terms if isinstance(left, Sum) else (left,)
    return Sum((*terms, right))


def _each(function: Callable[[Expr], Expr], block: Area) -> Area:
    return [[function(cell) for cell in row] for row in block]


def _cellwise(function: Callable[[Expr, Expr], Expr], left: Area, right: Area) -> Area:
    """An operation on two blocks, cell by cell. A single row, column or value is repeated."""
    rows, columns = max(len(left), len(right)), max(len(left[0]), len(right[0]))
    if rows * columns > MAX_CELLS:
        raise FormulaError(f"more than {MAX_CELLS:,} cells")
    for block in (left, right):
        if len(block) not in (1, rows) or len(block[0]) not in (1, columns):
            raise FormulaError("ranges of the same shape expected")
    return [
        [
            function(
                left[row % len(left)][column % len(left[0])],
                right[row % len(right)][column % len(right[0])],
            )
            for column in range(columns)
        ]
        for row in range(rows)
    ]


def _flat(blocks: list[Area]) -> list[Expr]:
    cells = [cell for block in blocks for cell in chain.from_iterable(block)]
    if len(cells) > MAX_CELLS:
        raise FormulaError(f"more than {MAX_CELLS:,} cells")
    return cells


def _one(block: Area) -> Expr:
    if len(block) != 1 or len(block[0]) != 1:
        raise FormulaError("a single value expected; got a range")
    return block[0][0]


def _single(value: Expr) -> Area:
    return [[value]]


def _square(value: Expr) -> Expr:
    return Pow(value, Num(2.0))


def _products(blocks: list[Area]) -> Area:
    whole = blocks[0]
    for block in blocks[1:]:
        if (len(block), len(block[0])) != (len(whole), len(whole[0])):
            raise FormulaError("SUMPRODUCT needs ranges of the same shape")
        whole = _cellwise(Mul, whole, block)
    return _single(total(_flat([whole])))


def _extreme(name: str) -> Callable[[list[Area]], Area]:
    def make(blocks: list[Area]) -> Area:
        cells = _flat(blocks)
        # A tree of pairs keeps the derivative with respect to one cell short.
        while len(cells) > 1:
            pairs = [
                Call(name, tuple(cells[i : i + 2])) if i + 1 < len(cells) else cells[i]
                for i in range(0, len(cells), 2)
            ]
            cells = list(pairs)
        return _single(cells[0] if cells else ZERO)

    return make


def _average(blocks: list[Area]) -> Area:
    cells = _flat(blocks)
    if not cells:
        raise FormulaError("an average of no numbers")
    return _single(Div(total(cells), Num(float(len(cells)))))


def _matrix_product(blocks: list[Area]) -> Area:
    left, right = blocks
    if len(left[0]) != len(right):
        raise FormulaError("MMULT needs as many columns on the left as rows on the right")
    if len(left) * len(right) * len(right[0]) > MAX_FACTORS:
        raise FormulaError(f"MMULT of matrices with more than {MAX_FACTORS:,} products of cells")
    columns = list(zip(*right, strict=True))
    return [
        [total([Mul(a, b) for a, b in zip(row, column, strict=True)]) for column in columns]
        for row in left
    ]


def _if(blocks: list[Area]) -> Area:
    test, then, *rest = blocks
    condition = _one(test)
    if not isinstance(condition, Compare):
        condition = Compare("<>", condition, Num(0.0))
    return _single(If(condition, _one(then), _one(rest[0]) if rest else Num(0.0)))


def _log10(blocks: list[Area]) -> Area:
    return _each(lambda a: Div(Call("ln", (a,)), Call("ln", (Num(10.0),))), blocks[0])


def _log(blocks: list[Area]) -> Area:
    if len(blocks) == 1:
        return _log10(blocks)
    base = _one(blocks[1])
    return _each(lambda a: Div(Call("ln", (a,)), Call("ln", (base,))), blocks[0])


def _applied(name: str) -> Callable[[list[Area]], Area]:
    def make(blocks: list[Area]) -> Area:
        if len(blocks) != 1:
            raise TypeError
        return _each(lambda a: Call(name, (a,)), blocks[0])

    return make


def _differences(blocks: list[Area]) -> Area:
    left, right = blocks
    return _single(total(_flat([_each(_square, _cellwise(Sub, left, right))])))


def _product(blocks: list[Area]) -> Area:
    first, *rest = _flat(blocks) or [ZERO]
    for cell in rest:
        first = Mul(first, cell)
    return _single(first)


FUNCTIONS: Mapping[str, Callable[[list[Area]], Area]] = {
    **{name: _applied(ours) for name, ours in ONE_TO_ONE.items()},
    "AVERAGE": _average,
    "IF": _if,
    "LOG": _log,
    "LOG10": _log10,
    "MAX": _extreme("max"),
    "MIN": _extreme("min"),
    "MMULT": _matrix_product,
    "PI": lambda _: _single(Call("pi", ())),
    "POWER": lambda blocks: _cellwise(Pow, *blocks),
    "PRODUCT": _product,
    "SUM": lambda blocks: _single(total(_flat(blocks))),
    "SUMPRODUCT": _products,
    "SUMSQ": lambda blocks: _single(total([_square(cell) for cell in _flat(blocks)])),
    "SUMXMY2": _differences,
    "TRANSPOSE": lambda blocks: [list(row) for row in zip(*blocks[0], strict=True)],
}
