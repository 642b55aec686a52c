"""Hand sheets with one planted mistake each, and how often the judge names it rightly.

For the figures in the README: `python -m tests.helpers.hand_sheets 2000`.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter

import bpsheet as bp
from bpsheet.api.experiment import Trace
from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.hand.judge import Judgement, Verdict, judge
from bpsheet.hand.slips import Slip, slips_of, written_out
from bpsheet.program.kinds import Role
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


def filled_in(
    trace: Trace, asked: list[Column], digits: int, wrong: tuple[Column, Slip] | None
) -> Sheet:
    """The first iteration as a person works it, who goes on with their own rounded values."""
    program = trace.program
    parameters = {parameter.name: parameter.value for parameter in program.parameters}
    names = {column.name for column in asked}
    known: dict[str, float] = {}
    sheet: Sheet = {}

    def value(ref):
        if ref.lag == 0 and ref.name in known:
            return known[ref.name]
        return float(trace.values[-ref.lag, program.position[ref.name]])

    for column in program:
        if column.role not in (*ALL_ASKED, Role.PART):
            continue
        formula = wrong[1].formula if wrong and column is wrong[0] else column.formula
        try:
            known[column.name] = evaluate(formula, value, parameters, program.tables)
        except CellError:
            known[column.name] = math.nan
        if column.name in names:
            sheet[1, column.name] = written(known[column.name], digits)
            known[column.name] = float(sheet[1, column.name])
    return sheet


def asked_of(trace: Trace, rng: random.Random) -> list[Column]:
    roles = rng.choice([ALL_ASKED, FEW_ASKED])
    return [column for column in trace.program if column.role in roles]


def with_a_slip(
    trace: Trace, digits: int, rng: random.Random
) -> tuple[list[Judgement], Column, Slip] | None:
    """The judgements of a sheet with one planted slip; None where there is none to plant."""
    asked = asked_of(trace, rng)
    names = {column.name for column in asked}
    column = rng.choice(asked)
    formula = written_out(trace.program, column, lambda ref: ref.name in names)
    slips = list(slips_of(trace.program, column, formula))
    if not slips:
        return None
    kind = rng.choice(sorted({slip.kind for slip in slips}))
    slip = rng.choice([slip for slip in slips if slip.kind == kind])
    return judge(trace, filled_in(trace, asked, digits, (column, slip))), column, slip


def with_a_random_mistake(
    trace: Trace, digits: int, rng: random.Random
) -> tuple[list[Judgement], str] | None:
    """The judgements of a sheet in which one number is wrong for no reason."""
    asked = asked_of(trace, rng)
    sheet = filled_in(trace, asked, digits, None)
    place = rng.choice(list(sheet))
    value = float(sheet[place])
    mistaken = written(
        rng.choice([value * rng.uniform(0.3, 3), value + rng.uniform(-1, 1)]), digits
    )
    if mistaken == sheet[place]:
        return None
    return judge(trace, sheet | {place: mistaken}), place[1]


def measure(count: int, digits: int, seed: int = 0) -> dict[str, float]:
    """Shares over `count` sheets of each kind.

    rightly: the planted slip is the first that is named; offered: it is among several;
    falsely: another is named; left: the value is called wrong or close. (Sheets on which the
    slip leaves the digits as they are do not count.) chance: a random mistake is called a
    slip; innocent: a right value is called a mistake.
    """
    rng = random.Random(seed)
    traces = templates()
    found: Counter[str] = Counter()
    for _ in range(count):
        trace = rng.choice(traces) if rng.random() < 0.5 else random_trace(rng)
        if (made := with_a_slip(trace, digits, rng)) is not None:
            _count_slip(found, *made)
        if (mistake := with_a_random_mistake(trace, digits, rng)) is not None:
            judgement = next(j for j in mistake[0] if j.quantity == mistake[1])
            if not judgement.verdict.is_right:
                found["mistakes"] += 1
                found["chance"] += judgement.verdict is Verdict.SLIP
    slips, others = max(found["slips"], 1), max(found["others"], 1)
    return {
        "rightly": found["rightly"] / slips,
        "offered": found["offered"] / slips,
        "falsely": found["falsely"] / slips,
        "left": found["left"] / slips,
        "chance": found["chance"] / max(found["mistakes"], 1),
        "innocent": found["innocent"] / others,
    }


def _count_slip(
    found: Counter[str], judgements: list[Judgement], column: Column, slip: Slip
) -> None:
    for judgement in judgements:
        if judgement.quantity != column.name:
            found["others"] += 1
            found["innocent"] += not judgement.verdict.is_right
        elif not judgement.verdict.is_right:
            found["slips"] += 1
            if judgement.verdict is not Verdict.SLIP:
                found["left"] += 1
            elif judgement.slips[0] == slip.kind:
                found["rightly"] += 1
            elif slip.kind in judgement.slips:
                found["offered"] += 1
            else:
                found["falsely"] += 1


if __name__ == "__main__":
    sheets = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for digits_written in range(2, 7):
        shares = measure(sheets, digits_written)
        print(digits_written, " ".join(f"{name} {share:.2%}" for name, share in shares.items()))
