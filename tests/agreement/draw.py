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

# digits has 7,500 columns: a few rows are as many cells as all the others have.
SHORTENED = {"digits": 3}
# The rows of the layout matrix are those of the layout full.
KINDS = sorted(kind for kind in LAYOUTS if not LAYOUTS[kind].first)
# Learning rates at which weights overflow, now and then: errors must be the same errors.
RATES = (*(None,) * 7, 1e3, 1e155, 1e300)


@dataclass(frozen=True)
class Case:
    """A run in one layout; `group` is its line in the report."""

    group: str
    kind: str
    trace: bp.Trace


def of_templates(names: list[str]) -> list[Case]:
    """Templates in both layouts."""
    found = []
    for name in names:
        trace = bp.load(name).run(SHORTENED.get(name))
        found += [Case(name, kind, trace) for kind in KINDS]
    return found


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
    name = (experiment.network or experiment.graph).inputs[0]
    example = int(trace.values[0, program.position[EXAMPLE]])
    changes[f"{name}[{example}]"] = float(program.tables[name][example - 1]) + 1 / 32
    return changes
