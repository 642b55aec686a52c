"""Simulated classes: sheets as people fill them in, and how well the judge reads them.

For the table in tests/README.md: `python -m tests.helpers.hand_sheets 1000`.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping

import bpsheet as bp
from bpsheet.api.experiment import Trace
from bpsheet.engine.rows import Cells
from bpsheet.exercises.marks import Scale
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import (
    ONE,
    Call,
    Div,
    Expr,
    Mul,
    Num,
    Pow,
    Ref,
    Sub,
    Sum,
    children,
    rebuild,
    size,
    walk,
)
from bpsheet.hand.judge import Judged, judge
from bpsheet.hand.numbers import read_number
from bpsheet.hand.readings import readings_of
from bpsheet.hand.slips import Slip, Slips
from bpsheet.hand.verdict import Verdict
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from tests.helpers.samples import small_templates

ALL_ASKED = (
    Role.SUM,
    Role.OUTPUT,
    Role.LOSS,
    Role.LOSS_DERIVATIVE,
    Role.OUTPUT_DERIVATIVE,
    Role.ERROR,
    Role.GRADIENT,
    Role.ADJUSTMENT,
)
FEW_ASKED = (Role.OUTPUT, Role.LOSS, Role.LOSS_DERIVATIVE, Role.ERROR, Role.ADJUSTMENT)

Sheet = dict[tuple[int, str], str]


def written(value: float, digits: int) -> str:
    """A number to so many significant digits, as a person writes it."""
    if value == 0 or not math.isfinite(value):
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{decimals}f}" if 0 <= decimals < 15 else f"{value:.{digits - 1}e}"


def random_trace(rng: random.Random) -> Trace:
    """A run of a small random network with numbers of two decimals."""

    def number() -> float:
        return round(rng.uniform(-1, 1), 2) or 0.1

    inputs = rng.choice([1, 2, 2, 3])
    layers, before = [], inputs
    output = rng.choice(["logistic", "linear", "tanh"])
    loss = rng.choice(["half_squared_error", "half_squared_error", "squared_error"])
    if output == "logistic" and rng.random() < 0.4:
        loss = "binary_cross_entropy"
    widths = [rng.choice([1, 2, 2, 3]) for _ in range(rng.choice([1, 1, 2]))]
    for width in [*widths, rng.choice([1, 1, 2])]:
        is_output = len(layers) == len(widths)
        layers.append(
            bp.Layer(
                units=width,
                activation=output if is_output else rng.choice(["tanh", "logistic", "softplus"]),
                weights=[[number() for _ in range(before)] for _ in range(width)],
                bias=[number() for _ in range(width)],
            )
        )
        before = width
    examples = [
        [number() for _ in range(inputs)] + [float(rng.choice([0, 1])) for _ in range(before)]
        for _ in range(3)
    ]
    return bp.Experiment(
        network=bp.Network(
            inputs=[f"x{n + 1}" for n in range(inputs)],
            targets=[f"t{n + 1}" for n in range(before)],
            loss=loss,
            layers=layers,
        ),
        data=bp.Data(examples=examples),
        training=bp.Training(learning_rate=rng.choice([0.05, 0.1, 0.5]), iterations=3),
    ).run()


# A block of a transformer has twice as many columns as any other, and slips are looked for in all.
UNDRAWN = ("exploding", "transformer-block")


def templates() -> list[Trace]:
    return [bp.load(name).run(iterations=6) for name in small_templates() if name not in UNDRAWN]


def cut(value: float, digits: int) -> str:
    """A number to so many significant digits, of which the further ones are cut off."""
    if value == 0 or not math.isfinite(value):
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    shown = f"{math.trunc(value * 10**decimals) / 10**decimals:.{max(decimals, 0)}f}"
    return shown if 0 <= decimals < 12 else written(value, digits)


# What a person works out from the example and the weights.
WORKED = (Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT, Phase.UPDATE)


def worked(
    trace: Trace,
    asked: list[Column],
    digits: int,
    changed: Mapping[str, Expr],
    *,
    way: Callable[[float, str], float],
    writes: Callable[[float, int], str] = written,
) -> Sheet:
    """The first iteration as a person works it, with other formulas for some columns.

    `way` gives the number that is used later for a value and its written text.
    """
    program = trace.program
    cells = Cells.of(program)
    names = {column.name for column in asked}
    known: dict[str, float] = {}
    sheet: Sheet = {}

    def value(ref):
        if ref.lag == 0 and ref.name in known:
            return known[ref.name]
        row = 0 if ref.lag == 0 else -ref.lag
        return float(trace.values[row, program.position[ref.name]])

    for column in program:
        if column.formula is None or column.phase not in WORKED:
            continue
        try:
            found = cells.formula(changed.get(column.name, column.formula), value)
        except CellError:
            found = math.nan
        known[column.name] = found
        if column.name in names and math.isfinite(found):
            sheet[1, column.name] = text = writes(found, digits)
            known[column.name] = way(found, text)
    return sheet


def exactly(value: float, _: str) -> float:
    return value


def as_written(_: float, text: str) -> float:
    return float(text)


def ways(rng: random.Random) -> dict[str, Callable[[float, str], float]]:
    """The ways to go on: with all digits, with the written number, with a mixture."""

    def mixed(value: float, text: str) -> float:
        return rng.choice([value, float(text)])

    def later(value: float, text: str) -> float:
        """Rounded, but to two digits more than are written."""
        return float(f"{value:.{max(1, read_number(text).significant + 1)}e}")

    return {"exact": exactly, "every step": as_written, "mixed": mixed, "late": later}


def asked_of(trace: Trace, rng: random.Random) -> list[Column]:
    """What a sheet asks, without trivial questions: an exact 0, a constant."""
    roles = rng.choice([ALL_ASKED, FEW_ASKED])
    first = trace.values[0]
    return [
        column
        for column in trace.program
        if column.role in roles
        and not isinstance(column.formula, Num)
        and math.isfinite(first[trace.program.position[column.name]])
        and first[trace.program.position[column.name]] != 0
    ]


def planted(trace: Trace, asked: list[Column], rng: random.Random) -> Slip | None:
    """A slip in the formula of something that is asked; None where there is none to plant."""
    slips = Slips(trace.program).of(rng.choice(asked).name)
    if not slips:
        return None
    kind = rng.choice(sorted({slip.kind for slip in slips}))
    return rng.choice(
        [slip for slip in slips if slip.kind == kind and _can_be_made(slip)] or [None]
    )


def _can_be_made(slip: Slip) -> bool:
    """Whether a sheet of one iteration can show it: not with a weight of the next row."""
    return slip.kind != "weight after its update"


def share(judged: Judged) -> float:
    """The part of all marks that a sheet earns."""
    scale = Scale()
    return sum(
        0.0
        if one.verdict is Verdict.FEW_DIGITS and not one.is_nearly_enough
        else scale.verdicts[one.verdict]
        for one in judged.judgements
    ) / len(judged.judgements)


def nonsense(
    trace: Trace, other: Trace, asked: list[Column], digits: int, rng: random.Random
) -> dict[str, Sheet]:
    """Sheets on which nothing was worked out."""
    places = [(1, column.name) for column in asked]
    updated = [(2, column.name) for column in trace.program.phase(Phase.WEIGHT)]
    given = [
        f"{trace.values[0, index]:g}"
        for index, column in enumerate(trace.program)
        if column.role in (Role.DATA, Role.TARGET, Role.WEIGHT)
    ]
    return {
        "0": dict.fromkeys(places, "0"),
        "1": dict.fromkeys(places, "1"),
        "0.500": dict.fromkeys(places, "0.500"),
        "1e308": dict.fromkeys(places, "1e308"),
        "random": {place: f"{rng.uniform(-1, 1):.3f}" for place in places},
        "given": {place: rng.choice(given) for place in places},
        "another's": {
            place: written(
                float(other.values[place[0] - 1, other.program.position[place[1]]]), digits
            )
            for place in (*places, *updated)
        },
    }


def other_numbers(trace: Trace, rng: random.Random) -> Trace:
    """The same network with other weights."""
    changes = {
        column.name: round(rng.uniform(-1, 1), 2) or 0.3
        for column in trace.program
        if column.role is Role.WEIGHT
    }
    return trace.experiment.changed(changes).run(len(trace))


def some_trace(traces: list[Trace], rng: random.Random) -> Trace:
    return rng.choice(traces) if rng.random() < 0.5 else random_trace(rng)


def measure(count: int, digits: int, seed: int = 0) -> dict[str, float]:
    """Shares over `count` sheets of each kind, in parts of 1.

    lost:     values of right sheets that lose a mark
    named:    planted slips that are named at their place, alone or first
    offered:  planted slips that are among several
    false:    planted slips for which only others are named
    kept:     marks of all other values after one slip
    both:     slips of a sheet with two that are named at their place, or among several
    not both: those for which only others are named
    kept beside two: marks of all other values of such a sheet
    foreign:  mistakes in a formula whose value no slip of the table gives, and that are called one
    kept beside foreign: marks of all other values after one
    chance:   random mistakes that are called a slip
    readings: sheets in another convention that keep all marks
    cut:      values whose digits were cut that are called so, or are right
    nonsense: the largest part of the marks that a sheet of nonsense earns
    """
    rng = random.Random(seed)
    traces = templates()
    found: Counter[str] = Counter()
    worst = 0.0
    for _ in range(count):
        trace = some_trace(traces, rng)
        asked = asked_of(trace, rng)
        way = rng.choice(list(ways(rng).values()))
        judged = judge(trace, worked(trace, asked, digits, {}, way=way), digits=digits)
        found["values"] += len(judged.judgements)
        found["lost"] += sum(not one.verdict.is_right for one in judged.judgements)
        _count_slip(found, trace, asked, digits, rng)
        _count_two(found, trace, asked, digits, rng)
        _count_foreign(found, trace, asked, digits, rng)
        _count_chance(found, trace, asked, digits, rng)
        _count_reading(found, trace, asked, digits, rng)
        sheet = worked(trace, asked, digits, {}, way=exactly, writes=cut)
        judged = judge(trace, sheet, digits=digits)
        found["cut values"] += len(judged.judgements)
        found["cut"] += sum(
            one.verdict.is_right or one.verdict is Verdict.CUT for one in judged.judgements
        )
        if trace.experiment.network is not None and len(asked) > 4:
            for sheet in nonsense(trace, other_numbers(trace, rng), asked, digits, rng).values():
                earned = share(judge(trace, sheet, digits=digits))
                found["nonsense sheets"] += 1
                found["nonsense"] += earned > 0.05
                worst = max(worst, earned)

    def part(of: str, whole: str) -> float:
        return found[of] / max(found[whole], 1)

    return {
        "lost": part("lost", "values"),
        "named": part("named", "slips"),
        "offered": part("offered", "slips"),
        "false": part("false", "slips"),
        "kept": part("kept", "others"),
        "both": part("both", "two slips"),
        "not both": part("not both", "two slips"),
        "kept beside two": part("kept beside two", "beside two"),
        "foreign": part("foreign called", "foreign"),
        "kept beside foreign": part("kept beside foreign", "beside foreign"),
        "chance": part("chance", "mistakes"),
        "readings": part("readings", "read"),
        "cut": part("cut", "cut values"),
        "nonsense": part("nonsense", "nonsense sheets"),
        "worst nonsense": worst,
    }


def _count_slip(found, trace, asked, digits, rng) -> None:
    way = rng.choice(list(ways(rng).values()))
    slip = planted(trace, asked, rng)
    if slip is None:
        return
    sheet = worked(trace, asked, digits, {slip.column: slip.formula}, way=way)
    right = worked(trace, asked, digits, {}, way=exactly)
    if (1, slip.column) not in sheet or sheet[1, slip.column] == right.get((1, slip.column)):
        return
    judged = judge(trace, sheet, digits=digits)
    for one in judged.judgements:
        if one.quantity != slip.column:
            found["others"] += 1
            found["kept"] += one.verdict.is_right
        elif one.verdict is Verdict.SLIP or one.verdict is Verdict.WRONG:
            found["slips"] += 1
            found["named"] += bool(one.slips) and one.slips[0] == slip.kind
            found["offered"] += slip.kind in one.slips[1:]
            found["false"] += bool(one.slips) and slip.kind not in one.slips


def _count_two(found, trace, asked, digits, rng) -> None:
    """Two slips at once, each in a formula whose value is written down."""
    way = rng.choice(list(ways(rng).values()))
    slips = {slip.column: slip for _ in range(2) if (slip := planted(trace, asked, rng))}
    changed = {name: slip.formula for name, slip in slips.items()}
    sheet = worked(trace, asked, digits, changed, way=way)
    for name in slips if len(slips) == 2 else ():
        # Each must be seen where the other one is made as well.
        alone = {other: formula for other, formula in changed.items() if other != name}
        if sheet.get((1, name)) == worked(trace, asked, digits, alone, way=exactly).get((1, name)):
            return
    if len(slips) < 2 or any((1, name) not in sheet for name in slips):
        return
    for one in judge(trace, sheet, digits=digits).judgements:
        slip = slips.get(one.quantity)
        if slip is None:
            found["beside two"] += 1
            found["kept beside two"] += one.verdict.is_right
        elif one.verdict in (Verdict.SLIP, Verdict.WRONG, Verdict.AGAIN):
            found["two slips"] += 1
            found["both"] += slip.kind in one.slips
            found["not both"] += bool(one.slips) and slip.kind not in one.slips


def foreign(trace: Trace, name: str, rng: random.Random) -> Expr | None:
    """A column's formula with a mistake that is not in the table of slips."""
    program = trace.program
    formula = program[name].formula
    known = {slip.formula for slip in Slips(program).of(name)} | {formula}
    before = [column.name for column in program][: program.position[name]]
    parts = list(walk(formula))
    at = rng.randrange(len(parts))
    node = parts[at]
    match node:
        case Ref(_, 0):
            wrong = rng.choice([Ref(rng.choice(before)), Pow(node, Num(2.0)), Sub(ONE, node)])
        case Num(value):
            wrong = Num(value + rng.choice([-1.0, 1.0, 0.1]))
        case Mul(left, right):
            wrong = rng.choice([Sum((left, right)), Div(left, right), Sub(left, right)])
        case Sum(terms):
            wrong = rng.choice([Mul(terms[0], terms[1]), Div(node, Num(float(len(terms))))])
        case Sub(left, right):
            wrong = rng.choice([Mul(left, right), Div(left, right), Pow(node, Num(2.0))])
        case Call(_, (argument,)):
            wrong = rng.choice([Call("exp", (argument,)), Pow(argument, Num(2.0)), Div(ONE, node)])
        case _:
            return None
    made = _with_part(formula, at, wrong)
    return None if made in known else made


