"""A formula with its sign reversed, as people write it: `t - y` for `-(t - y)` and for `y - t`."""

from __future__ import annotations

from bpsheet.formula.tree import Call, Div, Expr, If, Mul, Neg, Num, Sub

__all__ = ["opposite"]

# f(-a) = -f(a), exactly.
ODD = ("sign", "sin", "sinh", "tanh")


def opposite(formula: Expr) -> Expr:
    """Minus a formula, written without a further minus sign where there is such a form.

    Its value is minus the formula's, to the last bit; only a 0 may have the other sign.

    >>> from bpsheet.formula.tree import Ref
    >>> opposite(Mul(Num(2.0), Sub(Ref("y"), Ref("t"))))
    Mul(left=Num(value=2.0), right=Sub(left=Ref(name='t', lag=0), right=Ref(name='y', lag=0)))
    """
    turned = _turned(formula)
    return Neg(formula) if turned is None else turned


def _turned(formula: Expr) -> Expr | None:
    """The form without a further minus sign; None where there is none."""
    match formula:
        case Neg(operand):
            return operand
        case Sub(left, right):
            return Sub(right, left)
        case Num(value):
            return Num(-value) if value else formula
        case Mul(left, right):
            turned = _turned(right)
            if turned is not None and not isinstance(right, Num):
                return Mul(left, turned)
            turned = _turned(left)
            return None if turned is None else Mul(turned, right)
        case Div(left, right):
            turned = _turned(left)
            return None if turned is None else Div(turned, right)
        case Call(function, (argument,)) if function in ODD:
            turned = _turned(argument)
            return None if turned is None else Call(function, (turned,))
        case If(test, then, otherwise):
            return If(test, opposite(then), opposite(otherwise))
    return None
