"""One iteration in matrix form: each vector and matrix with letters, with numbers, its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from bpsheet.explain.row import Row
from bpsheet.formula.arrays import shape_of
from bpsheet.formula.tree import (
    ONE,
    Call,
    Div,
    Expr,
    Mul,
    Neg,
    Num,
    Operation,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    references,
)
from bpsheet.paper.blocks import Block, Heading, Prose
from bpsheet.paper.matrices import (
    Fraction,
    Gradient,
    Letter,
    Matrices,
    Name,
    Numbers,
    Piece,
    Sign,
)
from bpsheet.printers.atoms import Value
from bpsheet.printers.base import Binding, binding
from bpsheet.printers.matrices import CALLED, in_columns
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity

__all__ = ["TITLES", "WIDEST", "Worked", "matrix_blocks"]

# A matrix of more rows or columns than this is shown by its letter alone.
WIDEST = 8
EQUALS = Sign("=")
# How the arrays of a layer are called: the parts of softmax are m, e and s.
LETTERS = {"max_z": "m", "sum_exp": "s"}
TITLES = {
    Phase.FORWARD: "Forward pass",
    Phase.BACKWARD: "Backward pass",
    Phase.GRADIENT: "Gradient",
    Phase.UPDATE: "Adjustments and new weights",
}

Leaf = Callable[[Ref | Param, bool], list[Piece]]


class _Unsaid(Exception):  # noqa: N818 - no error: the formula is not shown
    """A formula that is easier to read entry by entry."""


def matrix_blocks(row: Row) -> Iterator[Block]:
    """The worked iteration of a network."""
    yield Prose(
        "In layer l, W^l has a row for each neuron and a column for each input, b^l are the biases, "
        "z^l the weighted sums, a^l the outputs and δ^l the error terms. The inputs are a^0. The sign "
        "∘ multiplies entry by entry."
    )
    worked = Worked(row)
    given = [
        q
        for q in worked.quantities
        if q.phase is Phase.WEIGHT or (q.shape and q.phase is Phase.INPUT)
    ]
    yield from worked.solution(given)


class Worked:
    """The quantities of an iteration, each as equations with letters and with numbers."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.program: Program = row.program
        self.quantities = tuple(map(self.program.filled, self.program.quantities))
        self.by_name = {quantity.name: quantity for quantity in self.quantities}
        self.shapes = {name: cells.shape for name, cells in self.program.arrays.items()}
        self.letters: dict[str, list[Piece]] = {}
        # The weights of each adjustment.
        self.weights: dict[str, Quantity] = {}
        for quantity in self.quantities:
            self._name(quantity)

    def _name(self, quantity: Quantity) -> None:
        name = quantity.name
        if name.startswith("Δ") and name[1:] in self.by_name:
            self.weights[name] = self.by_name[name[1:]]
        stem, layer = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
        own: list[Piece] = [Letter(LETTERS.get(stem, stem), layer)]
        if name == "x":
            own = [Letter("a", "0")]
        elif quantity.first.role is Role.LOSS:
            own = [Name(name)]
        elif stem.startswith("Δ"):
            own = [Sign("Δ"), Letter(stem[1:], layer)]
        self.letters.setdefault(name, own)
        letter = own[0]
        loss = self.program.loss.name if self.program.loss is not None else ""
        if not isinstance(letter, Letter):
            return
        is_shared_bias = not quantity.shape and quantity.phase is Phase.WEIGHT
        if is_shared_bias and (change := self.program.adjustment_of(name)) is not None:
            self.letters[change] = [Sign("Δ"), letter]
            self.weights[change] = quantity
        if not quantity.shape and not is_shared_bias:
            return
        turned = [Sign("−")] if self.program.slope_sign < 0 else []
        if quantity.shape:
            self.letters[quantity.slope] = [
                Letter("g", layer, prime=True), Sign("("), Letter("z", layer), Sign(")"),
            ]  # fmt: skip
        match quantity.first.role:
            case Role.SUM:
                self.letters[quantity.adjoint] = [Letter("δ", layer)]
            case Role.OUTPUT:
                self.letters[quantity.adjoint] = [*turned, Gradient(loss, letter)]
            case _:
                self.letters[quantity.adjoint] = [*turned, Fraction(loss, letter)]

    def solution(self, given: Iterable[Quantity]) -> Iterator[Block]:
        """The given arrays, then phase by phase an equation for each quantity."""
        yield Heading("Given")
        for quantity in given:
            yield from self.value(quantity)
        for phase, title in TITLES.items():
            shown = [q for q in self.quantities if q.phase is phase and self.is_shown(q)]
            if shown:
                yield Heading(title)
            for quantity in shown:
                yield from self.equation(quantity)
                if phase is Phase.UPDATE:
                    yield from self.moved(quantity)

    def is_shown(self, quantity: Quantity) -> bool:
        """Whether a quantity is one of a layer; the stages of an optimiser are not."""
        is_adjustment = quantity.name.startswith("Δ") or quantity.name in self.weights
        return quantity.phase is not Phase.UPDATE or is_adjustment

    def value(self, quantity: Quantity) -> Iterator[Block]:
        """A given array, with its numbers."""
        if self._is_small(quantity.name):
            yield Matrices((*self.letters[quantity.name], EQUALS, self._numbers(quantity)))
        else:
            yield Prose(self._size(quantity))

    def equation(self, quantity: Quantity) -> Iterator[Block]:
        """A quantity: with letters, with numbers, its result."""
        head = self.letters[quantity.name]
        formula = self._formula(quantity)
        sides: list[list[Piece]] = []
        if formula is not None and self._is_said(formula):
            for leaf in (self._letter, self._number):
                try:
                    side = self._pieces(formula, leaf)
                except _Unsaid:
                    break
                if side not in sides and side != head:
                    sides.append(side)
        if self._is_small(quantity.name):
            result: list[Piece] = [self._numbers(quantity)]
            copies = (result, _in_formula(self._numbers(quantity)))
            sides = [*(side for side in sides if side not in copies), result]
        elif not sides:
            yield Prose(self._size(quantity))
        for number, side in enumerate(sides):
            yield Matrices((*(head if number == 0 else ()), EQUALS, *side))

    def moved(self, adjustment: Quantity) -> Iterator[Block]:
        """The new weights: the old ones plus their adjustments."""
        weights = self.weights[adjustment.name]
        letters = self.letters[weights.name]
        yield Matrices(
            (*letters, Sign("+"), *self.letters[adjustment.name], EQUALS, *self._new(weights))
        )

    def _new(self, weights: Quantity) -> list[Piece]:
        if not self._is_small(weights.name):
            return [Sign("…")]

        def new(name: str) -> Value:
            change = self.program.adjustment_of(name)
            whole: Expr = Ref(name) if change is None else Sum((Ref(name), Ref(change)))
            return self.row.result(whole)

        return [Numbers(_rows(weights, new))]

    def _formula(self, quantity: Quantity) -> Expr | None:
        """The formula as it is shown."""
        return quantity.formula

    def _is_said(self, formula: Expr) -> bool:
        """Whether all that a formula uses has a letter, and nothing stands in the row before."""
        return all(
            ref.lag == 0 and (ref.name in self.letters or ref.name in self.program.position)
            for ref in references(formula)
        )

    def _is_small(self, name: str) -> bool:
        return all(size <= WIDEST for size in self.by_name[name].shape)

    def _size(self, quantity: Quantity) -> str:
        shape = quantity.shape
        rows, columns = shape[0] if shape else 1, shape[1] if len(shape) == 2 else 1
        return f"{self._called(quantity)} is {rows} × {columns}, too large to be shown with its numbers."

    def _called(self, quantity: Quantity) -> str:
        """What a quantity is called in a sentence."""
        stem = quantity.name.rstrip("0123456789")
        if quantity.name == "x":
            return "a^0"
        return f"{stem}^{quantity.name[len(stem) :]}".rstrip("^")

    def _numbers(self, quantity: Quantity) -> Numbers:
        return Numbers(_rows(quantity, lambda name: self.row.shown(Ref(name))))

    def _letter(self, leaf: Ref | Param, is_turned: bool) -> list[Piece]:  # noqa: FBT001
        if isinstance(leaf, Param):
            return [Letter("η") if leaf.name == "learning_rate" else Name(leaf.name)]
        own = self.letters.get(leaf.name, [Name(leaf.name)])
        first = own[0]
        if not is_turned:
            return own
        if len(own) == 1 and isinstance(first, Letter):
            return [Letter(first.name, first.layer, transposed=True)]
        return [*own, Sign("ᵀ")]

    def _number(self, leaf: Ref | Param, is_turned: bool) -> list[Piece]:  # noqa: FBT001
        if isinstance(leaf, Param) or leaf.name not in self.by_name:
            return _in_formula(Numbers(((self.row.shown(leaf),),)))
        if not self._is_small(leaf.name):
            raise _Unsaid
        rows = self._numbers(self.by_name[leaf.name]).rows
        return _in_formula(Numbers(tuple(zip(*rows, strict=True)) if is_turned else rows))

    def _pieces(self, formula: Expr, leaf: Leaf) -> list[Piece]:
        return _Pieces(leaf, self.shapes).of(formula)