def _with_part(formula: Expr, at: int, wrong: Expr) -> Expr:
    """The formula with the part that `walk` gives at a number replaced."""
    if at == 0:
        return wrong
    operands = list(children(formula))
    start = 1
    for index, operand in enumerate(operands):
        if at < start + size(operand):
            operands[index] = _with_part(operand, at - start, wrong)
            break
        start += size(operand)
    return rebuild(formula, tuple(operands))


def _count_foreign(found, trace, asked, digits, rng) -> None:
    """A mistake that the table does not have: it is not called another, and costs its own mark."""
    name = rng.choice(asked).name
    wrong = foreign(trace, name, rng)
    if wrong is None:
        return
    way = rng.choice(list(ways(rng).values()))
    sheet = worked(trace, asked, digits, {name: wrong}, way=way)
    # Where a factor is 1, or an input another one, many mistakes give what a slip gives.
    formulas = [
        trace.program[name].formula,
        *(slip.formula for slip in Slips(trace.program).of(name)),
    ]
    likely = [
        worked(trace, asked, digits, {name: formula}, way=exactly).get((1, name))
        for formula in formulas
    ]
    if sheet.get((1, name)) in (None, *likely):
        return
    for one in judge(trace, sheet, digits=digits).judgements:
        if one.quantity != name:
            found["beside foreign"] += 1
            found["kept beside foreign"] += one.verdict.is_right
        elif one.verdict in (Verdict.SLIP, Verdict.WRONG):
            found["foreign"] += 1
            found["foreign called"] += one.verdict is Verdict.SLIP


