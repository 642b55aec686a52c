"""Small helpers that several checks use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bpsheet.errors import Problem
from bpsheet.tables.network import Network
from bpsheet.words import counted, listing

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["is_of_formulas", "network_of", "ragged_rows", "units_of"]


def ragged_rows(
    path: str, rows: Sequence[Sequence[float]], expected: Sequence[str]
) -> Iterator[Problem]:
    """Problems with rows that do not have a number for each `expected` name."""
    for index, row in enumerate(rows, start=1):
        if len(row) != len(expected):
            yield Problem(
                f"{path}[{index}]",
                f"{counted(len(expected), 'number')} expected ({listing(expected)}); "
                f"got {len(row)}",
            )
            if index > 20:
                return


def is_of_formulas(experiment: Tables) -> bool:
    """Whether the experiment has formulas, or layers that stand for formulas."""
    return experiment.network is None or not experiment.network.is_dense


def network_of(experiment: Tables) -> Network:
    """The experiment's network. The caller knows that there is one."""
    assert experiment.network is not None
    return experiment.network


def units_of(experiment: Tables, number: int) -> int:
    """The number of neurons of a layer; 0 where the file does not say."""
    layer = network_of(experiment).layers[number - 1]
    return len(layer.neurons) if layer.neurons is not None else layer.units or 0
