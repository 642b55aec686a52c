"""Formulas of whole arrays: their operations, their shapes, and the formulas of their cells.

A quantity of a network is a vector or a matrix: `z = b + W @ a`. Arrays of one shape are combined
entry by entry, and a smaller one is repeated as NumPy repeats it. What else can be done with arrays
is a row of one table, `OPERATIONS`: which shape the result has, what its cells say, and what goes
back through it.

>>> W, a = Ref("W"), Ref("a")
>>> shape_of(product(W, a), {"W": (3, 2), "a": (2,)})
(3,)
>>> cells = {"W": named([["w1", "w2"]]), "a": named(["x1", "x2"])}
>>> written_out(product(W, a), cells)[0]
Sum(terms=(Mul(left=Ref(name='x1', lag=0), right=Ref(name='w1', lag=0)), Mul(left=Ref(name='x2', lag=0), right=Ref(name='w2', lag=0))))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpsheet.errors import ProgramError
from bpsheet.formula import windows
from bpsheet.formula.tree import (
    ONE,
    ZERO,
    Compare,
    Div,
    Expr,
    If,
    Mul,
    Neg,
    Num,
    Operation,
    Ref,
    Sub,
    Sum,
    children,
    rebuild,
    references,
    total,
    upwards,
    walk,
)

__all__ = [
    "OPERATIONS",
    "Array",
    "Shape",
    "Shapes",
    "along",
    "as_column",
    "beside",
    "entry_names",
    "largest",
    "largest_across",
    "mapped",
    "named",
    "product",
    "row_of",
    "shape_of",
    "shaped_as",
    "step_name",
    "sum_of",
    "sums_across",
    "transposed",
    "written_out",
]

Shape = tuple[int, ...]
# An array of formulas, or of names. None stands where the array has no cell.
Array = Any
Cells = Mapping[str, Array]
Shapes = Mapping[str, Shape]
# Operands with the derivatives of the loss with respect to them.
Shares = Iterable[tuple[Expr, Expr]]


def product(left: Expr, right: Expr) -> Operation:
    """The matrix product. Equation: (A B)_ij = Σ_k A_ik B_kj."""
    return Operation("product", (left, right))


def transposed(matrix: Expr) -> Expr:
    """A matrix with rows and columns exchanged; exchanged twice it is itself."""
    match matrix:
        case Operation("transposed", (turned,)):
            return turned
    return Operation("transposed", (matrix,))


def as_column(vector: Expr) -> Operation:
    """A vector as a matrix of one column: with a row beside it, each is multiplied with each.

    Equation: (u vᵀ)_ij = u_i v_j.
    """
    return Operation("as column", (vector,))


def sum_of(array: Expr) -> Operation:
    """The sum of all entries, row by row."""
    return Operation("sum", (array,))


def largest(vector: Expr) -> Operation:
    """The largest entry of a vector."""
    return Operation("largest", (vector,))


def row_of(array: Expr, number: int) -> Operation:
    """A row of a matrix, or an entry of a vector, by its number from 1."""
    return Operation("row", (array, Num(float(number))))


def largest_across(matrix: Expr) -> Operation:
    """The largest entry of each row of a matrix."""
    return Operation("largest across", (matrix,))


def sums_across(matrix: Expr) -> Operation:
    """The sum of each row of a matrix."""
    return Operation("sum across", (matrix,))


def beside(column: Expr, matrix: Expr) -> Operation:
    """A column and, to its right, a matrix with as many rows."""
    return Operation("beside", (column, matrix))


def along(diagonal: Expr, across: Expr) -> Operation:
    """A square matrix, on whose diagonal the entries of a vector stand instead of its own."""
    return Operation("along", (diagonal, across))


@dataclass(frozen=True)
class Rule:
    """An operation on arrays.

    shape: the shape of the result, from those of the operands; an error says what was expected
    terms: the formulas that are added for each entry, along one more axis, from the operands' cells
    back:  the operands that the loss depends on, with its derivatives with respect to them, from
           the node and the derivative with respect to its value
    numbers: how many of the last operands are numbers that shape and terms get as such
    gaps:    whether some entries have fewer terms than others
    """

    shape: Callable[..., Shape | str]
    terms: Callable[..., Array]
    back: Callable[[Operation, Expr, Shapes], Shares]
    numbers: int = 0
    gaps: bool = False

    def given(self, node: Operation, parts: list[Any]) -> list[Any]:
        """What shape and terms get: the parts of the operands, and the numbers among them."""
        first = len(parts) - self.numbers
        return [*parts[:first], *(number_of(operand) for operand in node.operands[first:])]


def _product_shape(left: Shape, right: Shape) -> Shape | str:
    if not left or not right:
        return "a product needs vectors or matrices"
    if left[-1] != right[0]:
        return f"the first has {left[-1]} columns, the second {right[0]} rows"
    return left[:-1] + right[1:]


def _product_terms(left: Array, right: Array) -> Array:
    if right.ndim == 1:
        # A neuron's sum, as books write it: each input times its weight.
        return _MUL(right, left)
    if left.ndim == 1:
        return _MUL(left, right.T)
    return _MUL(left[:, np.newaxis, :], right.T[np.newaxis])


def _product_back(node: Operation, whole: Expr, shapes: Shapes) -> Shares:
    left, right = node.operands
    sizes = len(shape_of(left, shapes)), len(shape_of(right, shapes))
    match sizes:
        case 2, 1:
            yield left, Mul(as_column(whole), right)
            yield right, product(transposed(left), whole)
        case 1, 2:
            yield left, product(right, whole)
            yield right, Mul(as_column(left), whole)
        case 1, 1:
            yield left, Mul(whole, right)
            yield right, Mul(whole, left)
        case _:
            yield left, product(whole, transposed(right))
            yield right, product(transposed(left), whole)


def _matrix(shape: Shape) -> Shape | str:
    return shape[::-1] if len(shape) == 2 else "a matrix is needed"


def _beside_shape(column: Shape, matrix: Shape) -> Shape | str:
    if len(column) != 1 or len(matrix) != 2:
        return "a vector and a matrix are needed"
    if column[0] != matrix[0]:
        return f"the first has {column[0]} rows, the second {matrix[0]}"
    return matrix[0], matrix[1] + 1


def _along_shape(diagonal: Shape, across: Shape) -> Shape | str:
    if len(diagonal) != 1 or across != diagonal * 2:
        return "a vector and a square matrix of its length are needed"
    return across


def _along_terms(diagonal: Array, across: Array) -> Array:
    cells = across.copy()
    np.fill_diagonal(cells, diagonal)
    return cells[..., np.newaxis]


def number_of(operand: Expr) -> float:
    """The number that an operand is."""
    if not isinstance(operand, Num):
        raise ProgramError("a number expected where an operation has one")
    return operand.value


def _as_array(entry: Any) -> Array:
    return entry if isinstance(entry, np.ndarray) else _one(entry)


def _placed(row: Array, like: Array, number: float) -> Array:
    whole = np.full(like.shape, None, object)
    whole[int(number) - 1] = row if row.shape else row.item()
    return whole[..., np.newaxis]


def _rows_shape(*rows: Shape) -> Shape | str:
    if len(set(rows)) > 1 or len(rows[0]) > 1:
        return "vectors of one length, or numbers, are needed"
    return len(rows), *rows[0]


def _rows_back(node: Operation, whole: Expr, _shapes: Shapes) -> Shares:
    for number, operand in enumerate(node.operands, start=1):
        yield operand, row_of(whole, number)


def _flat_back(node: Operation, whole: Expr, shapes: Shapes) -> Shares:
    first = 1
    for operand in node.operands:
        yield operand, Operation("folded", (whole, operand, Num(float(first))))
        first += math.prod(shape_of(operand, shapes))


def _folded(vector: Array, like: Array, first: float) -> Array:
    begin = int(first) - 1
    return vector[begin : begin + like.size].reshape(like.shape)[..., np.newaxis]


def _one_hot_shape(number: Shape, count: float) -> Shape | str:
    if len(number) > 1:
        return "a number, or a vector of numbers, is needed"
    return (*number, int(count))


def _one_hot(number: Array, count: float) -> Array:
    kinds = named_numbers(int(count))
    equal = mapped(lambda a, b: If(Compare("=", a, b), ONE, ZERO), number[..., np.newaxis], kinds)
    return equal[..., np.newaxis]


def named_numbers(count: int) -> Array:
    """The numbers from 1, as formulas."""
    return mapped(lambda k: Num(float(k)), np.arange(1, count + 1).astype(object))


def _causal(square: Array, fill: float) -> Array:
    cells = square.copy()
    for row in range(len(cells)):
        cells[row, row + 1 :] = Num(fill)
    return cells[..., np.newaxis]


def _square(shape: Shape, _fill: float) -> Shape | str:
    is_square = len(shape) == 2 and shape[0] == shape[1]
    return shape if is_square else "a square matrix is needed"


def _back_to(kind: str) -> Callable[[Operation, Expr, Shapes], Shares]:
    """What goes back to an operation's array: another operation on the derivative and the array."""

    def back(node: Operation, whole: Expr, _shapes: Shapes) -> Shares:
        yield node.operands[0], Operation(kind, (whole, *node.operands))

    return back


