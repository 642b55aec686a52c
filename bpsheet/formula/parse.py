"""The parser: from text to a formula tree. Text is never run as Python.

The grammar is school arithmetic: numbers, names, ``+ - * / ^``, parentheses, known
functions, ``if(a > b, then, otherwise)``, and sums over ranges of numbered names:
``sum(w1:w3*x1:x3)`` is w1*x1 + w2*x2 + w3*x3. ``^`` binds tighter than a minus sign
before it (``-z^2`` is −(z²)), and ``2^3^2`` is 2^(3²), as in mathematics.

>>> parse_formula("2*z", names={"z"})
Mul(left=Num(value=2.0), right=Ref(name='z', lag=0))
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from bpsheet.elsewhere import ours, spelled_like
from bpsheet.errors import FormulaError, ProgramError
from bpsheet.formula.arrays import (
    Shape,
    as_column,
    largest,
    largest_across,
    product,
    row_of,
    shape_of,
    step_name,
    sum_of,
    sums_across,
    transposed,
)
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.tree import (
    ONE,
    ZERO,
    Call,
    Compare,
    Div,
    Expr,
    If,
    Mul,
    Neg,
    Num,
    Operation,
    Pow,
    Ref,
    Sub,
    Sum,
    depth,
    size,
    total,
)
from bpsheet.words import clean, either

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_NESTING",
    "NAME",
    "WORDS",
    "Arrays",
    "Own",
    "OwnFunctions",
    "is_name",
    "parse_formula",
]

MAX_LENGTH = 2_000
MAX_TERMS = 500
MAX_NESTING = 40
MAX_DEPTH = 100
# The calls of users' own functions in a text stand for so many nodes at the most, their arguments
# counted too.
MAX_NODES = 4_000
SHORTER = "make two formulas of it, the second with the name of the first in it"


def _windows(kind: str) -> Callable[..., Expr]:
    """Windows of a size, which are as far apart as they are long unless a stride is given."""
    return lambda array, size, *stride: Operation(kind, (array, size, *(stride or (size,))))


def _convolution(array: Expr, kernel: Expr, *more: Expr) -> Expr:
    defaults: tuple[Expr, ...] = (ONE, ZERO, ONE)
    return Operation("convolved", (array, kernel, *more, *defaults[len(more) :]))


class Word(NamedTuple):
    """A word for an operation on arrays: what it makes of its arguments.

    least, most: how many arguments it takes
    arrays:      how many of them are formulas; the others are whole numbers. All, where it is 0
    """

    make: Callable[..., Expr]
    least: int = 1
    most: int = 1
    arrays: int = 0


# The words for operations on arrays, by their names in formulas.
OPERATIONS_BY_WORD: Mapping[str, Word] = {
    "rows": Word(lambda *rows: Operation("rows", rows), most=1_000),
    "flat": Word(lambda *arrays: Operation("flat", arrays), most=1_000),
    "column": Word(as_column),
    "sum_down": Word(lambda matrix: Operation("sum down", (matrix,))),
    "sum_across": Word(sums_across),
    "one_hot": Word(lambda x, count: Operation("one hot", (x, count)), 2, 2, arrays=1),
    "causal": Word(lambda square: Operation("causal", (square, Num(BEFORE_NOTHING)))),
    "conv": Word(_convolution, 2, 5, arrays=2),
    "max_pool": Word(_windows("window largest"), 2, 3, arrays=1),
    "sum_pool": Word(_windows("window sums"), 2, 3, arrays=1),
}
# What stands for the score of what comes later: e to its power is 0.
BEFORE_NOTHING = -1e9
# The words of the language besides the functions.
WORDS = ("if", "sum", "mean", "softmax", "mean_down", "mean_across", "last", *OPERATIONS_BY_WORD)

# A name that a formula can refer to.
NAME = r"[^\W\d]\w{0,99}'?"
NUMBERED = re.compile(r"(.*?)([0-9]{1,4})")
TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?)"
    rf"|(?P<name>{NAME})"
    r"|(?P<operator><=|>=|<>|\.T\b|[-+*/^(),<>=:@\[\]])"
)


def is_name(text: str) -> bool:
    """Whether a formula can refer to a column of that name."""
    return re.fullmatch(NAME, text) is not None


class Token(NamedTuple):
    kind: str
    text: str
    position: int


class Arrays(NamedTuple):
    """What a formula of arrays knows besides names.

    shapes:  the shapes of those names that are vectors and matrices
    indices: the values of names in square brackets, such as t in `x[t - 1]`
    last:    makes the value in the row before, from a quantity's name and its first value
    hoist:   makes a quantity of its own of a part of the formula, and gives the reference to it
    """

    shapes: Mapping[str, Shape] = {}
    indices: Mapping[str, int] = {}
    hoist: Callable[[str, Expr], Ref] | None = None
    last: Callable[[str, Expr], Expr] | None = None


class Own(NamedTuple):
    """A function that the user defines: `swish`, with the text `z -> z*logistic(z)`.

    start: where its formula begins in the text
    above: the functions that it may call; None for itself and for those below it
    """

    name: str
    arguments: tuple[str, ...]
    text: str
    start: int
    above: OwnFunctions


# None is a function that is there, but cannot be called here.
OwnFunctions = Mapping[str, Own | None]


def parse_formula(
    text: str,
    names: Collection[str],
    start: int = 0,
    arrays: Arrays | None = None,
    own: OwnFunctions | None = None,
) -> Expr:
    """The tree of a formula. It may refer to `names` only, and it begins at index `start`.

    In a formula of `arrays`, `W @ x` is a product of matrices, `K.T` a transposed matrix, and `x[2]` a
    row; `sum`, `mean`, `softmax` and the words of `OPERATIONS_BY_WORD` take arrays. A call of a function
    of the user's `own` is replaced by the function's formula.

    Raises FormulaError where the text is not a formula; a caret points at the wrong character.

    >>> parse_formula("2*q", names={"z"})
    Traceback (most recent call last):
    ...
    bpsheet.errors.FormulaError: unknown name 'q'; known here: z
      2*q
        ^
    """
    return _Parser(text, names, start, arrays or Arrays(), own or {}).formula()


class _Parser:
    """Recursive descent, one method for each level of precedence."""

    def __init__(
        self,
        text: str,
        names: Collection[str],
        start: int,
        arrays: Arrays,
        own: OwnFunctions,
    ) -> None:
        if len(text) > MAX_LENGTH:
            said = f"a formula of {len(text):,} characters; {MAX_LENGTH:,} at the most; {SHORTER}"
            raise FormulaError(said)
        self.text = text
        self.names = names
        self.arrays = arrays
        self.own = own
        # In the formula of a user's own function: what its arguments stand for.
        self.bound: Mapping[str, Expr] = {}
        self.tokens = self._tokenize(start)
        self.index = 0
        self.depth = 0
        # In an argument of sum: the index of the name that each range stands for at present,
        # and the length of the ranges.
        self.element: int | None = None
        self.length: int | None = None
        self.terms = 0
        # The nodes that calls of a user's own functions stand for.
        self.nodes = 0

    def _tokenize(self, position: int) -> list[Token]:
        tokens = []
        while position < len(self.text):
            match = TOKEN.match(self.text, position)
            if match is None:
                raise self._error(f"{self.text[position]!r} has no meaning in a formula", position)
            if match.lastgroup != "space":
                tokens.append(Token(str(match.lastgroup), match.group(), position))
            position = match.end()
        tokens.append(Token("end", "", len(self.text)))
        return tokens

    def _error(self, message: str, position: int) -> FormulaError:
        line = clean(self.text)
        start = max(0, position - 60)
        shown = line[start : position + 40]
        return FormulaError(f"{message}\n  {shown}\n  {' ' * (position - start)}^")

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def _take(self, *texts: str) -> str | None:
        """Step over the next token if it is one of these operators."""
        token = self.token
        if token.kind == "operator" and token.text in texts:
            self.index += 1
            return token.text
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            actual = f"'{self.token.text}'" if self.token.text else "the end"
            raise self._error(f"expected '{text}', found {actual}", self.token.position)

    def formula(self) -> Expr:
        result = self.sum()
        if self.token.kind != "end":
            raise self._error(
                f"expected an operator or the end, found '{self.token.text}'", self.token.position
            )
        if depth(result) > MAX_DEPTH:
            said = f"more than {MAX_DEPTH} operations, one on another; {SHORTER}"
            raise self._error(said, 0)
        return result

    def sum(self) -> Expr:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self._error(
                f"nested more than {MAX_NESTING} levels deep; {SHORTER}", self.token.position
            )
        result = self.product()
        terms = [result]
        while True:
            at = self.token.position
            operator = self._take("+", "-")
            if operator is None:
                break
            if operator == "+":
                terms.append(self.product())
                self._fits(Sum(tuple(terms)), at)
                continue
            left = terms[0] if len(terms) == 1 else Sum(tuple(terms))
            terms = [self._fits(Sub(left, self.product()), at)]
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def product(self) -> Expr:
        result = self.signed()
        while True:
            at = self.token.position
            operator = self._take("*", "/", "@")
            if operator is None:
                return result
            right = self.signed()
            makes: dict[str, Callable[[Expr, Expr], Expr]] = {"*": Mul, "/": Div, "@": product}
            result = self._fits(makes[operator](result, right), at)

    def _fits(self, node: Expr, position: int) -> Expr:
        """The node, if the shapes of its operands fit together."""
        if self.arrays.shapes or isinstance(node, Operation):
            try:
                shape_of(node, self.arrays.shapes)
            except ProgramError as error:
                raise self._error(str(error), position) from None
        return node

    def _shape(self, node: Expr) -> Shape:
        return shape_of(node, self.arrays.shapes)

    def signed(self) -> Expr:
        signs = 0
        while sign := self._take("-", "+"):
            signs += sign == "-"
            if signs > MAX_NESTING:
                raise self._error(f"more than {MAX_NESTING} signs in a row", self.token.position)
        result = self.power()
        for _ in range(signs):
            result = Neg(result)
        return result

    def power(self) -> Expr:
        base = self.atom()
        while self.token.text == ".T":
            at = self.token.position
            self.index += 1
            base = self._fits(transposed(base), at)
        if not self._take("^"):
            return base
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self._error(
                f"nested more than {MAX_NESTING} levels deep; {SHORTER}", self.token.position
            )
        exponent = self.signed()
        self.depth -= 1
        return Pow(base, exponent)

    def atom(self) -> Expr:
        token = self.token
        if token.kind == "number":
            self.index += 1
            value = float(token.text)
            if math.isinf(value):
                raise self._error("a number that is too large", token.position)
            return Num(value)
        if token.kind == "name":
            self.index += 1
            if self._take("("):
                return self.call(token)
            return self.reference(token)
        if self._take("("):
            inner = self.sum()
            self._expect(")")
            return inner
        actual = f"'{token.text}'" if token.text else "the end"
        raise self._error(f"expected a number, a name or '(', found {actual}", token.position)

    def reference(self, token: Token) -> Expr:
        if self._take("["):
            return self.indexed(token)
        if self._take(":"):
            return self.range(token)
        if token.text in self.names:
            return self.named(token.text)
        raise self._unknown("name", token, self.names)

    def named(self, name: str) -> Expr:
        """What a name stands for: a column, or an argument of a user's own function."""
        return self.bound.get(name, Ref(name))

    def indexed(self, token: Token) -> Expr:
        """x[2], or h[t - 1]: a quantity of that number, else a row of an array."""
        number = self.whole_number()
        self._expect("]")
        if (name := f"{token.text}[{number}]") in self.names:
            return Ref(name)
        if token.text not in self.names:
            # A sequence may begin with a parameter: h[0] is h0.
            if (plain := step_name(token.text, number)) in self.names:
                return Ref(plain)
            alike = [known for known in self.names if known.startswith(f"{token.text}[")]
            if alike:
                said = f"no {name}; there is {', '.join(alike[:5])}"
                raise self._error(said, token.position)
            raise self._unknown("name", token, self.names)
        shape = self._shape(self.named(token.text))
        if not shape:
            raise self._error(f"{token.text} is a number and has no rows", token.position)
        if not 1 <= number <= shape[0]:
            what = "rows" if len(shape) == 2 else "entries"
            said = f"{token.text} has {shape[0]} {what}, from 1; there is no {name}"
            raise self._error(said, token.position)
        return row_of(self.named(token.text), number)

    def whole_number(self) -> int:
        """A number of a row: 2, t, t - 1."""
        total_, sign = 0, 1
        while True:
            token = self.token
            self.index += 1
            if token.kind == "number" and token.text.isdecimal():
                total_ += sign * int(token.text)
            elif token.kind == "name" and token.text in self.arrays.indices:
                total_ += sign * self.arrays.indices[token.text]
            else:
                known = ", ".join(self.arrays.indices)
                hint = f" or {known}" if known else ""
                raise self._error(f"a whole number{hint} expected", token.position)
            operator = self._take("+", "-")
            if operator is None:
                return total_
            sign = 1 if operator == "+" else -1

    def softmax(self, position: int) -> Expr:
        """e^x over the sum of all e^x, with the largest subtracted from all; row by row of a matrix."""
        inside = self.sum()
        self._expect(")")
        shape = self._shape(inside)
        if self.arrays.hoist is None or not shape:
            raise self._error("softmax takes a vector, or a matrix row by row", position)
        hoist = self.arrays.hoist
        x = inside if isinstance(inside, Ref) else hoist("in", inside)
        is_matrix = len(shape) == 2
        shift: Expr = hoist("max", largest_across(x) if is_matrix else largest(x))
        power = hoist("exp", Call("exp", (Sub(x, as_column(shift) if is_matrix else shift),)))
        whole: Expr = hoist("sum", sums_across(power) if is_matrix else sum_of(power))
        return Div(power, as_column(whole) if is_matrix else whole)

    def mean(self, position: int) -> Expr:
        """The mean of all entries of an array."""
        inside = self.sum()
        self._expect(")")
        shape = self._shape(inside)
        if not shape:
            raise self._error("mean takes a vector or a matrix", position)
        return Div(sum_of(inside), Num(float(math.prod(shape))))

    def mean_of_each(self, position: int, axis: str) -> Expr:
        """The mean of each column, or of each row, of a matrix."""
        inside = self.sum()
        self._expect(")")
        whole = self._fits(Operation(f"sum {axis}", (inside,)), position)
        count = self._shape(inside)[0 if axis == "down" else 1]
        return Div(whole, Num(float(count)))

    def last(self, position: int) -> Expr:
        """The value of a quantity in the row before; in the first row the second argument."""
        token = self.token
        if self.arrays.last is None or token.kind != "name":
            raise self._error("last takes the name of a quantity and its first value", position)
        self.index += 1
        self._expect(",")
        first = self.sum()
        self._expect(")")
        return self.arrays.last(token.text, first)

    def operation(self, token: Token, word: Word) -> Expr:
        """An operation on arrays. Its last arguments are numbers that are written out."""
        arguments: list[Expr] = []
        places: list[int] = []
        while not arguments or self._take(","):
            places.append(self.token.position)
            arguments.append(self.sum())
        self._expect(")")
        self._counts(token, len(arguments), word.least, word.most)
        for place, argument in list(zip(places, arguments, strict=True))[word.arrays :]:
            if word.arrays and not (isinstance(argument, Num) and argument.value.is_integer()):
                raise self._error("a whole number expected, written out", place)
        return self._fits(word.make(*arguments), token.position)

    def _counts(self, token: Token, count: int, least: int, most: int) -> None:
        if not least <= count <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            name = token.text if token.text in self.own else token.text.lower()
            raise self._error(
                f"{name} takes {wanted} argument{'s' if most > 1 else ''}, got {count}",
                token.position,
            )

    def call(self, token: Token) -> Expr:
        if (function := self.own.get(token.text)) is not None:
            return self.applied(function, token)
        if token.text in self.own:
            raise self._error(
                f"{token.text} cannot be called here: a function may call those above it, and "
                "never itself",
                token.position,
            )
        name = token.text.lower()
        if name == "softmax":
            return self.softmax(token.position)
        if name == "mean":
            return self.mean(token.position)
        if name in ("mean_down", "mean_across"):
            return self.mean_of_each(token.position, name.removeprefix("mean_"))
        if name == "last":
            return self.last(token.position)
        if name in OPERATIONS_BY_WORD:
            return self.operation(token, OPERATIONS_BY_WORD[name])
        if name == "if":
            return self.choice()
        if name == "sum":
            return self.added()
        if name not in FUNCTIONS:
            raise self._unknown("function", token, [*self.own, *FUNCTIONS, *WORDS])
        arguments = self.arguments(token, *FUNCTIONS[name].arguments)
        return self._fits(Call(name, tuple(arguments)), token.position)

    def arguments(self, token: Token, least: int, most: int) -> list[Expr]:
        """The arguments of a call, as many as the function takes."""
        arguments = [self.sum()] if most else []
        while arguments and self._take(","):
            arguments.append(self.sum())
        self._expect(")")
        self._counts(token, len(arguments), least, most)
        return arguments

    def applied(self, function: Own, token: Token) -> Expr:
        """The formula of a user's own function, with these arguments in it."""
        count = len(function.arguments)
        values = self.arguments(token, count, count)
        self._count(values, token)
        inner = _Parser(
            function.text,
            function.arguments,
            function.start,
            self.arrays._replace(indices={}),
            function.above,
        )
        inner.bound = dict(zip(function.arguments, values, strict=True))
        inner.depth = self.depth
        try:
            result = inner.formula()
        except FormulaError as error:
            # Of functions that call each other, the innermost one is named: its text is shown.
            said = str(error)
            said = said if said.startswith("in ") else f"in {function.name}: {said}"
            raise FormulaError(said) from None
        self._count([result], token)
        return result

    def _count(self, parts: list[Expr], token: Token) -> None:
        """Refuse calls that stand for very much: each function may use its arguments many times."""
        self.nodes += sum(map(size, parts))
        if self.nodes > MAX_NODES:
            said = f"with {token.text} written out, more than {MAX_NODES:,} parts; {SHORTER}"
            raise self._error(said, token.position)

    def added(self) -> Expr:
        """The arguments of sum, each once for every element of the ranges in it."""
        terms = self.spread()
        while self._take(","):
            terms += self.spread()
        self._expect(")")
        return total([sum_of(term) if self._shape(term) else term for term in terms])

    def spread(self) -> list[Expr]:
        outside = self.element, self.length
        begin, self.element, self.length = self.index, 0, None
        terms = [self.sum()]
        for element in range(1, self.length or 1):
            self.index, self.element = begin, element
            terms.append(self.sum())
        self.terms += len(terms)
        self.element, self.length = outside
        if self.terms > MAX_TERMS:
            raise self._error(
                f"sums of more than {MAX_TERMS} terms; {SHORTER}", self.tokens[begin].position
            )
        return terms

    def range(self, first: Token) -> Expr:
        """x1:x4, which stands for one of its names at a time."""
        last = self.token
        self.index += 1
        ends = [NUMBERED.fullmatch(token.text) for token in (first, last)]
        if last.kind != "name" or not ends[0] or not ends[1] or ends[0][1] != ends[1][1]:
            raise self._error("a range such as x1:x4 expected", first.position)
        stem, low, high = ends[0][1], int(ends[0][2]), int(ends[1][2])
        length = high - low + 1
        if self.element is None:
            raise self._error("a range stands inside sum( )", first.position)
        if length < 1:
            raise self._error("a range must count upwards, such as x1:x4", first.position)
        if self.length not in (None, length):
            message = f"ranges of the same length expected: {self.length}; got {length}"
            raise self._error(message, first.position)
        self.length = length
        name = f"{stem}{low + self.element}"
        if name not in self.names:
            raise self._unknown("name", Token("name", name, first.position), self.names)
        return self.named(name)

    def choice(self) -> Expr:
        left = self.sum()
        operator = self._take("=", "<>", "<", "<=", ">", ">=")
        if operator is None:
            raise self._error("expected a comparison (=, <>, <, <=, >, >=)", self.token.position)
        test = Compare(operator, left, self.sum())
        self._expect(",")
        then = self.sum()
        self._expect(",")
        otherwise = self.sum()
        self._expect(")")
        return If(test, then, otherwise)

    def _unknown(self, what: str, token: Token, known: Collection[str]) -> FormulaError:
        if (here := ours(token.text, known)) is not None:
            hint = f"here it is {here.name!r}"
        elif alike := spelled_like(token.text, known):
            hint = f"did you mean {either([repr(name) for name in alike])}?"
        else:
            hint = f"known here: {', '.join(sorted(known)[:20])}"
        return self._error(f"unknown {what} {token.text!r}; {hint}", token.position)
