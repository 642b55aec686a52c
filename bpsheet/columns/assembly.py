"""The program of an experiment, put together from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

from bpsheet.columns.model import Model, NetworkModel
from bpsheet.columns.names import trained_names
from bpsheet.columns.preparation import Preparation
from bpsheet.columns.presentation import (
    cells_of,
    drawn_masks,
    example_order,
    mask_bands,
    parameters,
    perceptron_bands,
    presentation_bands,
)
from bpsheet.columns.updates import update_bands
from bpsheet.columns.validation import stopping_bands, validation_bands
from bpsheet.columns.verdicts import verdict_bands
from bpsheet.formula.arrays import Array
from bpsheet.program.backward import backward
from bpsheet.program.kinds import EXAMPLE, Phase, Role
from bpsheet.program.program import Program
from bpsheet.program.quantities import Band, Scope, columns_of
from bpsheet.tables.data import Test, Validation
from bpsheet.tables.notation import Notation
from bpsheet.tables.training import Training
from bpsheet.textbook.losses import LOSS_SETTINGS
from bpsheet.textbook.perceptrons import PERCEPTRONS

__all__ = ["bands_of", "is_batched", "program_of"]

NO_DATA: Mapping[str, Sequence[float]] = MappingProxyType({})


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
    validation: Validation | None = None,
    preparation: Preparation,
    meanings: Mapping[str, str],
    examples: int,
    cyclic: bool,
    data: Mapping[str, Sequence[float]] = NO_DATA,
) -> tuple[list[Band], Scope]:
    """Every quantity of the program, in the order of the phases, and the arrays among them.

    Tests that repeat an example of the `data`, by their columns, can follow it on a sheet.
    """
    scope = Scope()
    trained = trained_names(model.weights, training.freeze, training.only)
    trained.difference_update(model.constants)
    if training.rule == "none":
        trained = set()
    adjustments = {
        name: notation.name("adjustment", weight=name, loss=model.loss or notation.name("loss"))
        for name in model.weights
        if name in trained
    }
    batched = is_batched(training, examples) and bool(adjustments)
    derivatives = {
        name: notation.name("derivative", value=name, loss=model.loss) for name in model.gradient_of
    }
    inputs, targets = model.given()
    presented = presentation_bands(
        preparation.given(inputs),
        targets,
        derivatives,
        scope,
        examples,
        weight=model.example_weight,
        meanings=meanings,
        cyclic=cyclic,
        batched=batched,
    )
    presented += mask_bands(model.masks, scope)
    weights = model.weight_bands(adjustments, scope)
    prepared = preparation.bands(inputs, scope)
    forward = model.forward_bands(scope)
    bands = [*presented, *weights, *prepared, *forward]
    if model.loss is not None:
        asked = [band for band in presented if band.quantities[0].first.adjoint_name]
        bands += backward([*asked, *weights, *prepared, *forward], model.loss, scope)
        uphill = training.rule == "gradient_ascent" or model.uphill
        # Minus the derivatives lead down where the derivatives lead up.
        bands += update_bands(
            training,
            weights,
            notation,
            adjustments,
            scope,
            uphill=uphill != model.turned,
            batched=batched,
        )
    elif training.rule == "perceptron" and isinstance(model, NetworkModel):
        rule = PERCEPTRONS[model.network.output_activation]
        bands += perceptron_bands(rule, model.output, weights, adjustments, scope)
    passed = [band for band in forward if band.quantities[0].first.role is not Role.LOSS]
    further = partial(preparation.example_bands, inputs=inputs, scope=scope)
    if validation is not None and (loss := model.example_loss(scope)) is not None:
        bands += validation_bands(
            validation, passed, loss, scope, inputs=len(preparation.raw), presented=further
        )
        if training.patience is not None:
            bands += stopping_bands(examples, uphill=model.uphill)
    if test is not None and isinstance(model, NetworkModel):
        bands += verdict_bands(
            test,
            model.output,
            passed,
            scope,
            inputs=preparation.raw,
            presented=further,
            data=data,
        )
    order = list(Phase)
    return sorted(bands, key=lambda band: order.index(band.quantities[0].phase)), scope


def program_of(
    bands: Sequence[Band],
    scope: Scope,
    training: Training,
    tables: Mapping[str, Sequence[float]],
    settings: Mapping[str, float],
    *,
    preparation: Preparation,
    examples: int,
    order: str | Sequence[int],
    seed: int,
    iterations: int,
    masks: Mapping[str, tuple[Array, float]],
) -> Program:
    """The program of some quantities, with hyper-parameters, data and the order of examples.

    `settings` are the numbers of the loss, which are cells beside the training's.
    """
    columns = columns_of(bands)
    given: dict[str, Sequence[float]] = {}
    if order != "cyclic":
        given[EXAMPLE] = example_order(order, examples, iterations, seed)
    given |= drawn_masks(masks, iterations, seed)
    moves = any(column.role is Role.ADJUSTMENT for column in columns)
    return Program(
        tuple(columns),
        (
            *(parameters(training, examples, batched=is_batched(training, examples)) * moves),
            *cells_of(settings, LOSS_SETTINGS.__getitem__),
            *preparation.parameters(tables),
        ),
        tables,
        given,
        quantities=tuple(quantity for band in bands for quantity in band.quantities),
        arrays=scope.cells,
    )
