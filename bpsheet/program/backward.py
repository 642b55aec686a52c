"""The backward pass of a program: its forward columns, differentiated from the loss back to the weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bpsheet.formula.derivative import _derivatives, _times
from bpsheet.formula.tree import ONE, ZERO, Expr, Num, Ref, references, total
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Column

__all__ = ["ADDED_UP", "backward", "local_derivatives"]


# What the forward pass begins with.
LEAVES = (Phase.INPUT, Phase.WEIGHT)


ADDED_UP = "over all formulas that use it, the derivative of each times its slope along it"


def local_derivatives(column: Column, only: Collection[str] | None = None) -> Mapping[str, Expr]:
    """The partial derivatives of a column with respect to the columns it uses (or `only` some).

    They are the factors of the chain rule: as the source writes them where it does, else
    by differentiation of the formula.

    >>> from bpsheet.formula.tree import Mul
    >>> local_derivatives(Column("p", Phase.FORWARD, Role.SUM, Mul(Ref("x"), Ref("w"))))
    {'x': Ref(name='w', lag=0), 'w': Ref(name='x', lag=0)}
    """
    if column.partials is not None:
        return column.partials
    if column.formula is None:
        return {}
    return _derivatives(column.formula, only)


def backward(forward: Sequence[Column], objective: str) -> list[Column]:
    """The backward columns of a forward pass, in reverse order of it, then the gradients.

    `forward` has every column from the weights to the loss, `objective` names the last.
    Equation: ∂L/∂c = Σ over the users u of c of ∂L/∂u · ∂u/∂c.

    A column gets an adjoint column where its `adjoint_name` says so, and a column for its
    local derivative where its `slope_name` does. The adjoints of the leaves, weights and
    inputs, stand last: they are the gradients.
    """
    wanted = {column.name for column in forward}
    shares: dict[str, list[Expr]] = {objective: [ONE]}
    passed: list[Column] = []
    error_terms: set[str] = set()
    gradients: list[Column] = []
    for column in reversed(forward):
        collected = shares.get(column.name)
        if collected is None:
            if column.phase in LEAVES and column.adjoint_name:
                # The loss does not depend on it: behind a step, say.
                gradients.append(_adjoint_column(column, Num(0.0)))
            continue
        adjoint = total(collected[::-1])
        if column.adjoint_name:
            is_fed_back = any(ref.name in error_terms for ref in references(adjoint))
            made = _adjoint_column(column, adjoint, is_fed_back=is_fed_back)
            error_terms |= {made.name} if made.role is Role.ERROR else set()
            (gradients if column.phase in LEAVES else passed).append(made)
            adjoint = Ref(made.name)
        if column.phase in LEAVES:
            continue
        for name, partial in local_derivatives(column, wanted).items():
            if partial == ZERO or name not in wanted:
                continue
            if column.slope_name:
                passed.append(_slope_column(column, partial))
                partial = Ref(column.slope_name)  # noqa: PLW2901
            shares.setdefault(name, []).append(_times(adjoint, partial))
    return [*passed, *reversed(gradients)]


def _adjoint_column(column: Column, adjoint: Expr, *, is_fed_back: bool = False) -> Column:
    """The column for the derivative of the loss with respect to a column.

    `is_fed_back`: it collects the error terms of other neurons.
    """
    phase = Phase.GRADIENT if column.phase in LEAVES else Phase.BACKWARD
    what = f"derivative of the loss with respect to {column.name}"
    match column.role:
        case Role.WEIGHT if column.neuron is not None:
            role = Role.GRADIENT
            meaning = f"{what}: the neuron's error term times the input to the weight"
        case Role.WEIGHT:
            role = Role.GRADIENT
            meaning = f"{what}: {ADDED_UP}"
        case Role.OUTPUT:
            role = Role.LOSS_DERIVATIVE
            meaning = f"derivative of the loss with respect to the output {column.name}"
        case Role.SUM:
            role = Role.ERROR
            meaning = (
                f"error term of {column.neuron}, the derivative of the loss with respect to its "
                "weighted sum: "
            )
            meaning += (
                "the error terms of the neurons it feeds, each times the weight between, times "
                "the derivative of its output"
                if is_fed_back
                else "what a change of its output does to the loss, times the derivative of its "
                "output"
            )
        case _:
            role = Role.DERIVATIVE
            meaning = f"{what}: {ADDED_UP}"
    return replace(
        column,
        name=str(column.adjoint_name),
        phase=phase,
        role=role,
        formula=adjoint,
        start=None,
        partials=None,
        slope_name=None,
        adjoint_name=None,
        meaning=meaning,
    )


def _slope_column(column: Column, partial: Expr) -> Column:
    return Column(
        name=str(column.slope_name),
        phase=Phase.BACKWARD,
        role=Role.OUTPUT_DERIVATIVE,
        formula=partial,
        layer=column.layer,
        neuron=column.neuron,
        meaning=f"derivative of the output {column.name} with respect to its weighted sum",
    )
