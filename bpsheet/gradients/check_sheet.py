"""The sheet `Gradient check`: one forward pass in each row, with one weight moved by Δw.

The first row moves nothing. Then every weight has two rows: the first moves it down, the second
up. The second row has the slope, from the baseline, (L(w + Δw) − L) / Δw, or from both sides,
(L(w + Δw) − L(w − Δw)) / 2Δw. Beside it stands the gradient that backpropagation computed in
Steps.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from bpsheet.errors import LimitError
from bpsheet.formula.tree import (
    ZERO,
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Ref,
    Sub,
    Sum,
    Text,
)
from bpsheet.gradients.check import METHODS
from bpsheet.gradients.operations import operations
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
from bpsheet.program.program import Parameter, Program, unlike
from bpsheet.runs.run import Run
from bpsheet.words import counted

__all__ = ["CHECK", "MOST_WEIGHTS", "gradient_check"]

CHECK = "Gradient check"
# Each weight has two rows with a whole forward pass each. More rows are too many to look at.
MOST_WEIGHTS = 500

DELTA, METHOD = "delta_w", "method"
CHOICES = ("central", "forward")


@dataclass(frozen=True)
class _Names:
    """The columns that the sheet adds, under names that the run does not have."""

    turn: str
    number: str
    moved: str
    step: str
    baseline: str
    numerical: str
    analytic: str
    difference: str
    relative: str
    gradients: str


def gradient_check(trace: Run, settings: Settings) -> Study:
    """The study of an iteration's gradient. `settings` may have iteration, delta_w and method.

    Raises LimitError for more than 500 weights.
    """
    program = trace.program
    leaves = [column for column in program.leaves if column.adjoint_name in program.position]
    if len(leaves) > MOST_WEIGHTS:
        raise LimitError(
            f"the sheet {CHECK} has two forward passes for each weight; {len(leaves):,} weights, "
            f"{MOST_WEIGHTS} at the most. trace.check_gradient has no such limit"
        )
    method = str(settings.get(METHOD, "central"))
    delta = settings.get(DELTA, METHODS[method].delta if method in METHODS else 1e-5)
    columns = program.phase(Phase.INPUT, Phase.WEIGHT, Phase.FORWARD)
    names = _names_beside(columns)
    gradients = [str(column.adjoint_name) for column in leaves]
    presented = [column for column in columns if column.role in PRESENTED]
    weights = program.phase(Phase.WEIGHT)
    moved = tuple(leaf.name for leaf in leaves)
    loss = program.loss
    assert loss is not None
    indices = [program.position[name] for name in gradients]
    passes = Program(
        (
            *_turns(names, moved),
            *(_moved(column, moved, names) for column in (*presented, *weights)),
            *program.phase(Phase.FORWARD),
            *_results(names, loss),
        ),
        (
            iteration_cell(trace, settings.get(AT, 1.0)),
            *_cells_to_change(delta, method),
            *parameters_of(program, Phase.FORWARD),
        ),
        tables_of(trace, (*presented, *weights))
        | {names.gradients: trace.values[:, indices].tolist()},
        {names.moved: [0, *(number for number in range(1, len(leaves) + 1) for _ in "-+")]},
    )
    blocks = {column.name: (column.name, column.name) for column in (*presented, *weights)}
    largest = max(1.0, *(abs(float(v)) for v in trace.values[:, program.position[loss.name]]))
    lost = largest / abs(float(delta)) if delta else 1.0
    return Study(
        CHECK,
        f"{trace.experiment.title or trace.experiment.name}: the gradient, by forward passes alone",
        _notes(trace, len(leaves)),
        passes,
        2 * len(leaves) + 1,
        blocks | {names.gradients: (gradients[0], gradients[-1])},
        dict.fromkeys((names.numerical, names.difference, names.relative), lost),
        _looks(moved, names, passes.names),
    )


def _names_beside(columns: Collection[Column]) -> _Names:
    """The names of the sheet's own columns, none of which another column has."""
    taken = {column.name for column in columns}
    return _Names(
        *(
            unlike(name, taken)
            for name in (
                "pass",
                "number",
                "moved",
                "Δw",
                "baseline",
                "numerical gradient",
                "gradient in Steps",
                "difference",
                "relative difference",
                "gradients",
            )
        )
    )


def _cells_to_change(delta: float | str, method: str) -> tuple[Parameter, Parameter]:
    return (
        Parameter(DELTA, delta, "Δw", "the step by which weights are moved", between=(1e-12, 1)),
        Parameter(
            METHOD,
            method,
            METHOD,
            "how the slope is taken: central, from both sides; or forward, from the baseline",
            CHOICES,
        ),
    )


