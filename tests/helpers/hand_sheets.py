"""Simulated classes: sheets as people fill them in, and how rightly the judge reads them.

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
from bpsheet.formula.tree import Expr, Num
from bpsheet.hand.judge import Judged, judge
from bpsheet.hand.numbers import read_number
from bpsheet.hand.readings import readings_of
from bpsheet.hand.slips import Slip, Slips
from bpsheet.hand.verdict import Verdict
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Column
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


def templates() -> list[Trace]:
    return [bp.load(name).run(iterations=6) for name in small_templates() if name != "exploding"]


def cut(value: float, digits: int) -> str:
    """A number to so many significant digits, of which the further ones are cut off."""
    if value == 0 or not math.isfinite(value):
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    shown = f"{math.trunc(value * 10**decimals) / 10**decimals:.{max(decimals, 0)}f}"
    return shown if 0 <= decimals < 12 else written(value, digits)


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
        if column.role not in (*ALL_ASKED, Role.PART, Role.GRADIENT_SUM, Role.GRADIENT_USED):
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
    return slip.kind != "updated weight"


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
        print(digits_written, " ".join(f"{name} {part:.2%}" for name, part in shares.items()))