def _count_chance(found, trace, asked, digits, rng) -> None:
    sheet = worked(trace, asked, digits, {}, way=exactly)
    place = rng.choice(list(sheet))
    value = float(sheet[place])
    wrong = written(rng.choice([value * rng.uniform(0.3, 3), value + rng.uniform(-1, 1)]), digits)
    if wrong != sheet[place]:
        judged = judge(trace, sheet | {place: wrong}, digits=digits)
        one = next(one for one in judged.judgements if one.place == place)
        if one.verdict in (Verdict.SLIP, Verdict.WRONG):
            found["mistakes"] += 1
            found["chance"] += one.verdict is Verdict.SLIP


def _count_reading(found, trace, asked, digits, rng) -> None:
    way = rng.choice(list(ways(rng).values()))
    reading = rng.choice(list(readings_of(trace.program)))
    sheet = worked(trace, asked, digits, reading.changed, way=way)
    right = worked(trace, asked, digits, {}, way=exactly)
    updates = [place for place in sheet if trace.program[place[1]].phase is Phase.UPDATE]
    is_shown = any(float(sheet[place]) for place in updates)
    differ = sum(sheet[place] != right.get(place) for place in sheet)
    if differ < reading.least + 1 or not is_shown:
        # What the update does with it makes it a convention.
        return
    judged = judge(trace, sheet, digits=digits)
    found["read"] += 1
    found["readings"] += all(one.verdict.is_right for one in judged.judgements)


if __name__ == "__main__":
    sheets = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for digits_written in range(2, 7):
        shares = measure(sheets, digits_written)
        print(digits_written, " · ".join(f"{name} {part:.2%}" for name, part in shares.items()))