def _convolved_back(node: Operation, whole: Expr, _shapes: Shapes) -> Shares:
    array, kernel, *_ = node.operands
    yield array, Operation("input's share", (whole, *node.operands))
    yield kernel, Operation("kernel's share", (whole, *node.operands))


def _pooled_shape(array: Shape, size: float, stride: float) -> Shape | str:
    return windows.windows_shape(array, (int(size),) * len(array), stride)


def shaped_as(array: Expr, like: Expr) -> Expr:
    """An array, repeated to the shape of another one."""
    return Operation("shaped as", (array, like))


def _no_way_back(node: Operation, _whole: Expr, _shapes: Shapes) -> Shares:
    raise ProgramError(f"no derivative of {node.kind}")


OPERATIONS: Mapping[str, Rule] = {
    "product": Rule(_product_shape, _product_terms, _product_back),
    "transposed": Rule(
        _matrix,
        lambda matrix: matrix.T[..., np.newaxis],
        lambda node, whole, _: [(node.operands[0], transposed(whole))],
    ),
    "as column": Rule(
        lambda shape: (*shape, 1) if len(shape) == 1 else "a vector is needed",
        lambda vector: vector[:, np.newaxis, np.newaxis],
        lambda node, whole, _: [(node.operands[0], Operation("sum across", (whole,)))],
    ),
    "sum": Rule(
        lambda _: (),
        lambda array: array.reshape(-1),
        lambda node, whole, _: [(node.operands[0], shaped_as(whole, node.operands[0]))],
    ),
    "largest": Rule(
        lambda shape: () if len(shape) == 1 else "a vector is needed",
        lambda vector: _one(windows.largest_of(list(vector)))[np.newaxis],
        _no_way_back,
    ),
    "sum down": Rule(
        lambda shape: shape[1:] if len(shape) == 2 else "a matrix is needed",
        lambda matrix: matrix.T,
        lambda node, whole, _: [(node.operands[0], shaped_as(whole, node.operands[0]))],
    ),
    "sum across": Rule(
        lambda shape: shape[:1] if len(shape) == 2 else "a matrix is needed",
        lambda matrix: matrix,
        lambda node, whole, _: [(node.operands[0], shaped_as(as_column(whole), node.operands[0]))],
    ),
    "shaped as": Rule(
        lambda _, like: like,
        lambda array, like: np.broadcast_to(array, like.shape)[..., np.newaxis],
        _no_way_back,
    ),
    "largest across": Rule(
        lambda shape: shape[:1] if len(shape) == 2 else "a matrix is needed",
        lambda matrix: _filled([windows.largest_of(list(row)) for row in matrix], matrix.shape[:1])[
            ..., np.newaxis
        ],
        _no_way_back,
    ),
    "row": Rule(
        lambda shape, _: shape[1:] if shape else "a vector or a matrix is needed",
        lambda array, number: _as_array(array[int(number) - 1])[..., np.newaxis],
        lambda node, whole, _: [(node.operands[0], Operation("placed", (whole, *node.operands)))],
        numbers=1,
    ),
    # What goes back to one row of an array: nothing is added to the others.
    "placed": Rule(lambda _row, like, _number: like, _placed, _no_way_back, numbers=1, gaps=True),
    "rows": Rule(_rows_shape, lambda *rows: np.stack(rows)[..., np.newaxis], _rows_back),
    "flat": Rule(
        lambda *shapes: (sum(math.prod(shape) for shape in shapes),),
        lambda *parts: np.concatenate([part.ravel() for part in parts])[..., np.newaxis],
        _flat_back,
    ),
    "folded": Rule(lambda _vector, like, _first: like, _folded, _no_way_back, numbers=1),
    "one hot": Rule(_one_hot_shape, _one_hot, lambda *_: [], numbers=1),
    # Nothing is known of what comes later: the entries above the diagonal.
    "causal": Rule(
        _square,
        _causal,
        lambda node, whole, _: [(node.operands[0], Operation("causal", (whole, Num(0.0))))],
        numbers=1,
    ),
    "convolved": Rule(
        windows.windows_shape, windows.convolved, _convolved_back, numbers=3, gaps=True
    ),
    "kernel's share": Rule(
        lambda _whole, _array, kernel, *_: kernel,
        windows.kernel_share,
        _no_way_back,
        numbers=3,
        gaps=True,
    ),
    "input's share": Rule(
        lambda _whole, array, *_: array,
        windows.input_share,
        _no_way_back,
        numbers=3,
        gaps=True,
    ),
    "window sums": Rule(
        _pooled_shape, windows.window_entries, _back_to("window's share"), numbers=2
    ),
    "window's share": Rule(
        lambda _whole, array, *_: array, windows.window_share, _no_way_back, numbers=2, gaps=True
    ),
    "window largest": Rule(
        _pooled_shape, windows.window_largest, _back_to("largest's share"), numbers=2
    ),
    "largest's share": Rule(
        lambda _whole, array, *_: array, windows.largest_share, _no_way_back, numbers=2, gaps=True
    ),
    "beside": Rule(
        _beside_shape,
        lambda column, matrix: np.column_stack((column, matrix))[..., np.newaxis],
        _no_way_back,
    ),
    "along": Rule(_along_shape, _along_terms, _no_way_back),
}


