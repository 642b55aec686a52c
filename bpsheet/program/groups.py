"""Groups of weights for a diagnosis: the weights of a layer, or all parameters."""

from __future__ import annotations

from dataclasses import dataclass

from bpsheet.program.column import Column
from bpsheet.program.kinds import Role
from bpsheet.program.program import Program

__all__ = ["Group", "groups_of", "label_of"]

# The group of weights that are in no layer.
PARAMETERS = "parameters"


@dataclass(frozen=True)
class Group:
    """A group of weights for a diagnosis: the weights of a layer, or all parameters.

    `weights`, `gradients` and `adjustments` are column indices of the trace's array. A weight
    that is never updated has a gradient and no adjustment.
    """

    label: str
    neurons: tuple[str, ...]
    weights: tuple[int, ...]
    gradients: tuple[int, ...]
    adjustments: tuple[int, ...]

    @property
    def of_weights(self) -> str:
        """The group's name in a sentence."""
        return self.label if self.label == PARAMETERS else f"weights of {self.label}"


def label_of(column: Column) -> str:
    """The label of the group of a weight's or neuron's column."""
    return PARAMETERS if column.layer is None else f"layer {column.layer}"


def groups_of(program: Program) -> list[Group]:
    """The weights by layers, with their gradients (in batches the sums) and adjustments."""
    position = program.position
    sums = {
        ref.name: position[column.name]
        for column in program
        if column.role is Role.GRADIENT_SUM
        for ref in column.references
        if ref.lag == 0
    }
    by_label: dict[str, list[Column]] = {}
    for column in program:
        if column.role is Role.WEIGHT:
            by_label.setdefault(label_of(column), []).append(column)
    groups = []
    for label, weights in by_label.items():
        gradients = [
            str(weight.adjoint_name) for weight in weights if weight.adjoint_name in position
        ]
        if any(name in sums for name in gradients):
            gradients = [name for name in gradients if name in sums]
        adjustments = [name for w in weights if (name := program.adjustment_of(w.name)) is not None]
        groups.append(
            Group(
                label=label,
                neurons=tuple(dict.fromkeys(w.neuron for w in weights if w.neuron is not None)),
                weights=tuple(position[weight.name] for weight in weights),
                gradients=tuple(sums.get(name, position[name]) for name in gradients),
                adjustments=tuple(position[name] for name in adjustments),
            )
        )
    return groups