def _turns(names: _Names, moved: tuple[str, ...]) -> list[Column]:
    """The columns with the number of the pass, the weight that it moves, and the step."""
    turn = Ref(names.turn)
    half = Div(Sum((turn, Num(1.0))), Num(2.0))
    down = Compare("=", Call("mod", (turn, Num(2.0))), Num(1.0))
    delta = Param(DELTA)
    return [
        Column(
            names.turn,
            Phase.INPUT,
            Role.ITERATION,
            Sum((Ref(names.turn, 1), Num(1.0))),
            start=0.0,
            meaning="number of the forward pass; pass 0 is the baseline",
        ),
        Column(
            names.number,
            Phase.INPUT,
            Role.MOVED,
            Call("int", (half,)),
            meaning="number of the weight that is moved; 0: none",
        ),
        Column(
            names.moved,
            Phase.INPUT,
            Role.MOVED,
            None,
            labels=("nothing", *moved),
            meaning="the weight that is moved",
        ),
        Column(
            names.step,
            Phase.INPUT,
            Role.STEP,
            If(Compare("=", turn, ZERO), ZERO, If(down, Neg(delta), delta)),
            meaning="step of the weight: down in the first of its two rows, up in the second",
        ),
    ]


def _moved(column: Column, moved: tuple[str, ...], names: _Names) -> Column:
    """A weight or an input with its value in Steps, moved in its own two rows."""
    formula: Expr = at_iteration(column.name)
    meaning = f"value of {column.name} on Steps at the iteration"
    if column.name in moved:
        turn = Compare("=", Ref(names.number), Num(float(moved.index(column.name) + 1)))
        formula = Sum((formula, If(turn, Ref(names.step), ZERO)))
        meaning += ", moved in two of the rows"
    return replace(column, formula=formula, start=None, meaning=meaning)


def _results(names: _Names, whole: Column) -> list[Column]:
    """The columns with the measured slope and the gradient, filled in rows that move up."""
    loss = whole.name
    in_steps: Expr = Lookup(names.gradients, Param(AT), Ref(names.number))
    step, delta = Ref(names.step), Param(DELTA)
    one_sided = Div(Sub(Ref(loss), Ref(names.baseline)), delta)
    two_sided = Div(Sub(Ref(loss), Ref(loss, 1)), Mul(Num(2.0), delta))
    slope = If(Compare("=", Param(METHOD), Text("central")), two_sided, one_sided)

    def upwards(formula: Expr) -> Expr:
        return If(Compare(">", step, ZERO), formula, ZERO)

    estimate, exact, off = Ref(names.numerical), Ref(names.analytic), Ref(names.difference)
    size = Call("max", (Call("abs", (estimate,)), Call("abs", (exact,))))
    return [
        Column(
            names.baseline,
            Phase.CHECK,
            Role.LOSS,
            If(Compare("=", Ref(names.turn), ZERO), Ref(loss), Ref(names.baseline, 1)),
            meaning=f"the loss {loss} with nothing moved",
        ),
        Column(
            names.numerical,
            Phase.CHECK,
            Role.ESTIMATE,
            upwards(slope),
            meaning=f"change of {loss} divided by the distance that the weight moved",
        ),
        Column(
            names.analytic,
            Phase.CHECK,
            Role.GRADIENT,
            upwards(Neg(in_steps) if whole.turned else in_steps),
            meaning="the gradient that backpropagation computed on Steps"
            + (", with its sign turned" if whole.turned else ""),
        ),
        Column(
            names.difference,
            Phase.CHECK,
            Role.DIFFERENCE,
            Sub(estimate, exact),
            meaning="the numerical gradient minus the one on Steps",
        ),
        Column(
            names.relative,
            Phase.CHECK,
            Role.DIFFERENCE,
            If(Compare("=", size, ZERO), ZERO, Div(Call("abs", (off,)), size)),
            meaning="the difference divided by the larger of the two gradients",
        ),
    ]


def _looks(moved: tuple[str, ...], names: _Names, columns: tuple[str, ...]) -> tuple[Look, ...]:
    """A row marks the weight that it moves. Rows without a result hide it, unused rows are faint."""
    results = (names.numerical, names.analytic, names.difference, names.relative)
    is_forward = Compare("=", Param(METHOD), Text("forward"))
    return (
        *(
            Look("marked", (name,), Compare("=", Ref(names.number), Num(float(number))))
            for number, name in enumerate(moved, start=1)
        ),
        Look("unseen", results, Compare("<=", Ref(names.step), ZERO)),
        Look("faint", columns, If(is_forward, Compare("<", Ref(names.step), ZERO), ZERO)),
    )


def _notes(trace: Run, count: int) -> tuple[str, ...]:
    total = operations(trace.program).loc["total"]
    what = (
        "Each row is one forward pass. The first row moves nothing; then each weight is moved down "
        "and up by Δw. The slope between the two is the gradient, without a backward pass."
    )
    cost = (
        f"{counted(count, 'gradient')} {'takes' if count == 1 else 'take'} n + 1 = {count + 1} passes (method forward) or 2n = {2 * count} "
        "(central). Backpropagation takes one forward and one backward pass: "
        f"{total['forward'] + total['backward']:,} operations instead of "
        f"{total['brute force']:,}."
    )
    return what, cost