def entry_names(name: str, shape: Shape) -> Array:
    """The names of an array's cells: the array's own, with the numbers of row and column.

    >>> entry_names("W", (2, 2)).tolist(), entry_names("b", ()).item()
    ([['W_1_1', 'W_1_2'], ['W_2_1', 'W_2_2']], 'b')
    """
    whole = np.empty(shape, object)
    for index in np.ndindex(*shape):
        whole[index] = "_".join([name, *(str(number + 1) for number in index)])
    return whole


def step_name(stem: str, step: int) -> str:
    """The name of a step of a sequence, as its columns have it.

    >>> step_name("h", 2), step_name("h1", 2)
    ('h2', 'h1_2')
    """
    return f"{stem}_{step}" if stem[-1:].isdigit() else f"{stem}{step}"


# What combines arrays entry by entry, in an error.
SAID: Mapping[type, str] = {Sum: "sum", Sub: "difference", Mul: "product (*)", Div: "quotient"}


def named(names: Any) -> Array:
    """An array of references to the cells with these names; None where there is no cell.

    >>> named(["z1", "z2"]).shape
    (2,)
    """
    whole = np.array(names, object)
    return mapped(lambda name: None if name is None else Ref(name), whole)


def shape_of(formula: Expr, shapes: Shapes) -> Shape:
    """The shape of a formula's value; what `shapes` does not name is a number.

    Raises ProgramError where two shapes do not fit, with both.
    """
    found: list[Shape] = []
    for node in upwards(formula):
        operands = children(node)
        first = len(found) - len(operands)
        found[first:] = [_shape(node, found[first:], shapes)]
    return found[0]


