"""The program of an experiment, put together from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bpsheet.columns.model import Model, NetworkModel
from bpsheet.columns.names import trained_names
from bpsheet.columns.presentation import (
    example_order,
    parameters,
    perceptron_columns,
    presentation_columns,
)
from bpsheet.columns.updates import update_columns
from bpsheet.columns.verdicts import verdict_columns
from bpsheet.program.backward import backward
from bpsheet.program.kinds import EXAMPLE, Phase, Role
from bpsheet.program.program import Column, Program
from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Test, Training

__all__ = ["columns_of", "is_batched", "program_of"]


def is_batched(training: Training, examples: int) -> bool:
    """Whether there is more than one presentation between two updates."""
    size = examples if training.batch_size == "all" else training.batch_size
    return size != 1


def columns_of(
    model: Model,
    training: Training,
    test: Test | None,
    notation: Notation,
    *,
    examples: int,
    cyclic: bool,
) -> list[Column]:
    """Every column of the program, in the order of the phases."""
    trained = trained_names(model.weights, training.freeze, training.only)
    adjustments = {
        name: notation.name("adjustment", weight=name, loss=model.loss or notation.name("loss"))
        for name in model.weights
        if name in trained
    }
    batched = is_batched(training, examples) and bool(adjustments)
    presented = [
        _with_derivative(column, model, notation)
        for column in presentation_columns(
            model.inputs, model.targets, examples, cyclic=cyclic, batched=batched
        )
    ]
    weights = model.weight_columns(adjustments)
    forward = model.forward_columns()
    columns = [*presented, *weights, *forward]
    if model.loss is not None:
        asked = [column for column in presented if column.adjoint_name]
        columns += backward([*asked, *weights, *forward], model.loss)
        uphill = training.rule == "gradient_ascent" or model.uphill
        columns += update_columns(
            training, weights, notation, adjustments, uphill=uphill, batched=batched
        )
    elif isinstance(model, NetworkModel):
        by_name = {column.name: column for column in weights}
        columns += perceptron_columns(model.layers[-1], model.targets, by_name, adjustments)
    if test is not None and isinstance(model, NetworkModel):
        outputs = [column for column in forward if column.role is not Role.LOSS]
        columns += verdict_columns(test, model.inputs, model.layers[-1].outputs, outputs)
    order = list(Phase)
    return sorted(columns, key=lambda column: order.index(column.phase))


def _with_derivative(column: Column, model: Model, notation: Notation) -> Column:
    """The column of an input, with a name for its derivative if this was asked for."""
    if column.name not in model.gradient_of:
        return column
    name = notation.name("derivative", value=column.name, loss=model.loss)
    return replace(column, adjoint_name=name)


def program_of(
    columns: Sequence[Column],
    training: Training,
    tables: Mapping[str, Sequence[float]],
    *,
    order: str | Sequence[int],
    seed: int,
    iterations: int,
) -> Program:
    """The columns with their hyper-parameters, data and order of examples."""
    examples = len(next(iter(tables.values())))
    moves = any(column.role is Role.ADJUSTMENT for column in columns)
    return Program(
        tuple(columns),
        parameters(training, examples, batched=is_batched(training, examples)) if moves else (),
        tables,
        {} if order == "cyclic" else {EXAMPLE: example_order(order, examples, iterations, seed)},
    )
