"""Forward columns to backward columns: reverse-mode differentiation, one row at a time.

The derivative of the loss with respect to a column (its *adjoint*) is the sum, over the
columns that use it, of their adjoint times the local partial derivative. Walking the
forward columns in reverse, every adjoint is ready when it is needed. Adjoints and
local derivatives that the notation names become columns (`MSE'`, `f'`, `f_error`,
`dMSE / dw_gf1`); the others are written into the columns that use them.
"""

from __future__ import annotations

from bpsheet.errors import ProgramError
from bpsheet.formula.filling import fill
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
    Pow,
    Ref,
    Sub,
    Sum,
    references,
    total,
)

__all__ = ["differentiate"]


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