class _Pieces:
    """A formula of arrays as pieces; `leaf` gives those of a quantity, which may be transposed."""

    def __init__(self, leaf: Leaf, shapes: dict[str, Any]) -> None:
        self.leaf = leaf
        self.shapes = shapes

    def of(self, node: Expr) -> list[Piece]:
        match node:
            case Ref() | Param():
                return self.leaf(node, False)
            case Num(value):
                return [Numbers(((Value(f"{value:g}"),),))]
            case Neg(operand):
                return [Sign("-"), *self._operand(operand, Binding.PRODUCT)]
            case Sum((first, *others)):
                terms = [self._operand(first, Binding.SUM)]
                terms += [[Sign("+"), *self._operand(term, Binding.PRODUCT)] for term in others]
                return [piece for term in terms for piece in term]
            case Sub(left, right):
                before = self._operand(left, Binding.SUM)
                return [*before, Sign("−"), *self._operand(right, Binding.PRODUCT)]
            case Mul():
                return self._product(node)
            case Div(left, right):
                before = self._operand(left, Binding.PRODUCT)
                return [*before, Sign("/"), *self._operand(right, Binding.POWER)]
            case Pow(base, Num(2.0)):
                inside = self._operand(base, Binding.ATOM)
                # A layer's number is no power.
                if isinstance(inside[0], Letter) and inside[0].layer and len(inside) == 1:
                    inside = [Sign("("), *inside, Sign(")")]
                return [*inside, Sign("²")]
            case Call(function, (argument,)):
                return [Sign(function), *self._fenced(argument)]
            case Operation():
                return self._operation(node)
        raise _Unsaid

    def _product(self, node: Mul) -> list[Piece]:
        if ONE in (node.left, node.right):
            return self.of(node.right if node.left == ONE else node.left)
        match node:
            case Mul(Operation("as column", (column,)), row) if (
                len(shape_of(row, self.shapes)) == 1
            ):
                return [*self._factor(column, Binding.PRODUCT), *self._turned(row)]
        both = self._is_by_entry(node)
        left = self._operand(node.left, Binding.PRODUCT)
        right = self._operand(node.right, Binding.FACTOR)
        return [*left, Sign("∘" if both else "·"), *right]

    def _is_by_entry(self, node: Mul) -> bool:
        return all(shape_of(part, self.shapes) for part in (node.left, node.right))

    def _operation(self, node: Operation) -> list[Piece]:
        match node:
            case Operation("product", (left, right)):
                left, right = in_columns(left, right, self.shapes)
                if not shape_of(node, self.shapes):
                    return [*self._turned(left), *self._factor(right, Binding.FACTOR)]
                return [
                    *self._factor(left, Binding.PRODUCT),
                    *self._factor(right, Binding.FACTOR),
                ]
            case Operation("transposed", (matrix,)):
                return self._turned(matrix)
            case Operation("sum", (array,)):
                return [Sign("Σ"), *self._operand(array, Binding.PRODUCT)]
            case Operation("as column" | "shaped as", (array, *_)):
                return self.of(array)
            case Operation(kind, (array,)) if kind in CALLED:
                return [Sign(CALLED[kind]), *self._fenced(array)]
        raise _Unsaid

    def _turned(self, node: Expr) -> list[Piece]:
        if isinstance(node, Ref):
            return self.leaf(node, True)
        return [Sign("("), *self.of(node), Sign(")"), Sign("ᵀ")]

    def _fenced(self, node: Expr) -> list[Piece]:
        inside = self.of(node)
        return inside if _is_fenced(inside) else [Sign("("), *inside, Sign(")")]

    def _factor(self, node: Expr, least: Binding) -> list[Piece]:
        """A factor of a product of matrices: a product entry by entry stands in parentheses."""
        if isinstance(node, Mul) and ONE not in (node.left, node.right) and self._is_by_entry(node):
            return self._fenced(node)
        return self._operand(node, least)

    def _operand(self, node: Expr, least: Binding) -> list[Piece]:
        own = self.of(node)
        is_product = isinstance(node, Operation) and node.kind == "product"
        loose = (Binding.PRODUCT if is_product else binding(node)) < least
        if isinstance(node, Neg) and least > Binding.PRODUCT:
            loose = True
        return [Sign("("), *own, Sign(")")] if loose else own


def _is_fenced(pieces: Sequence[Piece]) -> bool:
    """Whether pieces are one number in parentheses."""
    return len(pieces) == 3 and pieces[0] == Sign("(") and isinstance(pieces[1], Numbers)


def _in_formula(numbers: Numbers) -> list[Piece]:
    """Numbers put into a formula: a negative number by itself stands in parentheses."""
    if len(numbers.rows) == len(numbers.rows[0]) == 1 and numbers.rows[0][0].text.startswith("-"):
        return [Sign("("), numbers, Sign(")")]
    return [numbers]


def _rows(quantity: Quantity, value: Callable[[str], Value]) -> tuple[tuple[Value, ...], ...]:
    """The printed values of an array's entries, a vector as a column; – for one without a column."""
    columns = quantity.columns.reshape(quantity.shape[0] if quantity.shape else 1, -1)
    return tuple(
        tuple(Value("–") if column is None else value(column.name) for column in row)
        for row in columns
    )
