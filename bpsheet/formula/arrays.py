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

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpsheet.errors import ProgramError
from bpsheet.formula.tree import (
    Call,
    Div,
    Expr,
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


def transposed(matrix: Expr) -> Operation:
    """A matrix with rows and columns exchanged."""
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
    """

    shape: Callable[..., Shape | str]
    terms: Callable[..., Array]
    back: Callable[[Operation, Expr, Shapes], Shares]


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


def _index(number: Array) -> int:
    value: Num = number.item()
    return int(value.value) - 1


def _as_array(entry: Any) -> Array:
    return entry if isinstance(entry, np.ndarray) else _one(entry)


def _placed(row: Array, index: int, shape: Shape) -> Array:
    whole = np.full(shape, None, object)
    whole[index] = row if row.shape else row.item()
    return whole


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
        lambda vector: _one(Call("max", tuple(vector)))[np.newaxis],
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
        lambda matrix: _filled([Call("max", tuple(row)) for row in matrix], matrix.shape[:1])[
            ..., np.newaxis
        ],
        _no_way_back,
    ),
    "row": Rule(
        lambda shape, _: shape[1:] if shape else "a vector or a matrix is needed",
        lambda array, number: _as_array(array[_index(number)])[..., np.newaxis],
        lambda node, whole, _: [
            (node.operands[0], Operation("placed", (whole, node.operands[1], node.operands[0])))
        ],
    ),
    # What goes back to one row of an array: nothing is added to the others.
    "placed": Rule(
        lambda _row, _number, like: like,
        lambda row, number, like: _placed(row, _index(number), like.shape)[..., np.newaxis],
        _no_way_back,
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
        shape = OPERATIONS[node.kind].shape(*parts)
        if isinstance(shape, str):
            raise ProgramError(f"{node.kind} of {' and '.join(map(_said, parts))}: {shape}")
        return shape
    try:
        return np.broadcast_shapes(*parts)
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
    if not any(ref.name in cells for ref in references(formula)):
        return _one(formula)
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
                return OPERATIONS[kind].terms(*(self.array(operand) for operand in operands))
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