def _shape(node: Expr, parts: list[Shape], shapes: Shapes) -> Shape:
    if isinstance(node, Ref):
        return shapes.get(node.name, ())
    if isinstance(node, Operation):
        rule = OPERATIONS[node.kind]
        shape = rule.shape(*rule.given(node, parts))
        if isinstance(shape, str):
            raise ProgramError(f"{node.kind} of {' and '.join(map(_said, parts))}: {shape}")
        return shape
    sizes = {part for part in parts if part}
    if len(sizes) < 2:
        return next(iter(sizes), ())
    try:
        return np.broadcast_shapes(*sizes)
    except ValueError:
        sides = " and ".join(map(_said, parts))
        what = SAID.get(type(node), "combination")
        raise ProgramError(f"{what} of {sides}: the shapes do not fit") from None


def _said(shape: Shape) -> str:
    return " × ".join(map(str, shape)) if shape else "a number"


def written_out(formula: Expr, cells: Cells, *, has_gaps: bool = False) -> Array:
    """The formulas of the cells of an array. Sums are written from their first term to their last.

    `cells` has the formulas of the cells of each array (`named`); another reference is a number.
    `has_gaps` says that some arrays lack cells. What has no cell adds nothing.
    """
    operations = [node.kind for node in walk(formula) if isinstance(node, Operation)]
    if not operations and not any(ref.name in cells for ref in references(formula)):
        return _one(formula)
    # What goes back to one row of an array adds nothing to the others.
    has_gaps = has_gaps or any(OPERATIONS[kind].gaps for kind in operations)
    return _WriteOut(cells, has_gaps=has_gaps).array(formula)


