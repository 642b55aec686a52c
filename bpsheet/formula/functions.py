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
from bpsheet.formula.tree import Expr, Num, replace_refs, total

__all__ = [
    "ACTIVATIONS",
    "FUNCTIONS",
    "LOSSES",
    "SIMPLIFIED",
    "Activation",
    "Function",
    "Loss",
    "Simplified",
    "expand",
    "fill",
]


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


@dataclass(frozen=True)
class Activation:
    """An activation function: formula of `z`, derivative in `z` or `y`, and what it is."""

    formula: str
    derivative: str
    meaning: str


# Softmax is not here: each of its outputs depends on every weighted sum (see `bpsheet.columns.network`).
ACTIVATIONS: Mapping[str, Activation] = {
    "linear": Activation("z", "1", "the weighted sum itself"),
    "logistic": Activation("logistic(z)", "y*(1 - y)", "the logistic function of the weighted sum"),
    "tanh": Activation("tanh(z)", "1 - y^2", "the hyperbolic tangent of the weighted sum"),
    "relu": Activation(
        "max(0, z)", "if(z > 0, 1, 0)", "the weighted sum where it is positive, else 0"
    ),
    "leaky_relu": Activation(
        "if(z > 0, z, 0.01*z)",
        "if(z > 0, 1, 0.01)",
        "the weighted sum where it is positive, else a hundredth of it",
    ),
    # ln(1 + e^z), written so that a large z does not overflow.
    "softplus": Activation(
        "max(z, 0) + ln(1 + exp(-abs(z)))",
        "logistic(z)",
        "the logarithm of 1 + e^z, a smooth form of relu",
    ),
    "sign": Activation("sign(z)", "0", "the sign of the weighted sum: 1, 0 or -1"),
}


@dataclass(frozen=True)
class Loss:
    """An objective: `term` for each output `y` with target `t`, and `whole` of their sum `s`.

    `derivative` is that of the whole with respect to one output, as a textbook writes it;
    `n` is the number of outputs. `fits` names the output activations that it needs.
    """

    term: str
    whole: str
    derivative: str
    meaning: str
    maximised: bool = False
    fits: tuple[str, ...] = ()

    def formula(self, targets: list[Expr], outputs: list[Expr]) -> Expr:
        """The loss of one example, over all outputs."""
        terms = [fill(self.term, t=t, y=y) for t, y in zip(targets, outputs, strict=True)]
        whole = self.whole
        if len(outputs) == 1:
            whole = whole.replace("/n", "")
        return fill(whole, s=total(terms), n=Num(float(len(outputs))))

    def slope(self, target: Expr, output: Expr, count: int) -> Expr:
        """The derivative of the loss with respect to one of `count` outputs."""
        derivative = self.derivative.replace("/n", "") if count == 1 else self.derivative
        return fill(derivative, t=target, y=output, n=Num(float(count)))


SQUARES = "(t - y)^2"
BERNOULLI = "t*ln(y) + (1 - t)*ln(1 - y)"

LOSSES: Mapping[str, Loss] = {
    "half_squared_error": Loss(
        SQUARES, "0.5*s", "-(t - y)", "half the squared difference between target and output"
    ),
    "squared_error": Loss(
        SQUARES, "s", "2*(y - t)", "the squared difference between target and output"
    ),
    "mean_squared_error": Loss(
        SQUARES,
        "s/n",
        "2*(y - t)/n",
        "the mean over the outputs of the squared difference between target and output",
    ),
    "binary_cross_entropy": Loss(
        BERNOULLI,
        "-(s)",
        "-(t/y - (1 - t)/(1 - y))",
        "minus the logarithm of the probability given to the target",
        fits=("logistic",),
    ),
    "cross_entropy": Loss(
        "t*ln(y)",
        "-(s)",
        "-(t/y)",
        "minus the logarithm of the probability given to the right class",
        fits=("softmax",),
    ),
    "gaussian_log_likelihood": Loss(
        SQUARES,
        "-0.5*s",
        "t - y",
        "the log likelihood of the target under a normal distribution around the output",
        maximised=True,
    ),
    "bernoulli_log_likelihood": Loss(
        BERNOULLI,
        "s",
        "t/y - (1 - t)/(1 - y)",
        "the logarithm of the probability given to the target",
        maximised=True,
        fits=("logistic",),
    ),
    "multinomial_log_likelihood": Loss(
        "t*ln(y)",
        "s",
        "t/y",
        "the logarithm of the probability given to the right class",
        maximised=True,
        fits=("softmax",),
    ),
}


@dataclass(frozen=True)
class Simplified:
    """A loss taken together with the output's activation, from the weighted sums `z`.

    `derivative` is that of the whole with respect to one weighted sum: the products in
    the chain rule cancel, and nothing divides by an output that has become 0.
    `largest` and `total` are softmax's shift and its sum of exponentials.
    """

    term: str
    derivative: str


_LOGISTIC = Simplified("max(z, 0) - z*t + ln(1 + exp(-abs(z)))", "y - t")
_LOGISTIC_UP = Simplified("z*t - max(z, 0) - ln(1 + exp(-abs(z)))", "t - y")
_SOFTMAX = Simplified("t*(largest + ln(total) - z)", "y - t")
_SOFTMAX_UP = Simplified("t*(z - largest - ln(total))", "t - y")

SIMPLIFIED: Mapping[str, Simplified] = {
    "binary_cross_entropy": _LOGISTIC,
    "bernoulli_log_likelihood": _LOGISTIC_UP,
    "cross_entropy": _SOFTMAX,
    "multinomial_log_likelihood": _SOFTMAX_UP,
}
