"""The numbers of one student: short numbers with which no neuron is saturated.

They depend only on the student, the seed and the exercise, so they are the same on any machine
and with any other students on the roster.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bpsheet.engine.rows import Cells
from bpsheet.errors import ExperimentError, Problem
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Ref
from bpsheet.plan.plan import Plan
from bpsheet.program.column import Column
from bpsheet.program.kinds import EXAMPLE, Role
from bpsheet.program.program import Program

__all__ = ["Start", "are_codes", "is_telling", "start_of", "varied"]

# The most rows that the search for good numbers computes: enough for thousands of attempts.
MAX_ROWS = 4_000
# A neuron is saturated where the derivative of its output is less than this.
LEAST_SLOPE = 0.04
LEAST_GRADIENT = 0.001
# Inputs that are no measurements. They have no other numbers.
CODES = (-1, 0, 1)
# The latest iteration from which a drawn sheet begins.
LATEST = 20
RowValues = dict[str, float]


@dataclass(frozen=True)
class Start:
    """Where a sheet begins: changes to the experiment, and the example and iteration they stand for.

    `example` and `iteration` are None where the sheet begins as the experiment does.
    """

    changes: Mapping[str, float]
    example: int | None = None
    iteration: int | None = None


@dataclass
class _Budget:
    """The number of rows that may still be computed."""

    rows: int


def start_of(plan: Plan, example: int | None = None, iteration: int = 1) -> Start:
    """The start with an example and the weights of an iteration, rounded to three digits.

    Where no example is chosen and all inputs of the first one are 0, the next one with other inputs
    takes its place: with such inputs most values are 0. Raises ExperimentError where a weight
    overflows before the iteration.
    """
    program = plan.program()
    try:
        return _start(plan, program, {}, example, iteration)
    except CellError:
        raise ExperimentError(
            [Problem("iteration", f"the weights overflow before iteration {iteration}")], "exercise"
        ) from None


def _start(
    plan: Plan, program: Program, drawn: Mapping[str, float], example: int | None, iteration: int
) -> Start:
    changes: dict[str, float] = dict(drawn)
    if not plan.has_data:
        rows = list(_rows(program, drawn, iteration)) if iteration > 1 else []
        changes |= _weights_in(plan, rows[-1]) if rows else {}
        return Start(changes, None, iteration if rows else None)
    rows = list(_rows(program, drawn, iteration, "" if iteration > 1 else EXAMPLE))
    if iteration > 1:
        changes |= _weights_in(plan, rows[-1])
    first, presented = (int(row[EXAMPLE]) for row in (rows[0], rows[-1]))
    wanted = example
    if wanted is None:
        telling = _telling(plan, program)
        wanted = presented
        if telling and presented not in telling:
            wanted = next((number for number in telling if number > presented), telling[0])
    if wanted != first:
        for name in plan.data_names:
            table = program.tables[name]
            for here, there in ((first, wanted), (wanted, first)):
                changes[f"{name}[{here}]"] = table[there - 1]
    is_chosen = wanted != first or example is not None
    return Start(changes, wanted if is_chosen else None, iteration if iteration > 1 else None)


def _weights_in(plan: Plan, row: RowValues) -> dict[str, float]:
    return {name: float(f"{row[name]:.3g}") for name in plan.model.weights if name in row}


def _telling(plan: Plan, program: Program) -> list[int]:
    """The examples whose inputs are not all 0."""
    tables = [program.tables[name] for name in plan.raw_inputs]
    return [n for n, values in enumerate(zip(*tables, strict=True), start=1) if any(values)]


def is_telling(plan: Plan, example: int) -> bool:
    """Whether the inputs of an example are not all 0."""
    return example in _telling(plan, plan.program(iterations=1))


def are_codes(plan: Plan) -> bool:
    """Whether all inputs are codes (-1, 0, 1), which have no other numbers."""
    tables = plan.program(iterations=1).tables
    return all(value in CODES for name in _measured(plan) for value in tables[name])


def _measured(plan: Plan) -> list[str]:
    """The inputs that are numbers, and not the codes of words and categories."""
    codes = {step.of[0] for step in plan.prepare if step.categories or step.words}
    return [name for name in plan.raw_inputs if name not in codes]


def varied(
    plan: Plan,
    vary: Sequence[str],
    iterations: int,
    key: str,
    *,
    example: int | None = None,
    iteration: int = 1,
) -> Start:
    """The start of a student's sheet, drawn at random from a key.

    vary: "weights", "data" (the inputs, or another example where they are codes), "example",
    "iteration" (the weights after some training).
    Raises ExperimentError where every draw gives saturated or dead neurons, gradients of zero, or
    values that overflow.
    """
    program = plan.program()
    digest = hashlib.sha256(key.encode()).digest()
    rng = random.Random(int.from_bytes(digest, "big"))  # noqa: S311 - exercises, not secrets
    examples = _examples(program, iterations)
    telling = _telling(plan, program) if plan.has_data else []
    draws_example = "example" in vary or ("data" in vary and are_codes(plan))
    budget = _Budget(MAX_ROWS)
    while budget.rows > 0:
        drawn: dict[str, float] = {}
        if "weights" in vary:
            drawn |= _weights(program, rng)
        if draws_example:
            example = telling[int(rng.random() * len(telling))]
        if "iteration" in vary:
            iteration = 1 + int(rng.random() * min(plan.iterations, LATEST))
        try:
            start = _start(plan, program, drawn, example, iteration)
        except CellError:
            budget.rows -= iteration
            continue
        budget.rows -= iteration - 1
        changes = dict(start.changes)
        if "data" in vary:
            changes |= _inputs(program, _measured(plan), examples, rng)
        if _is_nice(program, changes, iterations, budget):
            return replace(start, changes=changes)
    raise ExperimentError(
        [
            Problem(
                "vary",
                "all numbers that were tried saturate a neuron or give a gradient of zero; vary "
                "less, or take smaller inputs",
            )
        ],
        "exercise",
    )


def _pick(rng: random.Random, choices: Sequence[float]) -> float:
    # Python promises that random() never changes; other draws may change.
    return choices[int(rng.random() * len(choices))]


TENTHS = [sign * tenth / 10 for sign in (-1, 1) for tenth in range(1, 10)]


def _weights(program: Program, rng: random.Random) -> dict[str, float]:
    """New weights with one decimal, from -0.9 to 0.9. A weight above 1 stays near its value."""
    changes = {}
    for column in program:
        if column.role is not Role.WEIGHT or column.start is None:
            continue
        if abs(column.start) <= 1:
            changes[column.name] = _pick(rng, TENTHS)
        else:
            changes[column.name] = _near(rng, column.start)
    return changes


def _near(rng: random.Random, value: float) -> float:
    """A number of two digits, from half to one and a half times the value."""
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    count = round(abs(value) / step)
    drawn = count // 2 + int(rng.random() * (count + 1))
    return _short(math.copysign(drawn * step, value))


def _short(value: float) -> float:
    """A number rounded to two digits, without the rounding error of binary fractions."""
    return float(f"{value:.2g}")


def _inputs(
    program: Program, inputs: Sequence[str], examples: Sequence[int], rng: random.Random
) -> dict[str, float]:
    """New inputs of two digits within each input's range. Inputs that are codes (0, 1) stay."""
    changes = {}
    for name in inputs:
        table = program.tables[name]
        if all(value in CODES for value in table):
            continue
        largest = max(abs(value) for value in table)
        step = 10.0 ** (math.floor(math.log10(largest)) - 1)
        lowest = -largest if min(table) < 0 else min(table)
        low, high = math.ceil(lowest / step - 1e-9), math.floor(largest / step + 1e-9)
        if high <= low:
            low = high // 2
        choices = [number * step for number in range(low, high + 1) if number]
        for example in examples:
            changes[f"{name}[{example}]"] = _short(_pick(rng, choices))
    return changes


