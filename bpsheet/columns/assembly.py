"""The program of an experiment, put together from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpsheet.columns.model import Model, NetworkModel
from bpsheet.columns.names import trained_names
from bpsheet.columns.presentation import (
    example_order,
    parameters,
    perceptron_groups,
    presentation_groups,
)
from bpsheet.columns.updates import update_groups
from bpsheet.columns.verdicts import verdict_groups
from bpsheet.program.backward import backward
from bpsheet.program.kinds import EXAMPLE, Phase, Role
from bpsheet.program.program import Program
from bpsheet.program.quantities import Group, Scope, columns_of
from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Test, Training

__all__ = ["groups_of", "is_batched", "program_of"]


def is_batched(training: Training, examples: int) -> bool:
    """Whether there is more than one presentation between two updates."""
    size = examples if training.batch_size == "all" else training.batch_size
    return size != 1


def groups_of(
    model: Model,
    training: Training,
    test: Test | None,
    notation: Notation,
    *,
    examples: int,
    cyclic: bool,
) -> list[Group]:
    """Every quantity of the program, in the order of the phases."""
    scope = Scope()
    trained = trained_names(model.weights, training.freeze, training.only)
    adjustments = {
        name: notation.name("adjustment", weight=name, loss=model.loss or notation.name("loss"))
        for name in model.weights
        if name in trained
    }
    batched = is_batched(training, examples) and bool(adjustments)
    derivatives = {
        name: notation.name("derivative", value=name, loss=model.loss) for name in model.gradient_of
    }
    presented = presentation_groups(
        model.inputs,
        model.targets,
        derivatives,
        scope,
        examples,
        cyclic=cyclic,
        batched=batched,
        as_vectors=isinstance(model, NetworkModel),
    )
    weights = model.weight_groups(adjustments, scope)
    forward = model.forward_groups(scope)
    groups = [*presented, *weights, *forward]
    if model.loss is not None:
        asked = [group for group in presented if group.quantities[0].first.adjoint_name]
        groups += backward([*asked, *weights, *forward], model.loss, scope)
        uphill = training.rule == "gradient_ascent" or model.uphill
        groups += update_groups(
            training, weights, notation, adjustments, scope, uphill=uphill, batched=batched
        )
    elif isinstance(model, NetworkModel):
        groups += perceptron_groups(model.output, weights, adjustments, scope)
    if test is not None and isinstance(model, NetworkModel):
        passed = [group for group in forward if group.quantities[0].first.role is not Role.LOSS]
        groups += verdict_groups(test, model.inputs, model.output, passed, scope)
    order = list(Phase)
    return sorted(groups, key=lambda group: order.index(group.quantities[0].phase))


def program_of(
    groups: Sequence[Group],
    training: Training,
    tables: Mapping[str, Sequence[float]],
    *,
    order: str | Sequence[int],
    seed: int,
    iterations: int,
) -> Program:
    """The program of some quantities, with hyper-parameters, data and the order of examples."""
    columns = columns_of(groups)
    examples = len(next(iter(tables.values())))
    moves = any(column.role is Role.ADJUSTMENT for column in columns)
    return Program(
        tuple(columns),
        parameters(training, examples, batched=is_batched(training, examples)) if moves else (),
        tables,
        {} if order == "cyclic" else {EXAMPLE: example_order(order, examples, iterations, seed)},
    )
