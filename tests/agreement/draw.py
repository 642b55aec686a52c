"""Which experiments are compared, and which three cells are changed in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.program.kinds import EXAMPLE, Role
from bpsheet.workbook.traits import LAYOUTS

__all__ = ["Case", "drawn", "of_templates", "three_changes"]

# A template runs as long as it says, but for at most so many cells, and at least so many rows.
MOST_CELLS, LEAST_ROWS = 1_500, 3
KINDS = sorted(LAYOUTS)
# Learning rates at which weights overflow, now and then: errors must be the same errors.
RATES = (*(None,) * 7, 1e3, 1e155, 1e300)


@dataclass(frozen=True)
class Case:
    """A run in one layout; `group` is its line in the report."""

    group: str
    kind: str
    trace: bp.Trace


def of_templates(names: list[str]) -> list[Case]:
    """Templates in all layouts that they can have: formulas have no matrices of layers."""
    found = []
    for name in names:
        experiment = bp.load(name)
        most = max(LEAST_ROWS, MOST_CELLS // len(experiment.program()))
        trace = experiment.run(min(experiment.iterations, most))
        found += [
            Case(name, kind, trace)
            for kind in KINDS
            if not LAYOUTS[kind].first or _has_matrices(experiment)
        ]
    return found


def _has_matrices(experiment: bp.Experiment) -> bool:
    """Whether the layout matrix can show it: a network of layers."""
    return experiment.network is not None


def drawn(
    strategies: Mapping[str, st.SearchStrategy[bp.Experiment]], count: int, number: int
) -> list[Case]:
    """So many experiments, in turn from each strategy.

    The same ones for the same number and the same code: Hypothesis tries the constants, too,
    that it finds in the modules that are loaded.
    """
    found = []
    for index, (group, strategy) in enumerate(strategies.items()):
        share = (count - index + len(strategies) - 1) // len(strategies)
        found += _drawn(group, strategy, share, number)
    return found


def _drawn(
    group: str, strategy: st.SearchStrategy[bp.Experiment], count: int, number: int
) -> list[Case]:
    """Hypothesis comes back to what it has drawn, so more are drawn than are wanted."""
    found: dict[object, Case] = {}

    @seed(number)
    @settings(
        max_examples=2 * count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy, st.sampled_from(RATES), st.sampled_from(KINDS))
    def collect(experiment: bp.Experiment, rate: float | None, kind: str) -> None:
        if rate is not None:
            experiment = experiment.changed({"learning_rate": rate, "iterations": 8})
        if LAYOUTS[kind].first and not _has_matrices(experiment):
            kind = "full"
        if len(found) < count:
            found.setdefault((repr(experiment), kind), Case(group, kind, experiment.run()))

    collect()
    return list(found.values())


def three_changes(trace: bp.Trace) -> dict[str, float]:
    """A weight, the learning rate and an input of the first example, each moved by a little."""
    experiment, program = trace.experiment, trace.program
    changes = {}
    weights = [column.name for column in program if column.role is Role.WEIGHT]
    for weight in weights[:1]:
        changes[weight] = float(trace.values[0, program.position[weight]]) + 0.125
    for parameter in program.parameters:
        if parameter.name == "learning_rate":
            changes[parameter.name] = parameter.value * 0.75
    # An input with a shape has a column for each of its numbers.
    given = (experiment.network or experiment.graph).inputs[0]
    name = next(n for n in program.tables if n == given or n.startswith(f"{given}_"))
    example = int(trace.values[0, program.position[EXAMPLE]])
    changes[f"{name}[{example}]"] = float(program.tables[name][example - 1]) + 1 / 32
    return changes
