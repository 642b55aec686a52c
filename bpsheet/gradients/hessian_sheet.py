"""The sheet `Hessian`: each row has the direction of one weight, and its second derivatives.

From left to right a row has the forward and the backward pass of the iteration, then the slope
of each of their columns along the direction (`tangent_columns`). The slopes of the gradient are
a row of the matrix.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpsheet.errors import LimitError
from bpsheet.formula.tree import ONE, ZERO, Compare, Expr, If, Neg, Num, Ref, Sum
from bpsheet.gradients.hessian import MOST_WEIGHTS, curvature, weights_of
from bpsheet.gradients.study import (
    AT,
    Look,
    Settings,
    Study,
    at_iteration,
    iteration_cell,
    parameters_of,
    tables_of,
)
from bpsheet.program.column import Column
from bpsheet.program.kinds import PRESENTED, Phase, Role
from bpsheet.program.program import Program, unlike
from bpsheet.program.tangents import tangent_columns
from bpsheet.runs.run import Run

__all__ = ["HESSIAN", "second_derivatives"]

HESSIAN = "Hessian"
# Every weight has a row, and each row has columns for all weights.
MOST_ON_A_SHEET = 100


def second_derivatives(trace: Run, settings: Settings) -> Study:
    """The study of an iteration's second derivatives. `settings` may have an iteration.

    Raises LimitError for more than 100 weights.
    """
    program = trace.program
    weights = weights_of(trace)
    if len(weights) > MOST_ON_A_SHEET:
        raise LimitError(
            f"the sheet {HESSIAN} is for small networks: {len(weights):,} weights, "
            f"{MOST_ON_A_SHEET} at the most. trace.hessian allows {MOST_WEIGHTS}"
        )
    loss = program.loss
    assert loss is not None
    taken = program.position
    number, moved = unlike("row", taken), unlike("weight", taken)
    presented = [column for column in program if column.role in PRESENTED]
    tangents, directions, rows = tangent_columns(program)
    turns = [Compare("=", Ref(number), Num(float(n))) for n in range(1, len(weights) + 1)]
    results = {w.name: unlike(f"∂²{loss.name} / ∂{w.name}", taken) for w in weights}
    columns = (
        *_turns(number, moved, tuple(directions)),
        *(_as_in_steps(column) for column in (*presented, *weights)),
        *program.phase(Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT),
        *(
            Column(
                name,
                Phase.TANGENT,
                Role.DIRECTION,
                If(turn, ONE, ZERO),
                meaning=f"slope of {weight} along the row's direction: 1 in the row of {weight}",
            )
            for turn, (weight, name) in zip(turns, directions.items(), strict=True)
        ),
        *tangents,
        *(_second(name, weight, rows.get(weight), loss) for weight, name in results.items()),
    )
    return Study(
        HESSIAN,
        f"{trace.experiment.title or trace.experiment.name}: second derivatives",
        _notes(trace, int(settings.get(AT, 1)), loss.name),
        Program(
            columns,
            (
                iteration_cell(trace, settings.get(AT, 1.0)),
                *parameters_of(program, Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT),
            ),
            tables_of(trace, (*presented, *weights)),
            {moved: range(1, len(weights) + 1)},
        ),
        len(weights),
        {column.name: (column.name, column.name) for column in (*presented, *weights)},
        looks=tuple(
            Look("marked", (name,), turn)
            for turn, name in zip(turns, results.values(), strict=True)
        ),
    )


def _turns(number: str, moved: str, directions: tuple[str, ...]) -> tuple[Column, Column]:
    """The columns with the number of the row, and the weight whose row it is."""
    return (
        Column(
            number,
            Phase.INPUT,
            Role.ITERATION,
            Sum((Ref(number, 1), ONE)),
            start=1.0,
            meaning="number of the row: one for each weight",
        ),
        Column(
            moved,
            Phase.INPUT,
            Role.MOVED,
            None,
            labels=("", *directions),
            meaning="the weight whose second derivatives this row holds",
        ),
    )


def _second(name: str, weight: str, slope: str | None, loss: Column) -> Column:
    """A second derivative: the slope of a weight's gradient, 0 where no formula leads to it."""
    along: Expr = ZERO if slope is None else Ref(slope)
    return Column(
        name,
        Phase.CURVATURE,
        Role.SECOND,
        Neg(along) if loss.turned and slope is not None else along,
        meaning=f"second derivative of {loss.name} with respect to the row's weight and {weight}",
    )


def _as_in_steps(column: Column) -> Column:
    meaning = f"value of {column.name} on Steps at the iteration"
    return replace(column, formula=at_iteration(column.name), start=None, meaning=meaning)


def _notes(trace: Run, iteration: int, loss: str) -> tuple[str, ...]:
    note = (
        "Each row goes along the direction of one weight. From left to right stand the slopes of "
        "all forward and backward columns in that direction. The slopes of the gradient are the "
        f"second derivatives of {loss}: the matrix at the right end, which is symmetric about its "
        "marked diagonal."
    )
    if not np.isfinite(trace.values[iteration - 1]).all():
        return (note,)
    result = curvature(trace, iteration)
    return (
        note,
        f"Iteration {iteration}, as the workbook was written. {result.listed}. {result.sentence}",
    )
