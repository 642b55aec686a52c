"""Functions of many numbers: SUM, AVERAGE, MAX, VAR, and their kin."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bpsheet.formula.arithmetic import finite
from bpsheet.formula.tree import ONE, ZERO, Compare, Div, Expr, If, Mul, Num, Pow, Sub
from bpsheet.sheets.evaluate import Evaluator, Function
from bpsheet.sheets.gather import Numbers, gathered, listed
from bpsheet.sheets.nodes import Fault, Tree
from bpsheet.sheets.results import Here, Result
from bpsheet.sheets.tape import Edge, Item, Tape, times

__all__ = ["AGGREGATES"]

# A function of a range with at least so many moving cells gets a row of its own where it is used
# several times.
WORTH_SHARING = 8
Value = Callable[[list[float]], float]
# The slope with respect to each item, and the text of all arguments.
Slopes = Callable[[Evaluator, list[Item], "Words"], Sequence[Expr | None]]


class Words:
    """The text of a function's arguments, which is made only where a slope needs it."""

    def __init__(self, reader: Evaluator, numbers: Numbers) -> None:
        self.reader = reader
        self.numbers = numbers
        self._listed: str | None = None

    def call(self, name: str, value: float) -> Expr:
        if self._listed is None:
            self._listed = listed(self.reader, self.numbers)
        return self.reader.tape.written(f"{name}({self._listed})", value)


class Rule(NamedTuple):
    """What a function makes of the numbers in its arguments.

    if_empty: its value without numbers, if that is an error
    """

    name: str
    value: Value
    slopes: Slopes
    if_empty: Fault | None


