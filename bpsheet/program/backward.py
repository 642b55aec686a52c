"""The backward pass of a program: reverse-mode differentiation of its forward columns.

The derivative of the loss with respect to a column (its *adjoint*) is a sum over the columns
that use it: their adjoint times their partial derivative. The forward columns are walked in
reverse, so every adjoint is ready when it is needed. An adjoint or a partial derivative becomes
a column where the notation names it (`MSE'`, `f'`, `f_error`, `dMSE / dw_gf1`). The others are
written into the formulas that use them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bpsheet.formula.derivative import derivatives, times
from bpsheet.formula.tree import ONE, ZERO, Expr, Num, Ref, references, total
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Column

__all__ = ["ADDED_UP", "backward", "local_derivatives"]


# The phases of the columns that the forward pass begins with.
LEAVES = (Phase.INPUT, Phase.WEIGHT)


ADDED_UP = (
    "the sum, over all formulas that use it, of the loss's derivative with respect to the formula "
    "times the formula's partial derivative"
)


def local_derivatives(column: Column, only: Collection[str] | None = None) -> Mapping[str, Expr]:
    """The partial derivatives of a column with respect to the columns it uses (or `only` some).

    They are the local factors of the chain rule. They have the form that the source gives; where
    it gives none, the formula is differentiated.

    >>> from bpsheet.formula.tree import Mul
    >>> local_derivatives(Column("p", Phase.FORWARD, Role.SUM, Mul(Ref("x"), Ref("w"))))
    {'x': Ref(name='w', lag=0), 'w': Ref(name='x', lag=0)}
    """
    if column.partials is not None:
        return column.partials
    if column.formula is None:
        return {}
    return derivatives(column.formula, only)


def backward(forward: Sequence[Column], objective: str) -> list[Column]:
    """The backward columns of a forward pass, in reverse order, then the gradients.

    `forward` has every column from the weights to the loss, `objective` names the loss.
    Equation: ∂L/∂c = Σ over the users u of c of ∂L/∂u · ∂u/∂c.

    A column with an `adjoint_name` gets a column for its adjoint, and one with a `slope_name` a
    column for its partial derivative. The adjoints of weights and inputs are the gradients and
    come last.
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
                # The loss does not depend on the column, for example behind a step.
                gradients.append(_adjoint_column(column, Num(0.0)))
            continue
        adjoint = total(collected[::-1])
        if column.adjoint_name:
            is_fed_back = any(ref.name in error_terms for ref in references(adjoint))
            derivative = _adjoint_column(column, adjoint, is_fed_back=is_fed_back)
            error_terms |= {derivative.name} if derivative.role is Role.ERROR else set()
            (gradients if column.phase in LEAVES else passed).append(derivative)
            adjoint = Ref(derivative.name)
        if column.phase in LEAVES:
            continue
        for name, partial in local_derivatives(column, wanted).items():
            if partial == ZERO or name not in wanted:
                continue
            if column.slope_name:
                passed.append(_slope_column(column, partial))
                partial = Ref(column.slope_name)  # noqa: PLW2901
            shares.setdefault(name, []).append(times(adjoint, partial))
    return [*passed, *reversed(gradients)]


def _adjoint_column(column: Column, adjoint: Expr, *, is_fed_back: bool = False) -> Column:
    """The column for the derivative of the loss with respect to a column.

    `is_fed_back` says that the derivative collects the error terms of other neurons.
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