class _WriteOut:
    def __init__(self, cells: Cells, *, has_gaps: bool) -> None:
        self.cells = cells
        self.has_gaps = has_gaps

    def array(self, node: Expr) -> Array:
        """The formulas of the cells of a part of a formula."""
        match node:
            case Ref(name, lag):
                here = self.cells.get(name)
                if here is None:
                    return _one(node)
                return here if not lag else mapped(lambda ref: ref and Ref(ref.name, lag), here)
            case Operation() | Sum():
                terms = self.terms(node)
                flat = terms.reshape(-1, terms.shape[-1])
                if self.has_gaps:
                    present = [[term for term in row if term is not None] for row in flat]
                    added = [total(row) if row else None for row in present]
                elif terms.shape[-1] == 1:
                    added = flat[:, 0].tolist()
                else:
                    added = [Sum(tuple(row)) for row in flat.tolist()]
                return _filled(added, terms.shape[:-1])
        parts = [self.array(part) for part in children(node)]
        if not parts:
            return _one(node)
        return self._made(node, parts)

    def terms(self, node: Expr) -> Array:
        """What is added for each entry, along one more axis: the terms of a product join the sum."""
        match node:
            case Operation(kind, operands):
                rule = OPERATIONS[kind]
                return rule.terms(*rule.given(node, list(map(self.array, operands))))
            case Sum(parts):
                each = [
                    self.terms(part)
                    if isinstance(part, Operation)
                    else self.array(part)[..., np.newaxis]
                    for part in parts
                ]
                shape = np.broadcast_shapes(*(one.shape[:-1] for one in each))
                return np.concatenate(
                    [np.broadcast_to(one, (*shape, one.shape[-1])) for one in each], axis=-1
                )
        return self.array(node)[..., np.newaxis]

    def _made(self, node: Expr, parts: list[Array]) -> Array:
        kind: Callable[..., Expr] = type(node) if isinstance(node, Mul | Sub | Neg) else _like(node)
        if self.has_gaps:
            make = kind
            kind = lambda *each: None if any(part is None for part in each) else make(*each)  # type: ignore[assignment]  # noqa: E731
        return mapped(kind, *parts)


def _like(node: Expr) -> Callable[..., Expr]:
    return lambda *parts: rebuild(node, parts)


def mapped(make: Callable[..., Any], *arrays: Array) -> Array:
    """What a function makes of the entries, in an array of the arrays' common shape."""
    made = np.frompyfunc(make, len(arrays), 1)(*arrays)
    return made if isinstance(made, np.ndarray) else _one(made)


def _MUL(left: Array, right: Array) -> Array:  # noqa: N802 - the node of that name, entry by entry
    def times_(a: Expr | None, b: Expr | None) -> Expr | None:
        return None if a is None or b is None else Mul(a, b)

    return mapped(times_, left, right)


def _one(formula: Expr) -> Array:
    whole = np.empty((), object)
    whole[()] = formula
    return whole


def _filled(values: list[Any], shape: Shape) -> Array:
    whole = np.empty(len(values), object)
    whole[:] = values
    return whole.reshape(shape)
