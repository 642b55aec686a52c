"""What spreadsheets compute value by value: operators, elementary functions, tests."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

from bpsheet.formula.arithmetic import finite, floor, mod, power
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import (
    ONE,
    ZERO,
    Call,
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
    replace_refs,
)
from bpsheet.sheets.nodes import Fault
from bpsheet.sheets.tape import MINUS, Edge, Item, Tape, number
from bpsheet.sheets.values import Known, Unknown, compared, is_same_number, text_of, truth_of

__all__ = ["ELEMENTWISE", "Elementwise", "chosen", "operated"]

Slopes = Callable[..., tuple[Expr | None, ...]]


def numeric(
    tape: Tape,
    items: list[Item],
    value: Callable[..., float],
    expr: Callable[[], Expr],
    slopes: Callable[[], tuple[Expr | None, ...]],
) -> Item:
    """A number that is computed from numbers. `slopes` gives one for each item."""
    numbers = [number(item) for item in items]
    if any(type(n) is not float for n in numbers):
        return tape.failed(items)
    try:
        result = finite(float(value(*numbers)))
    except ZeroDivisionError:
        return tape.failed(items, Fault("#DIV/0!"))
    except (OverflowError, ValueError):
        return tape.failed(items, Fault("#NUM!"))
    edges: tuple[Edge, ...] = ()
    if any(item.moves for item in items):
        edges = tuple(
            (item, slope) for item, slope in zip(items, slopes(), strict=True) if item.moves
        )
    return tape.made(result, expr, edges)


def _power(base: float, exponent: float) -> float:
    if base == 0 and exponent <= 0:
        raise ValueError if exponent == 0 else ZeroDivisionError
    return power(base, exponent)


def _power_slopes(base: Item, exponent: Item) -> tuple[Expr | None, ...]:
    a, b = base.expr, exponent.expr
    left: Expr | None = None
    right: Expr | None = None
    if base.moves:
        if isinstance(b, Num):
            less = b.value - 1
            left = Mul(b, a if less == 1 else Pow(a, Num(less)))
            left = ONE if less == 0 else left
        else:
            left = Mul(b, Pow(a, Sub(b, ONE)))
    if exponent.moves:
        right = Mul(Pow(a, b), Call("ln", (a,)))
        if number(base) == 0:
            right = ZERO
    return left, right


def operated(tape: Tape, sign: str, left: Item, right: Item) -> Item:
    """Two values joined by an operator."""
    if (join := JOINS.get(sign)) is not None:
        a, b = number(left), number(right)
        if not (type(a) is float and type(b) is float):
            return tape.failed([left, right])
        try:
            value = finite(VALUES[sign](a, b))
        except ZeroDivisionError:
            return tape.failed([left, right], Fault("#DIV/0!"))
        except (OverflowError, ValueError):
            return tape.failed([left, right], Fault("#NUM!"))
        written = join, left, right
        if not (left.moves or right.moves):
            return Item(value, written)
        slopes = _operator_slopes(sign, left, right)
        edges = [(i, s) for i, s in zip((left, right), slopes, strict=True) if i.moves]
        return tape.made(value, written, edges)
    if left.fault or right.fault:
        return tape.failed([left, right])
    if sign == "&":
        joined = text_of(left.value) + text_of(right.value)  # type: ignore[arg-type]
        return tape.made(joined, None, tape.steps(left, right))
    return _compared(tape, sign, left, right)


def _operator_slopes(sign: str, left: Item, right: Item) -> tuple[Expr | None, ...]:
    match sign:
        case "+":
            return ONE, ONE
        case "-":
            return ONE, MINUS
        case "*":
            return _factor(right) if left.moves else None, _factor(left) if right.moves else None
        case "/":
            return _quotient(left, right)
    return _power_slopes(left, right)


def _factor(item: Item) -> Expr:
    """An item as a slope: a truth alone would show as TRUE."""
    return Mul(Num(1.0), item.expr) if isinstance(item.value, bool) else item.expr


def _added(first: Expr, second: Expr) -> Expr:
    return Sum((*first.terms, second) if isinstance(first, Sum) else (first, second))


JOINS: Mapping[str, Callable[[Expr, Expr], Expr]] = {
    "+": _added, "-": Sub, "*": Mul, "/": Div, "^": Pow,
}  # fmt: skip
VALUES: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "^": _power,
}  # fmt: skip


def _quotient(left: Item, right: Item) -> tuple[Expr | None, ...]:
    lower = right.expr
    inverse = Div(ONE, lower) if left.moves else None
    return inverse, Neg(Div(left.expr, Pow(lower, Num(2.0)))) if right.moves else None


def _compared(tape: Tape, sign: str, left: Item, right: Item) -> Item:
    truth = compared(sign, left.value, right.value)  # type: ignore[arg-type]
    edges = tape.steps(left, right)
    a, b = left.value, right.value
    if edges and isinstance(a, float) and isinstance(b, float) and is_same_number(a, b):
        tape.remark(
            f"the two sides of a comparison ({sign}) are equal here, at {a:g}: there may be a jump or "
            "a kink, and the slope is that of one side"
        )
    return tape.made(
        truth, lambda: tape.written(_test(tape, sign, left, right), float(truth)), edges
    )


def _test(tape: Tape, sign: str, left: Item, right: Item) -> str:
    return f"({_word(tape, left)}{sign}{_word(tape, right)})"


def _word(tape: Tape, item: Item) -> str:
    """A side of a comparison: also a text, or an empty cell."""
    if item.name or not isinstance(item.value, str | bool):
        text = tape.text(item)
        return f"({text})" if any(sign in text for sign in "<>=") else text
    if isinstance(item.value, bool):
        return str(item.value).upper()
    quoted = item.value.replace('"', '""')
    return f'"{quoted}"'


def chosen(tape: Tape, test: Item, then: Callable[[], Item], otherwise: Callable[[], Item]) -> Item:
    """IF of a single test. A side that a constant test leaves out is not even read."""
    if test.fault:
        return tape.failed([test])
    truth = truth_of(test.value)  # type: ignore[arg-type]
    if isinstance(truth, Fault):
        return tape.failed([test], truth)
    taken = (then if truth else otherwise)()
    if not test.moves:
        return taken
    other = (otherwise if truth else then)()
    sides = (taken, other) if truth else (other, taken)
    edges = [*tape.steps(test)]
    for item, slope in zip(
        sides, (If(test.expr, ONE, ZERO), If(test.expr, ZERO, ONE)), strict=True
    ):
        # The slopes of a side that has no value would be errors.
        if item.moves and (item is taken or not item.fault):
            edges.append((item, slope))
    return tape.made(taken.value, lambda: If(test.expr, sides[0].expr, sides[1].expr), edges)


@dataclass(frozen=True)
class Elementwise:
    """A function of single values, which goes element by element in an array formula.

    least, most: the number of its arguments
    apply:       makes the item of its value
    """

    least: int
    most: int
    apply: Callable[[Tape, list[Item]], Item]


def _ours(name: str, ours: str) -> Elementwise:
    """A function that our own formulas have, too."""
    function = FUNCTIONS[ours]
    slope = parse_formula(function.derivatives[0], ["a"])

    def slopes(item: Item) -> tuple[Expr | None, ...]:
        return (replace_refs(slope, {Ref("a"): item.expr}),)

    def apply(tape: Tape, items: list[Item]) -> Item:
        (item,) = items
        if name == "ABS" and item.moves and number(item) == 0:
            tape.remark("ABS of 0 has a kink: the slope there is taken as 0")
        return numeric(
            tape, items, function.value, lambda: Call(ours, (item.expr,)), lambda: slopes(item)
        )

    return Elementwise(1, 1, apply)


def _foreign(
    name: str, value: Callable[..., float], slopes: Slopes, least: int = 1, most: int | None = None
) -> Elementwise:
    """A function that only spreadsheets have. Its slopes are formulas of its arguments and itself."""

    def apply(tape: Tape, items: list[Item]) -> Item:
        def written() -> Expr:
            text = f"{name}({','.join(map(tape.text, items))})"
            return tape.written(text, item.value)  # type: ignore[arg-type]

        item = numeric(tape, items, value, written, lambda: slopes(tape, *items))
        return item

    return Elementwise(least, most or least, apply)


def _step(
    name: str, value: Callable[..., float], least: int = 1, most: int | None = None
) -> Elementwise:
    """A function that jumps: its slope is taken as 0, which is said."""
    made = _foreign(name, value, lambda _, *items: (None,) * len(items), least, most)

    def apply(tape: Tape, items: list[Item]) -> Item:
        item = made.apply(tape, items)
        if item.moves and not item.fault:
            tape.remark(f"{name} changes by jumps: its slope is taken as 0")
        return item

    return Elementwise(least, most or least, apply)


def _mod(tape: Tape, items: list[Item]) -> Item:
    left, right = items
    item = numeric(
        tape,
        items,
        mod,
        lambda: Call("mod", (left.expr, right.expr)),
        lambda: (ONE, Neg(Call("int", (Div(left.expr, right.expr),)))),
    )
    if item.moves and not item.fault:
        tape.remark("MOD jumps where it starts again: its slope is that between two jumps")
        if item.value == 0:
            tape.remark("MOD is 0 here: it jumps")
    return item


def _unary(function: Callable[[Expr], Expr]) -> Slopes:
    return lambda _, item: (function(item.expr),)


def _rounded(
    value: float, digits: float = 0.0, how: Callable[[float], float] | None = None
) -> float:
    """Away from 0 at a half, by 15 digits as spreadsheets see the number."""
    scale = 10.0 ** abs(int(digits))
    moved = abs(value) * scale if digits >= 0 else abs(value) / scale
    moved = float(f"{moved:.15g}")
    whole = how(moved) if how is not None else math.floor(moved + 0.5)
    return math.copysign(whole / scale if digits >= 0 else whole * scale, value)


def _multiple(how: Callable[[float], float]) -> Callable[..., float]:
    def value(number: float, step: float = 1.0) -> float:
        if step == 0:
            return 0.0
        if number > 0 > step:
            raise ValueError
        return how(float(f"{number / step:.15g}")) * step

    return value


def _log(value: float, base: float = 10.0) -> float:
    if base == 1:
        raise ZeroDivisionError
    return math.log10(value) if base == 10 else math.log(value) / math.log(base)


def _log_slopes(_: Tape, value: Item, base: Item | None = None) -> tuple[Expr | None, ...]:
    of_base: Expr = Call("ln", (base.expr if base is not None else Num(10.0),))
    first = Div(ONE, Mul(value.expr, of_base))
    if base is None:
        return (first,)
    second = Neg(Div(Call("ln", (value.expr,)), Mul(base.expr, Pow(of_base, Num(2.0)))))
    return first, second


def _normal_inverse(p: float, mean: float = 0.0, deviation: float = 1.0) -> float:
    if not 0 < p < 1 or deviation <= 0:
        raise ValueError
    return NormalDist(mean, deviation).inv_cdf(p)


def _normal_inverse_slopes(
    tape: Tape, p: Item, mean: Item | None = None, deviation: Item | None = None
) -> tuple[Expr | None, ...]:
    items = (p, mean, deviation) if mean is not None and deviation is not None else (p,)
    zero, one = Num(0.0), Num(1.0)
    middle = mean.expr if mean is not None else zero
    spread = deviation.expr if deviation is not None else one
    numbers = [number(item) for item in items]
    x = _normal_inverse(*numbers)  # type: ignore[arg-type]
    at = f"NORMINV({','.join(map(tape.printer.text, (p.expr, middle, spread)))})"
    where = tape.written(at, x)
    density = NormalDist(*numbers[1:]).pdf(x)  # type: ignore[arg-type]
    height = f"NORMDIST({at},{tape.printer.text(middle)},{tape.printer.text(spread)},FALSE)"
    first = Div(ONE, tape.written(height, density))
    return (first, ONE, Div(Sub(where, middle), spread))[: len(items)]


def _normal(x: float, mean: float, deviation: float, whole: float) -> float:
    if deviation <= 0:
        raise ValueError
    law = NormalDist(mean, deviation)
    return law.cdf(x) if whole else law.pdf(x)


def _normal_slopes(
    tape: Tape, x: Item, mean: Item, deviation: Item, whole: Item
) -> tuple[Expr | None, ...]:
    numbers = [number(item) for item in (x, mean, deviation)]
    text = ",".join(map(tape.text, (x, mean, deviation)))
    height = tape.written(f"NORMDIST({text},FALSE)", NormalDist(*numbers[1:]).pdf(numbers[0]))  # type: ignore[arg-type]
    z = Div(Sub(x.expr, mean.expr), deviation.expr)
    if number(whole):
        return height, Neg(height), Neg(Mul(height, z)), None
    fall = Neg(Div(Mul(height, z), deviation.expr))
    spread = Div(Mul(height, Sub(Pow(z, Num(2.0)), Num(1.0))), deviation.expr)
    return fall, Div(Mul(height, z), deviation.expr), spread, None


def _standard_normal(x: float, whole: float = 1.0) -> float:
    return _normal(x, 0.0, 1.0, whole)


def _standard_normal_slopes(
    tape: Tape, x: Item, whole: Item | None = None
) -> tuple[Expr | None, ...]:
    found = number(x)
    height = tape.written(f"NORMDIST({tape.text(x)},0,1,FALSE)", _standard_normal(found, 0.0))  # type: ignore[arg-type]
    if whole is None or number(whole):
        return (height, None)[: 1 if whole is None else 2]
    return Neg(Mul(x.expr, height)), None


def _truths(items: list[Item]) -> list[bool] | Fault:
    found = [truth_of(item.value) for item in items]  # type: ignore[arg-type]
    return next((f for f in found if isinstance(f, Fault)), found)  # type: ignore[return-value]


def _not(tape: Tape, items: list[Item]) -> Item:
    if items[0].fault:
        return tape.failed(items)
    found = _truths(items)
    if isinstance(found, Fault):
        return tape.failed(items, found)
    return tape.made(
        not found[0],
        lambda: tape.written(f"NOT({tape.text(items[0])})", float(not found[0])),
        tape.steps(*items),
    )


def _asks(name: str, test: Callable[[Known | Unknown], bool]) -> Elementwise:
    """A question about a value, such as ISNUMBER."""

    def apply(tape: Tape, items: list[Item]) -> Item:
        (item,) = items
        if isinstance(item.value, Unknown):
            return tape.failed(items)
        truth = test(item.value)
        return tape.made(
            truth,
            lambda: tape.written(f"{name}({tape.text(item)})", float(truth)),
            tape.steps(item),
        )

    return Elementwise(1, 1, apply)


def _as_number(tape: Tape, items: list[Item]) -> Item:
    """VALUE: the number itself."""
    (item,) = items
    return numeric(tape, items, lambda a: a, lambda: item.expr, lambda: (ONE,))


def _number_only(tape: Tape, items: list[Item]) -> Item:
    """N: a number or a truth; a text is 0."""
    (item,) = items
    if _is_text(item.value):
        return tape.made(0.0, None, tape.steps(item))
    return _as_number(tape, items)


def _is_number(value: Known | Unknown) -> bool:
    return isinstance(value, float) and not isinstance(value, bool)


def _is_text(value: Known | Unknown) -> bool:
    return isinstance(value, str) and not isinstance(value, Fault)


def _two_powered(expr: Expr) -> Expr:
    return Pow(expr, Num(2.0))


def _standard(tape: Tape, items: list[Item]) -> Item:
    """NORM.S.DIST, written so that every spreadsheet program reads it."""
    middle, spread = Item(0.0), Item(1.0)
    return ELEMENTWISE["NORMDIST"].apply(tape, [items[0], middle, spread, items[1]])


ELEMENTWISE: Mapping[str, Elementwise] = {
    **{
        name.upper(): _ours(name.upper(), name)
        for name in ("abs", "cos", "cosh", "erf", "exp", "ln", "sin", "sinh", "sqrt", "tanh")
    },
    "ACOS": _foreign(
        "ACOS",
        math.acos,
        _unary(lambda a: Div(Num(-1.0), Call("sqrt", (Sub(Num(1.0), _two_powered(a)),)))),
    ),
    "ASIN": _foreign(
        "ASIN",
        math.asin,
        _unary(lambda a: Div(ONE, Call("sqrt", (Sub(Num(1.0), _two_powered(a)),)))),
    ),
    "ATAN": _foreign(
        "ATAN", math.atan, _unary(lambda a: Div(ONE, Sum((Num(1.0), _two_powered(a)))))
    ),
    "ASINH": _foreign(
        "ASINH",
        math.asinh,
        _unary(lambda a: Div(ONE, Call("sqrt", (Sum((Num(1.0), _two_powered(a))),)))),
    ),
    "ATANH": _foreign(
        "ATANH", math.atanh, _unary(lambda a: Div(ONE, Sub(Num(1.0), _two_powered(a))))
    ),
    "DEGREES": _foreign("DEGREES", math.degrees, lambda *_: (Num(180 / math.pi),)),
    "RADIANS": _foreign("RADIANS", math.radians, lambda *_: (Num(math.pi / 180),)),
    "TAN": _foreign("TAN", math.tan, _unary(lambda a: Div(ONE, _two_powered(Call("cos", (a,)))))),
    "LOG": _foreign("LOG", _log, _log_slopes, 1, 2),
    "LOG10": _foreign("LOG10", math.log10, _log_slopes),
    "POWER": Elementwise(2, 2, lambda tape, items: operated(tape, "^", *items)),
    # Not a function of Excel, but LibreOffice knows it.
    "POW": Elementwise(2, 2, lambda tape, items: operated(tape, "^", *items)),
    "NORMINV": _foreign("NORMINV", _normal_inverse, _normal_inverse_slopes, 3),
    "NORM.INV": _foreign("NORMINV", _normal_inverse, _normal_inverse_slopes, 3),
    "NORMSINV": _foreign("NORMSINV", _normal_inverse, _normal_inverse_slopes),
    "NORM.S.INV": _foreign("NORMSINV", _normal_inverse, _normal_inverse_slopes),
    "NORMDIST": _foreign("NORMDIST", _normal, _normal_slopes, 4),
    "NORM.DIST": _foreign("NORMDIST", _normal, _normal_slopes, 4),
    "NORMSDIST": _foreign("NORMSDIST", _standard_normal, _standard_normal_slopes),
    "NORM.S.DIST": Elementwise(2, 2, _standard),
    "SIGN": _step("SIGN", lambda a: float((a > 0) - (a < 0))),
    "INT": _step("INT", floor),
    "TRUNC": _step("TRUNC", lambda a, d=0.0: _rounded(a, d, math.floor), 1, 2),
    "ROUND": _step("ROUND", _rounded, 2),
    "ROUNDUP": _step("ROUNDUP", lambda a, d: _rounded(a, d, math.ceil), 2),
    "ROUNDDOWN": _step("ROUNDDOWN", lambda a, d: _rounded(a, d, math.floor), 2),
    "CEILING": _step("CEILING", _multiple(math.ceil), 2),
    "FLOOR": _step("FLOOR", _multiple(math.floor), 2),
    "MOD": Elementwise(2, 2, _mod),
    "NOT": Elementwise(1, 1, _not),
    "N": Elementwise(1, 1, _number_only),
    "VALUE": Elementwise(1, 1, _as_number),
    "ISNUMBER": _asks("ISNUMBER", _is_number),
    "ISTEXT": _asks("ISTEXT", _is_text),
    "ISBLANK": _asks("ISBLANK", lambda value: value is None),
    "ISERROR": _asks("ISERROR", lambda value: isinstance(value, Fault)),
    "ISNA": _asks("ISNA", lambda value: value == "#N/A" and isinstance(value, Fault)),
    "ISERR": _asks("ISERR", lambda value: isinstance(value, Fault) and value != "#N/A"),
}
