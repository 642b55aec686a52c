"""Forward columns to backward columns: reverse-mode differentiation, one row at a time.

The derivative of the loss with respect to a column (its *adjoint*) is the sum, over the
columns that use it, of their adjoint times the local partial derivative. Walking the
forward columns in reverse, every adjoint is ready when it is needed. Adjoints and
local derivatives that the notation names become columns (`MSE'`, `f'`, `f_error`,
`dMSE / dw_gf1`); the others are written into the columns that use them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bpsheet.errors import ProgramError
from bpsheet.formula.functions import FUNCTIONS, fill
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
    Pow,
    Ref,
    Sub,
    Sum,
    references,
    total,
)
from bpsheet.program.program import Column, Phase, Role

__all__ = ["backward", "differentiate", "local_derivatives"]

# What the forward pass begins with.
LEAVES = (Phase.INPUT, Phase.WEIGHT)


ADDED_UP = "over all formulas that use it, the derivative of each times its slope along it"


def differentiate(expr: Expr, name: str) -> Expr:
    """The partial derivative of a formula with respect to a column of the same row.

    Only what differentiation itself brings in is dropped (times 1, plus 0).

    >>> differentiate(Mul(Num(2.0), Ref("z")), "z")
    Num(value=2.0)
    """
    if Ref(name) not in references(expr):
        return ZERO
    match expr:
        case Ref():
            return ONE
        case Neg(operand):
            return _negative(differentiate(operand, name))
        case Sum(terms):
            found = [differentiate(term, name) for term in terms]
            return total([term for term in found if term != ZERO])
        case Sub(left, right):
            return _difference(differentiate(left, name), differentiate(right, name))
        case Mul(left, right):
            first = _times(differentiate(left, name), right)
            second = _times(left, differentiate(right, name))
            return total([term for term in (first, second) if term != ZERO])
        case Div(left, right):
            return _quotient(left, right, name)
        case Pow(base, exponent):
            return _power(base, exponent, name)
        case If(test, then, otherwise):
            return If(test, differentiate(then, name), differentiate(otherwise, name))
        case Call(function, arguments):
            slopes = _slopes(function, arguments)
            terms_of = [
                _times(slope, differentiate(argument, name))
                for slope, argument in zip(slopes, arguments, strict=True)
            ]
            return total([term for term in terms_of if term != ZERO])
        case Compare():
            return ZERO  # a step: flat wherever it has a derivative
    raise ProgramError(f"no derivative of {type(expr).__name__} with respect to {name}")


def _times(left: Expr, right: Expr) -> Expr:
    if ZERO in (left, right):
        return ZERO
    # By identity: ONE is the factor that differentiation brought in, and goes; a 1 that
    # the source wrote (a bias's input) is another object, and stays.
    if left is ONE:
        return right
    return left if right is ONE else Mul(left, right)


def _negative(operand: Expr) -> Expr:
    return ZERO if operand == ZERO else Neg(operand)


def _difference(left: Expr, right: Expr) -> Expr:
    if right == ZERO:
        return left
    return Neg(right) if left == ZERO else Sub(left, right)


def _quotient(left: Expr, right: Expr, name: str) -> Expr:
    """(u/v)' = u'/v − u v'/v²"""
    upper, lower = differentiate(left, name), differentiate(right, name)
    first = ZERO if upper == ZERO else Div(upper, right)
    second = ZERO if lower == ZERO else Div(_times(left, lower), Pow(right, Num(2.0)))
    return _difference(first, second)


def _power(base: Expr, exponent: Expr, name: str) -> Expr:
    """(u^n)' = n u^(n−1) u' where n stands still; u^v (v' ln u + v u'/u) otherwise."""
    inner = differentiate(base, name)
    if isinstance(exponent, Num):
        less = exponent.value - 1
        reduced = base if less == 1 else Pow(base, Num(less))
        return _times(Mul(exponent, reduced) if less else ONE, inner)
    moved = differentiate(exponent, name)
    if moved == ZERO:
        return _times(Mul(exponent, Pow(base, Sub(exponent, Num(1.0)))), inner)
    outer = _times(moved, Call("ln", (base,)))
    along = ZERO if inner == ZERO else Div(_times(exponent, inner), base)
    return _times(Pow(base, exponent), total([term for term in (outer, along) if term != ZERO]))


def _slopes(function: str, arguments: tuple[Expr, ...]) -> list[Expr]:
    """The derivative of a known function with respect to each of its arguments."""
    if function in ("max", "min"):
        # The first of the arguments that attains the extreme carries the derivative.
        whole = Call(function, arguments)
        slopes: list[Expr] = []
        for index, argument in enumerate(arguments):
            slope: Expr = If(Compare("=", argument, whole), ONE, ZERO)
            for earlier in reversed(arguments[:index]):
                slope = If(Compare("=", earlier, whole), ZERO, slope)
            slopes.append(slope)
        return slopes
    letters = dict(zip("ab", arguments, strict=False))
    return [fill(text, **letters) for text in FUNCTIONS[function].derivatives]


