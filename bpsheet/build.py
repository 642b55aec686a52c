"""From an experiment's tables to its program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpsheet.autodiff import backward
from bpsheet.functions import LOSSES
from bpsheet.initial import initial_values
from bpsheet.network import forward_columns, weight_columns
from bpsheet.notation import Notation
from bpsheet.program import Column, Phase, Program, Role
from bpsheet.spec import Initial, Network, Test, Training
from bpsheet.testing import verdict_columns
from bpsheet.training import (
    EXAMPLE,
    example_order,
    parameters,
    perceptron_columns,
    presentation_columns,
)
from bpsheet.updates import update_columns
from bpsheet.wiring import trained_names, weight_names, wire

__all__ = ["columns_of", "is_batched", "program_of"]


def is_batched(training: Training, examples: int) -> bool:
    """Whether weights stand still for more than one presentation."""
    size = examples if training.batch_size == "all" else training.batch_size
    return size != 1


def columns_of(
    network: Network,
    training: Training,
    initial: Initial,
    test: Test | None,
    notation: Notation,
    *,
    examples: int,
    cyclic: bool,
) -> list[Column]:
    """Every column of the program, in the order of the phases."""
    layers = wire(network, notation)
    batched = is_batched(training, examples)
    trained = trained_names(layers, training.freeze, training.only)
    every = weight_names(layers)
    loss = notation.name("loss")
    adjustments = {
        name: notation.name("adjustment", weight=name, loss=loss)
        for name in every
        if name in trained
    }
    has_loss = network.loss is not None
    gradients = (
        {name: notation.name("gradient", weight=name, loss=loss) for name in every}
        if has_loss
        else {}
    )
    weights = weight_columns(
        layers, initial_values(network, layers, initial), adjustments, gradients
    )
    forward = forward_columns(network, layers, notation)
    columns = presentation_columns(
        network.inputs,
        network.targets,
        examples,
        cyclic=cyclic,
        batched=batched,
    )
    columns += [*weights, *forward]
    if has_loss:
        columns += backward([*weights, *forward], loss)
        uphill = training.rule == "gradient_ascent" or LOSSES[str(network.loss)].maximised
        columns += update_columns(
            training, weights, notation, adjustments, uphill=uphill, batched=batched
        )
    else:
        by_name = {column.name: column for column in weights}
        columns += perceptron_columns(layers[-1], network.targets, by_name, adjustments)
    if test is not None:
        outputs = [column for column in forward if column.role is not Role.LOSS]
        columns += verdict_columns(test, network.inputs, layers[-1].outputs, outputs)
    order = list(Phase)
    return sorted(columns, key=lambda column: order.index(column.phase))


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
    numbers = example_order(order, examples, iterations, seed)
    return Program(
        tuple(columns),
        parameters(training, examples, batched=is_batched(training, examples)),
        tables,
        {} if order == "cyclic" else {EXAMPLE: [float(number) for number in numbers]},
    )
