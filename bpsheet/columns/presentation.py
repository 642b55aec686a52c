"""The columns that say which example each row presents, and the hyper-parameters.

The columns are the numbers of iteration, epoch and example, and in batches the presentation's
number in its batch. The perceptron's rule is here too; all others are in
`bpsheet.columns.updates`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bpsheet.columns.updates import adjustment_column, settings_of
from bpsheet.formula.arrays import Array, as_column, mapped
from bpsheet.formula.filling import fill
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
    Num,
    Param,
    Ref,
    Sub,
    Sum,
)
from bpsheet.program.column import Column
from bpsheet.program.kinds import BATCH_END, BATCH_ROW, EPOCH, EXAMPLE, ITERATION, Phase, Role
from bpsheet.program.program import Parameter
from bpsheet.program.quantities import Band, Quantity, Scope, alone
from bpsheet.tables.training import Training
from bpsheet.textbook.perceptrons import Perceptron
from bpsheet.textbook.rules import Setting, setting_of

__all__ = [
    "BATCH_END",
    "BATCH_ROW",
    "EPOCH",
    "INPUTS",
    "ITERATION",
    "TARGETS",
    "cells_of",
    "drawn_masks",
    "example_order",
    "mask_bands",
    "parameters",
    "perceptron_bands",
    "presentation_bands",
]

# The names of the arrays that an example gives.
INPUTS, TARGETS = "x", "t"
# The range of a cell that counts something.
COUNTS = (1.0, 1e9)


def example_order(
    order: str | Sequence[int], examples: int, iterations: int, seed: int
) -> array[int]:
    """The number (from 1) of the example that each iteration presents, in four bytes each."""
    numbers = np.empty(iterations, dtype=np.intc)
    if order == "cyclic":
        numbers[:] = np.resize(np.arange(1, examples + 1), iterations)
    elif order == "shuffled":
        random = np.random.default_rng(seed)
        for start in range(0, iterations, examples):
            drawn = random.permutation(examples)[: iterations - start] + 1
            numbers[start : start + examples] = drawn
    else:
        numbers[:] = np.resize(np.array(order), iterations)
    return array("i", numbers.tobytes())


def _input(
    name: str, role: Role, formula: Expr | None, meaning: str, start: float | None = None
) -> Column:
    return Column(
        name=name, phase=Phase.INPUT, role=role, formula=formula, meaning=meaning, start=start
    )


def presentation_bands(
    inputs: Mapping[str, Array],
    targets: Mapping[str, Array],
    derivatives: Mapping[str, str],
    scope: Scope,
    examples: int,
    *,
    weight: str | None,
    meanings: Mapping[str, str],
    cyclic: bool,
    batched: bool,
) -> list[Band]:
    """What a row presents: iteration, epoch, example, the row of the batch, the data.

    `inputs` and `targets` have the names of the columns of each array that an example gives,
    `weight` names the column of the example's weight, and `derivatives` names the derivative of
    the loss with respect to some of them. `meanings` says what some of them are.
    """
    before = Sub(Ref(ITERATION), Num(1.0))
    count = Num(float(examples))
    columns = [
        _input(
            ITERATION,
            Role.ITERATION,
            Sum((Ref(ITERATION, lag=1), Num(1.0))),
            "number of the iteration: one presentation of one example",
            start=1.0,
        ),
        _input(
            EPOCH,
            Role.EPOCH,
            Sum((Call("int", (Div(before, count),)), Num(1.0))),
            f"number of the epoch: {examples} presentation{'s' if examples > 1 else ''} each",
        ),
        _input(
            EXAMPLE,
            Role.EXAMPLE,
            Sum((Call("mod", (before, count)), Num(1.0))) if cyclic else None,
            "number of the example presented: "
            + ("its line on the sheet Data" if inputs else "there is one, without numbers"),
        ),
    ]
    if batched:
        row_of_epoch = Sum((Call("mod", (before, count)), Num(1.0)))
        size = Param("batch_size")
        columns += [
            _input(
                BATCH_ROW,
                Role.BATCH_ROW,
                Sum((Call("mod", (Call("mod", (before, count)), size)), Num(1.0))),
                "which presentation of its batch this is; an epoch begins a new batch",
            ),
            _input(
                BATCH_END,
                Role.BATCH_END,
                If(
                    Compare("=", Ref(BATCH_ROW), size),
                    Num(1.0),
                    If(Compare("=", row_of_epoch, count), Num(1.0), Num(0.0)),
                ),
                "1 on the last presentation of a batch, where the weights are adjusted",
            ),
        ]
    bands = alone(columns)
    for arrays, role in ((inputs, Role.DATA), (targets, Role.TARGET)):
        what = "input" if role is Role.DATA else "target"
        for name_of_array, names in arrays.items():
            data = [
                Column(
                    name=name,
                    phase=Phase.INPUT,
                    role=role,
                    formula=Lookup(name, Ref(EXAMPLE)),
                    adjoint_name=derivatives.get(name),
                    meaning=f"{what} {name} of the example"
                    + (f": {meanings[name]}" if name in meanings else ""),
                )
                for name in names.ravel()
            ]
            whole = np.empty(len(data), object)
            whole[:] = data
            if names.shape:
                bands.append(Band((scope.given(name_of_array, whole.reshape(names.shape)),)))
            else:
                bands += alone(data)
    if weight is not None:
        formula = Lookup(weight, Ref(EXAMPLE))
        meaning = "weight of the example, by which its loss is multiplied"
        bands += alone([_input(weight, Role.EXAMPLE_WEIGHT, formula, meaning)])
    return bands


def mask_bands(masks: Mapping[str, tuple[Array, float]], scope: Scope) -> list[Band]:
    """The masks of a row: 0 and 1, drawn before the run."""

    def column(name: str, share: float) -> Column:
        what = f"1: kept, 0: left out; drawn for this iteration; on average {share:g} of all are 0"
        return _input(name, Role.DATA, None, what)

    bands = []
    for name, (entries, share) in masks.items():
        columns = mapped(lambda entry, share=share: column(entry, share), entries)
        bands.append(
            Band((scope.given(name, columns),)) if entries.shape else alone([columns.item()])[0]
        )
    return bands


def drawn_masks(
    masks: Mapping[str, tuple[Array, float]], iterations: int, seed: int
) -> dict[str, array[float]]:
    """The values of each column of the masks in each iteration; the share of each is 0 on average."""
    random = np.random.default_rng(seed)
    drawn: dict[str, array[float]] = {}
    for entries, share in masks.values():
        kept = random.random((iterations, entries.size)) >= share
        for index, name in enumerate(entries.ravel()):
            drawn[name] = array("d", kept[:, index].astype(float).tobytes())
    return drawn


def parameters(training: Training, examples: int, *, batched: bool) -> tuple[Parameter, ...]:
    """The hyper-parameters: the learning rate; batch size and reduction in batches; the rule's
    and the schedule's own.
    """
    cells = [
        Parameter(
            "learning_rate", training.learning_rate, "lr", "the learning rate, the size of a step"
        )
    ]
    if batched:
        size = examples if training.batch_size == "all" else int(training.batch_size)
        cells += [
            Parameter(
                "batch_size",
                float(size),
                "batch size",
                "presentations between two updates",
                between=COUNTS,
                whole=True,
            ),
            Parameter(
                "reduction",
                training.reduction,
                "reduction",
                "whether a batch's gradients are added or averaged",
                ("sum", "mean"),
            ),
        ]
    return (*cells, *cells_of(settings_of(training), setting_of))


def cells_of(
    values: Mapping[str, float], setting_of: Callable[[str], Setting]
) -> tuple[Parameter, ...]:
    """The cells of some settings with these values."""
    cells = []
    for name, value in values.items():
        setting = setting_of(name)
        cell = Parameter(name, value, setting.label, setting.meaning)
        cells.append(replace(cell, between=COUNTS, whole=True) if setting.whole else cell)
    return tuple(cells)


def perceptron_bands(
    rule: Perceptron,
    output: str,
    weights: Sequence[Band],
    adjustments: Mapping[str, str],
    scope: Scope,
) -> list[Band]:
    """The adjustments of a perceptron's rule; `output` is the array of the outputs."""
    bands = []
    for band in weights:
        made = []
        for weight in band.quantities:
            entries = weight.each(lambda column: adjustments.get(column.name))
            if not any(entries.ravel()):
                continue
            # A bias has the input 1. A weight's input is that of its column.
            is_bias = len(weight.shape) == 1
            source: Expr = Num(1.0) if is_bias else Ref(INPUTS)
            y: Expr = Ref(output) if is_bias else as_column(Ref(output))
            t: Expr = Ref(TARGETS) if is_bias else as_column(Ref(TARGETS))
            rate = Param("learning_rate")
            formula = fill(rule.adjustment, t=t, y=y, x=source, learning_rate=rate)

            def make(
                index: tuple[int, ...],
                formula: Expr,
                _: object,
                weight: Quantity = weight,
                entries: Array = entries,
            ) -> Column:
                return adjustment_column(entries[index], formula, weight.columns[index], rule.how)

            made.append(scope.quantity(f"Δ{weight.name}", entries, formula, make))
        bands.append(Band(tuple(made)))
    return bands
