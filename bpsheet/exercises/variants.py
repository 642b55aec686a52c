"""The numbers of one student: short numbers with which no neuron is saturated.

They depend only on the student, the seed and the exercise, so they are the same on any machine
and with any other students on the roster.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bpsheet.engine.rows import Cells
from bpsheet.errors import ExperimentError, Problem
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Ref
from bpsheet.plan.plan import Plan
from bpsheet.program.column import Column
from bpsheet.program.kinds import EXAMPLE, Role
from bpsheet.program.program import Program

__all__ = ["varied"]

# The most rows that the search for good numbers computes: enough for thousands of attempts.
MAX_ROWS = 4_000
# A neuron is saturated where the derivative of its output is less than this.
LEAST_SLOPE = 0.04
LEAST_GRADIENT = 0.001
RowValues = dict[str, float]


@dataclass
class _Budget:
    """The number of rows that may still be computed."""

    rows: int


def varied(
    experiment: Plan, vary: Sequence[str], iterations: int, key: str
) -> dict[str, float | str]:
    """Changes to an experiment's weights and inputs, drawn at random from a key.

    Raises ExperimentError where every draw gives saturated or dead neurons, gradients of zero, or
    values that overflow.
    """
    program = experiment.program()
    digest = hashlib.sha256(key.encode()).digest()
    rng = random.Random(int.from_bytes(digest, "big"))  # noqa: S311 - exercises, not secrets
    examples = _examples(program, iterations)
    budget = _Budget(MAX_ROWS)
    while budget.rows > 0:
        changes: dict[str, float] = {}
        if "weights" in vary:
            changes |= _weights(program, rng)
        if "data" in vary:
            changes |= _inputs(program, experiment.model.inputs, examples, rng)
        if _is_nice(program, changes, iterations, budget):
            return dict(changes)
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
        if all(value in (-1, 0, 1) for value in table):
            continue
        largest = max(abs(value) for value in table)
        step = 10.0 ** (math.floor(math.log10(largest)) - 1)
        lowest = -largest if min(table) < 0 else min(table)
        low, high = math.ceil(lowest / step - 1e-9), math.floor(largest / step + 1e-9)
        if high == low:
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
            if program[ref.name].role is Role.DATA and not ref.lag
        )
        return by_input or abs(row[column.name]) >= LEAST_GRADIENT / 10
    return True
