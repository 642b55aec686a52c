"""The program of an experiment, put together from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpsheet.columns.model import Model, NetworkModel
from bpsheet.columns.names import trained_names
from bpsheet.columns.presentation import (
    example_order,
    parameters,
    perceptron_bands,
    presentation_bands,
)
from bpsheet.columns.updates import update_bands
from bpsheet.columns.verdicts import verdict_bands
from bpsheet.program.backward import backward
from bpsheet.program.kinds import EXAMPLE, Phase, Role
from bpsheet.program.program import Program
from bpsheet.program.quantities import Band, Scope, columns_of
from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Test, Training

__all__ = ["bands_of", "is_batched", "program_of"]


def is_batched(training: Training, examples: int) -> bool:
    """Whether there is more than one presentation between two updates."""
    size = examples if training.batch_size == "all" else training.batch_size
    return size != 1


def bands_of(
    model: Model,
    training: Training,
    test: Test | None,
    notation: Notation,
    *,
    examples: int,
    cyclic: bool,
) -> tuple[list[Band], Scope]:
    """Every quantity of the program, in the order of the phases, and the arrays among them."""
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
    presented = presentation_bands(
        *model.given(),
        derivatives,
        scope,
        examples,
        cyclic=cyclic,
        batched=batched,
    )
    weights = model.weight_bands(adjustments, scope)
    forward = model.forward_bands(scope)
    bands = [*presented, *weights, *forward]
    if model.loss is not None:
        asked = [band for band in presented if band.quantities[0].first.adjoint_name]
        bands += backward([*asked, *weights, *forward], model.loss, scope)
        uphill = training.rule == "gradient_ascent" or model.uphill
        bands += update_bands(
            training, weights, notation, adjustments, scope, uphill=uphill, batched=batched
        )
    elif isinstance(model, NetworkModel):
        bands += perceptron_bands(model.output, weights, adjustments, scope)
    if test is not None and isinstance(model, NetworkModel):
        passed = [band for band in forward if band.quantities[0].first.role is not Role.LOSS]
        bands += verdict_bands(test, model.inputs, model.output, passed, scope)
    order = list(Phase)
    return sorted(bands, key=lambda band: order.index(band.quantities[0].phase)), scope


def program_of(
    bands: Sequence[Band],
    scope: Scope,
    training: Training,
    tables: Mapping[str, Sequence[float]],
    *,
    order: str | Sequence[int],
    seed: int,
    iterations: int,
) -> Program:
    """The program of some quantities, with hyper-parameters, data and the order of examples."""
    columns = columns_of(bands)
    examples = len(next(iter(tables.values())))
    moves = any(column.role is Role.ADJUSTMENT for column in columns)
    return Program(
        tuple(columns),
        parameters(training, examples, batched=is_batched(training, examples)) if moves else (),
        tables,
        {} if order == "cyclic" else {EXAMPLE: example_order(order, examples, iterations, seed)},
        quantities=tuple(quantity for band in bands for quantity in band.quantities),
        arrays=scope.cells,
    )
