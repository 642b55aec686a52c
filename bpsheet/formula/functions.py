"""Functions, activations and losses: one table of formulas each.

A new activation is one row: its formula of the weighted sum `z`, and its derivative
as a textbook writes it, in terms of `z` or of the output `y`. Without a derivative
it follows from the formula. A test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Expr, replace_refs

__all__ = ["FUNCTIONS", "Function", "expand", "fill"]


@cache
def _parsed(text: str, names: tuple[str, ...]) -> Expr:
    return parse_formula(text, names)


def fill(text: str, **operands: Expr) -> Expr:
    """The tree of a table's formula with its letters replaced.

    >>> from bpsheet.formula.tree import Ref
    >>> fill("1 - y^2", y=Ref("g"))
    Sub(left=Num(value=1.0), right=Pow(base=Ref(name='g', lag=0), exponent=Num(value=2.0)))
    """
    template = _parsed(text, tuple(operands))
    return replace_refs(template, lambda ref: operands.get(ref.name, ref))


@dataclass(frozen=True)
class Function:
    """A function that formulas may call.

    `excel` is its name in a spreadsheet, or, for a function that spreadsheets lack, a
    formula of `a`; `guarded` is the same formula made safe where `a` is one cell, if need be.
    `derivatives` has a formula of `a` (and `b`) for each argument; none where there is no use.
    """

    excel: str
    latex: str
    derivatives: tuple[str, ...] = ()
    spelled_out: bool = False
    guarded: str = ""


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function("ABS", r"\left|{0}\right|", ("sign(a)",)),
    "cos": Function("COS", r"\cos\left({0}\right)", ("-sin(a)",)),
    "exp": Function("EXP", r"e^{{{0}}}", ("exp(a)",)),
    "int": Function("INT", r"\left\lfloor {0} \right\rfloor", ("0",)),
    "ln": Function("LN", r"\ln\left({0}\right)", ("1/a",)),
    # EXP(710) is an error in a spreadsheet, although 1/(1+e^710) is as good as 0.
    "logistic": Function(
        "1/(1 + exp(-a))",
        r"S\left({0}\right)",
        ("logistic(a)*(1 - logistic(a))",),
        spelled_out=True,
        guarded="if(a < -709, 0, 1/(1 + exp(-a)))",
    ),
    "max": Function("MAX", r"\max\left({0}\right)"),
    "min": Function("MIN", r"\min\left({0}\right)"),
    "mod": Function("MOD", r"{0} \bmod {1}", ("1", "-int(a/b)")),
    "pi": Function("PI", r"\pi"),
    "relu": Function(
        "max(0, a)",
        r"\operatorname{{relu}}\left({0}\right)",
        ("if(a > 0, 1, 0)",),
        spelled_out=True,
    ),
    "sign": Function("SIGN", r"\operatorname{{sign}}\left({0}\right)", ("0",)),
    "sin": Function("SIN", r"\sin\left({0}\right)", ("cos(a)",)),
    "sqrt": Function("SQRT", r"\sqrt{{{0}}}", ("1/(2*sqrt(a))",)),
    "tanh": Function("TANH", r"\tanh\left({0}\right)", ("1 - tanh(a)^2",)),
}


def expand(name: str, argument: Expr, *, guard: bool) -> Expr:
    """What a spelled-out function is in terms of those that spreadsheets have."""
    function = FUNCTIONS[name]
    return fill(function.guarded if guard and function.guarded else function.excel, a=argument)