def local_derivatives(column: Column) -> Mapping[str, Expr]:
    """The partial derivatives of a column with respect to the columns it uses.

    They are the factors of the chain rule: as the source writes them where it does, else
    by differentiation of the formula.

    >>> local_derivatives(Column("p", Phase.FORWARD, Role.SUM, Mul(Ref("x"), Ref("w"))))
    {'x': Ref(name='w', lag=0), 'w': Ref(name='x', lag=0)}
    """
    if column.partials is not None:
        return column.partials
    if column.formula is None:
        return {}
    # Term by term, so that a long weighted sum takes time in proportion to its length.
    terms = column.formula.terms if isinstance(column.formula, Sum) else (column.formula,)
    shares: dict[str, list[Expr]] = {}
    for term in terms:
        for ref in references(term):
            if ref.lag == 0:
                shares.setdefault(ref.name, []).append(differentiate(term, ref.name))
    return {
        name: total([share for share in found if share != ZERO]) for name, found in shares.items()
    }


def backward(forward: Sequence[Column], objective: str) -> list[Column]:
    """The backward columns of a forward pass, in reverse order of it, then the gradients.

    `forward` has every column from the weights to the loss, `objective` names the last.
    Equation: ∂L/∂c = Σ over the users u of c of ∂L/∂u · ∂u/∂c.

    A column gets an adjoint column where its `adjoint_name` says so, and a column for its
    local derivative where its `slope_name` does. The adjoints of the leaves, weights and
    inputs, stand last: they are the gradients.
    """
    wanted = {column.name for column in forward}
    shares: dict[str, list[Expr]] = {objective: [ONE]}
    passed: list[Column] = []
    error_terms: set[str] = set()
    gradients: list[Column] = []
    for column in reversed(forward):
        collected = shares.get(column.name)
        if collected is None:
            if column.phase in LEAVES and column.adjoint_name:
                # The loss does not depend on it: behind a step, say.
                gradients.append(_adjoint_column(column, Num(0.0)))
            continue
        adjoint = total(collected[::-1])
        if column.adjoint_name:
            is_fed_back = any(ref.name in error_terms for ref in references(adjoint))
            made = _adjoint_column(column, adjoint, is_fed_back=is_fed_back)
            error_terms |= {made.name} if made.role is Role.ERROR else set()
            (gradients if column.phase in LEAVES else passed).append(made)
            adjoint = Ref(made.name)
        if column.phase in LEAVES:
            continue
        for name, partial in local_derivatives(column).items():
            if partial == ZERO or name not in wanted:
                continue
            if column.slope_name:
                passed.append(_slope_column(column, partial))
                partial = Ref(column.slope_name)  # noqa: PLW2901
            shares.setdefault(name, []).append(_times(adjoint, partial))
    return [*passed, *reversed(gradients)]


def _adjoint_column(column: Column, adjoint: Expr, *, is_fed_back: bool = False) -> Column:
    """The column for the derivative of the loss with respect to a column.

    `is_fed_back`: it collects the error terms of other neurons.
    """
    phase = Phase.GRADIENT if column.phase in LEAVES else Phase.BACKWARD
    what = f"derivative of the loss with respect to {column.name}"
    match column.role:
        case Role.WEIGHT if column.neuron is not None:
            role = Role.GRADIENT
            meaning = f"{what}: the neuron's error term times the input to the weight"
        case Role.WEIGHT:
            role = Role.GRADIENT
            meaning = f"{what}: {ADDED_UP}"
        case Role.OUTPUT:
            role = Role.LOSS_DERIVATIVE
            meaning = f"derivative of the loss with respect to the output {column.name}"
        case Role.SUM:
            role = Role.ERROR
            meaning = (
                f"error term of {column.neuron}, the derivative of the loss with respect to its "
                "weighted sum: "
            )
            meaning += (
                "the error terms of the neurons it feeds, each times the weight between, times "
                "the derivative of its output"
                if is_fed_back
                else "what a change of its output does to the loss, times the derivative of its "
                "output"
            )
        case _:
            role = Role.DERIVATIVE
            meaning = f"{what}: {ADDED_UP}"
    return replace(
        column,
        name=str(column.adjoint_name),
        phase=phase,
        role=role,
        formula=adjoint,
        start=None,
        partials=None,
        slope_name=None,
        adjoint_name=None,
        meaning=meaning,
    )


def _slope_column(column: Column, partial: Expr) -> Column:
    return Column(
        name=str(column.slope_name),
        phase=Phase.BACKWARD,
        role=Role.OUTPUT_DERIVATIVE,
        formula=partial,
        layer=column.layer,
        neuron=column.neuron,
        meaning=f"derivative of the output {column.name} with respect to its weighted sum",
    )