def _examples(program: Program, iterations: int) -> list[int]:
    """The numbers of the examples that the first iterations present."""
    return sorted({int(row[EXAMPLE]) for row in _rows(program, {}, iterations, EXAMPLE)})


def _rows(
    program: Program, changes: Mapping[str, float], iterations: int, last: str = ""
) -> Iterator[RowValues]:
    """The first rows of a run with changed numbers, up to the column `last` where one is named.

    Evaluating a few rows of a small network is faster than compiling its program.
    Raises CellError where a value overflows.
    """
    tables = {name: list(table) for name, table in program.tables.items()}
    for name, value in changes.items():
        if name.endswith("]"):
            table, _, number = name[:-1].rpartition("[")
            tables[table][int(number) - 1] = value
    cells = Cells.of(program, tables)
    row: RowValues = {}
    for index in range(iterations):
        before, row = row, {}

        def look(ref: Ref, row: RowValues = row, before: RowValues = before) -> float:
            return before[ref.name] if ref.lag else row[ref.name]

        for column in program:
            if index == 0 and column.name in changes:
                row[column.name] = changes[column.name]
            elif column.role not in (Role.TEST_SUM, Role.TEST_OUTPUT, Role.VERDICT):
                row[column.name] = cells.value(column, index, look)
            if column.name == last:
                break
        yield row


def _is_nice(
    program: Program, changes: Mapping[str, float], iterations: int, budget: _Budget
) -> bool:
    """Whether a run has no overflow, no saturated neuron, and no gradient of zero.

    A gradient may be zero where its input is zero.
    """
    try:
        for row in _rows(program, changes, iterations):
            budget.rows -= 1
            if not all(_is_fit(program, column, row) for column in program):
                return False
    except CellError:
        budget.rows -= 1
        return False
    return True


def _is_fit(program: Program, column: Column, row: RowValues) -> bool:
    if column.role is Role.OUTPUT_DERIVATIVE:
        return abs(row[column.name]) >= LEAST_SLOPE
    if column.role is Role.ERROR:
        return abs(row[column.name]) >= LEAST_GRADIENT
    if column.role is Role.GRADIENT:
        by_input = any(
            row[ref.name] == 0
            for ref in column.references
            if program[ref.name].role in (Role.DATA, Role.PREPARED) and not ref.lag
        )
        return by_input or abs(row[column.name]) >= LEAST_GRADIENT / 10
    return True
