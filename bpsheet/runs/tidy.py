"""A run as a long table: a row for each value, with the neuron and the layer that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bpsheet.columns.presentation import ITERATION
from bpsheet.engine.engine import MAX_VALUES
from bpsheet.errors import LimitError
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program
from bpsheet.runs.arrays import quantities_of
from bpsheet.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Place", "places_of", "tidy"]

# A row of the long table takes about so many times the memory of its value.
ROOM = 4


class Place(NamedTuple):
    """Where in a network a column belongs; None where it belongs to no one layer, neuron or weight.

    weight:  the weight that it is, or whose gradient or adjustment it is
    is_bias: whether that is a bias
    """

    layer: int | None
    neuron: str | None
    input: str | None
    weight: str | None
    is_bias: bool


def places_of(run: Run) -> list[Place]:
    """The place of each column of a run."""
    program = run.program
    layers, biases = _layers(run)
    places = []
    for column in program:
        weight = column.name if column.role is Role.WEIGHT else column.weight
        places.append(
            Place(
                layers.get(weight or column.name, column.layer),
                column.neuron,
                column.input,
                weight,
                weight in biases,
            )
        )
    return places


def _layers(run: Run) -> tuple[dict[str, int], set[str]]:
    """The layers of the columns of layers of other kinds, and the names of all biases.

    Layers of other kinds have formulas, whose columns are of no neuron.
    """
    known = quantities_of(run.program)
    layers: dict[str, int] = {}
    biases: set[str] = set()
    for number, names in enumerate(run.experiment.model.names_by_layer, start=1):
        for own, name in names.items():
            if name not in known or own == "x":
                continue
            columns = [
                column
                for quantity in known[name].quantities
                for column in quantity.columns.ravel()
                if column is not None
            ]
            layers |= {str(column.adjoint_name): number for column in columns}
            layers |= {column.name: number for column in columns}
            if own.startswith("b"):
                biases |= {column.name for column in columns if column.role is Role.WEIGHT}
    return layers, biases


def forward_order(program: Program) -> list[int]:
    """The columns' indices with the backward pass in the order of the forward pass.

    Each derivative stands where the column stands to which it belongs.
    """
    origin: dict[str | None, int] = {}
    for index, column in enumerate(program):
        origin |= {column.adjoint_name: index, column.slope_name: index}

    def place(numbered: tuple[int, Column]) -> tuple[int, int]:
        index, column = numbered
        if column.phase is not Phase.BACKWARD:
            return PHASES[column.phase], index
        return PHASES[column.phase], origin.get(column.name, index)

    return [index for index, _ in sorted(enumerate(program), key=place)]


PHASES = {phase: number for number, phase in enumerate(Phase)}


def tidy(run: Run) -> pd.DataFrame:
    """The long table. Raises LimitError for more values than fit in memory."""
    import pandas as pd

    program = run.program
    order = [index for index in forward_order(program) if program.names[index] != ITERATION]
    columns = [program.columns[index] for index in order]
    places = places_of(run)
    count, width = len(run), len(order)
    if count * width * ROOM > MAX_VALUES:
        raise LimitError(
            f"{count:,} iterations of {width:,} quantities are {count * width:,} rows of a long "
            f"table; {MAX_VALUES // ROOM:,} at the most. Keep a part of the run, or take some of "
            "its quantities: trace.weights.melt(ignore_index=False)"
        )

    def words(values: Sequence[str | None]) -> pd.Categorical:
        """A word for each column, again and again: one byte for each row where there are few."""
        known = {word: code for code, word in enumerate(dict.fromkeys(filter(None, values)))}
        short = np.array([-1 if value is None else known[value] for value in values])
        codes = np.tile(short.astype(np.min_scalar_type(-max(1, len(known)))), count)
        kind: pd.CategoricalDtype = pd.CategoricalDtype(list(known))
        return pd.Categorical.from_codes(codes, dtype=kind)

    layers = pd.array([places[index].layer for index in order], dtype="Int16")
    return pd.DataFrame(
        {
            ITERATION: np.repeat(run.recording.iterations, width),
            "phase": words([str(column.phase) for column in columns]),
            "layer": pd.arrays.IntegerArray(
                np.tile(layers.to_numpy(np.int16, na_value=0), count),
                np.tile(layers.isna(), count),
            ),
            "neuron": words([places[index].neuron for index in order]),
            "input": words([places[index].input for index in order]),
            "quantity": words([column.name for column in columns]),
            "value": run.values[:, order].ravel(),
        },
        copy=False,
    )