def aggregate(name: str, value: Value, slopes: Slopes, if_empty: Fault | None = None) -> Function:
    """A function of all numbers in its arguments."""
    rule = Rule(name, value, slopes, if_empty)

    def make(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
        numbers = gathered(reader, arguments, here)
        key = (name, numbers.areas or ())
        if numbers.areas and (known := reader.shared.get(key)) is not None:
            return known
        item = _item(reader, rule, numbers)
        if numbers.areas and (not item.moves or len(item.edges) >= WORTH_SHARING):
            reader.shared[key] = item
        return item

    return Function(1, 255, make)


def _item(reader: Evaluator, rule: Rule, numbers: Numbers) -> Item:
    tape, items = reader.tape, numbers.items
    if numbers.fault:
        return tape.failed([*numbers.fault, *items])
    if not items and rule.if_empty is not None:
        return Item(Fault.at(rule.if_empty, tape.here, f"{rule.name} of no numbers"))
    try:
        result = finite(float(rule.value(numbers.values)))
    except ZeroDivisionError:
        return tape.failed(items, Fault("#DIV/0!"))
    except (OverflowError, ValueError):
        return tape.failed(items, Fault("#NUM!"))
    words = Words(reader, numbers)
    edges: tuple[Edge, ...] = ()
    if any(item.moves for item in items):
        pairs = zip(items, rule.slopes(reader, items, words), strict=True)
        edges = tuple((item, slope) for item, slope in pairs if item.moves)
    return tape.made(result, lambda: words.call(rule.name, result) if items else ZERO, edges)


def _average(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _squares(values: list[float]) -> float:
    """The sum of squared distances from the mean."""
    mean = _average(values)
    return math.fsum((value - mean) ** 2 for value in values)


def _variance(*, of_all: bool) -> Value:
    return lambda values: _squares(values) / (len(values) - (not of_all))


def _distances(items: list[Item], words: Words) -> list[Expr]:
    mean = words.call("AVERAGE", _average(words.numbers.values))
    return [Sub(item.expr, mean) for item in items]


def _variance_slopes(*, of_all: bool) -> Slopes:
    def slopes(_: Evaluator, items: list[Item], words: Words) -> list[Expr | None]:
        scale = Num(2 / (len(items) - (not of_all)))
        return [Mul(scale, distance) for distance in _distances(items, words)]

    return slopes


def _deviation_slopes(name: str, *, of_all: bool) -> Slopes:
    def slopes(_: Evaluator, items: list[Item], words: Words) -> list[Expr | None]:
        count = len(items) - (not of_all)
        whole = words.call(name, math.sqrt(_squares(words.numbers.values) / count))
        return [
            Div(distance, Mul(Num(float(count)), whole)) for distance in _distances(items, words)
        ]

    return slopes


def _product_slopes(reader: Evaluator, items: list[Item], _: Words) -> list[Expr | None]:
    """The product of all others; neighbours among them are written as a range."""
    runs = _runs(reader.tape, items)
    wholes = [_run_product(reader, run) for run in runs]
    # The products of all runs before a run, and of all after it.
    before: list[Expr] = [ONE]
    after: list[Expr] = [ONE]
    for whole in wholes[:-1]:
        before.append(times(before[-1], whole))
    for whole in wholes[:0:-1]:
        after.append(times(whole, after[-1]))
    slopes: list[Expr | None] = []
    for run, left, right in zip(runs, before, after[::-1], strict=True):
        for index in range(len(run)):
            slope: Expr = left
            for part in (run[:index], run[index + 1 :]):
                slope = times(slope, _run_product(reader, part)) if part else slope
            slopes.append(times(slope, right))
    return slopes


def _runs(tape: Tape, items: list[Item]) -> list[list[Item]]:
    """The items in runs of neighbouring cells."""
    runs: list[list[Item]] = []
    for item in items:
        pair = tape.line([runs[-1][-1], item]) if runs else None
        start = tape.line(runs[-1][:2]) if runs else None
        # A run goes on in the direction in which it began.
        goes_on = pair is not None and (len(runs[-1]) == 1 or (start and start.rows == pair.rows))
        if goes_on:
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


def _run_product(reader: Evaluator, run: list[Item]) -> Expr:
    if len(run) == 1:
        return run[0].expr
    tape = reader.tape
    area = tape.line(run)
    assert area is not None
    text = f"PRODUCT({area.address})"
    return tape.written(text, math.prod(item.value for item in run))  # type: ignore[misc]


def _mean_slopes(name: str) -> Slopes:
    def slopes(_: Evaluator, items: list[Item], words: Words) -> list[Expr | None]:
        count = Num(float(len(items)))
        values = words.numbers.values
        if name == "GEOMEAN":
            whole = words.call(name, _geometric(values))
            return [Div(whole, Mul(count, item.expr)) for item in items]
        whole = words.call(name, _harmonic(values))
        return [Div(Pow(whole, Num(2.0)), Mul(count, Pow(item.expr, Num(2.0)))) for item in items]

    return slopes


def _geometric(values: list[float]) -> float:
    if min(values) <= 0:
        raise ValueError
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def _harmonic(values: list[float]) -> float:
    if min(values) <= 0:
        raise ValueError
    return len(values) / math.fsum(1 / value for value in values)


def _extreme(name: str) -> Function:
    """MAX and MIN. With few arguments a tie goes to the first; in a range it is shared."""
    choose = max if name == "MAX" else min
    sign = ">=" if name == "MAX" else "<="

    def slopes(reader: Evaluator, items: list[Item], words: Words) -> list[Expr | None]:
        values = words.numbers.values
        best = choose(values)
        ties = sum(value == best for value in values)
        if ties > 1:
            reader.tape.remark(
                f"{name}: {ties} of its values are equal here, at {best:g}: there is a kink, and the "
                f"slope is {'that of the first' if len(items) == 2 else 'shared among them'}"
            )
        if len(items) == 2:
            first, second = items
            test = Compare(sign, first.expr, second.expr)
            return [If(test, ONE, ZERO), If(test, ZERO, ONE)]
        whole = words.call(name, best)
        if not words.numbers.areas:
            count: Expr = Num(float(ties))
        else:
            text = "+".join(
                f"COUNTIF({a.address},{reader.tape.printer.text(whole)})"
                for a in words.numbers.areas
            )
            count = reader.tape.written(f"({text})", float(ties))
        return [If(Compare("=", item.expr, whole), Div(ONE, count), ZERO) for item in items]

    return aggregate(name, lambda values: choose(values, default=0.0), slopes)


def _middle(values: list[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _median_slopes(_: Evaluator, items: list[Item], words: Words) -> list[Expr | None]:
    """Of the one or two values in the middle; which they are is taken as it is now."""
    order = sorted(range(len(items)), key=lambda index: words.numbers.values[index])
    half = len(items) // 2
    middle = {order[half]} if len(items) % 2 else {order[half - 1], order[half]}
    share = Num(1 / len(middle))
    return [share if index in middle else None for index in range(len(items))]


def _same(slope: Callable[[int], Expr]) -> Slopes:
    return lambda _reader, items, _words: [slope(len(items))] * len(items)


NO_MEAN = Fault("#DIV/0!")
AGGREGATES: Mapping[str, Function] = {
    "SUM": aggregate("SUM", math.fsum, _same(lambda _: ONE)),
    "AVERAGE": aggregate(
        "AVERAGE", _average, _same(lambda count: Div(ONE, Num(float(count)))), NO_MEAN
    ),
    "SUMSQ": aggregate(
        "SUMSQ",
        lambda values: math.fsum(value * value for value in values),
        lambda _reader, items, _words: [Mul(Num(2.0), item.expr) for item in items],
    ),
    "PRODUCT": aggregate(
        "PRODUCT", lambda values: math.prod(values) if values else 0.0, _product_slopes
    ),
    "MAX": _extreme("MAX"),
    "MIN": _extreme("MIN"),
    "DEVSQ": aggregate(
        "DEVSQ",
        lambda values: _squares(values) if values else 0.0,
        lambda _reader, items, words: [Mul(Num(2.0), d) for d in _distances(items, words)],
    ),
    "GEOMEAN": aggregate("GEOMEAN", _geometric, _mean_slopes("GEOMEAN"), Fault("#NUM!")),
    "HARMEAN": aggregate("HARMEAN", _harmonic, _mean_slopes("HARMEAN"), Fault("#NUM!")),
    "MEDIAN": aggregate("MEDIAN", _middle, _median_slopes, Fault("#NUM!")),
}


def _spread(names: Sequence[str], *, of_all: bool, is_root: bool) -> dict[str, Function]:
    variance = _variance(of_all=of_all)
    old = names[0]
    value = (lambda values: math.sqrt(variance(values))) if is_root else variance
    slopes = _deviation_slopes(old, of_all=of_all) if is_root else _variance_slopes(of_all=of_all)
    return {name: aggregate(old, value, slopes, NO_MEAN) for name in names}


# The first name of each is the one that every program reads.
AGGREGATES = {
    **AGGREGATES,
    **_spread(("VAR", "VAR.S"), of_all=False, is_root=False),
    **_spread(("VARP", "VAR.P"), of_all=True, is_root=False),
    **_spread(("STDEV", "STDEV.S"), of_all=False, is_root=True),
    **_spread(("STDEVP", "STDEV.P"), of_all=True, is_root=True),
}
