"""Tangents: the slopes of forward and backward columns along a direction in the weights."""

from __future__ import annotations

from bpsheet.formula.derivative import differentiate
from bpsheet.formula.tree import ONE, ZERO, Expr, Mul, Ref, references, total
from bpsheet.program.backward import local_derivatives
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program, unlike

__all__ = ["tangent_columns"]


def tangent_columns(program: Program) -> tuple[list[Column], dict[str, str], dict[str, str]]:
    """The tangents of the forward and backward columns along a direction in the weights.

    Returns three things: the columns; by weight, the name of its component of the direction; and
    by weight, the name of its gradient's tangent where this is not always 0.
    """
    weights = [column for column in program if column.role is Role.WEIGHT]
    directions = {c.name: unlike(f"along {c.name}", program.position) for c in weights}
    tangents = dict(directions)
    columns: list[Column] = []
    for column in program.phase(Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT):
        if column.formula is None:
            continue
        if column.phase is Phase.FORWARD:
            partials = dict(local_derivatives(column))
        else:
            partials = {
                ref.name: differentiate(column.formula, ref.name)
                for ref in references(column.formula)
                if ref.name in tangents
            }
        terms = [
            _times(partial, Ref(tangents[name]))
            for name, partial in partials.items()
            if name in tangents and partial != ZERO
        ]
        if terms:
            tangents[column.name] = unlike(f"slope of {column.name}", program.position)
            columns.append(
                Column(
                    tangents[column.name],
                    Phase.TANGENT,
                    Role.TANGENT,
                    total(terms),
                    layer=column.layer,
                    neuron=column.neuron,
                    meaning=f"how fast {column.name} changes along the direction",
                )
            )
    rows = {
        column.name: tangents[str(column.adjoint_name)]
        for column in weights
        if column.adjoint_name in tangents
    }
    return columns, directions, rows


def _times(partial: Expr, tangent: Ref) -> Expr:
    return tangent if partial is ONE else Mul(partial, tangent)
