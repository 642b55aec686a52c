"""One run of a sweep: the experiment with other settings, and the outcome of its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpsheet.columns.initial import initial_values
from bpsheet.columns.layered import graph_of
from bpsheet.columns.model import LayeredModel, Model, NetworkModel
from bpsheet.columns.names import trained_names
from bpsheet.engine.engine import pieces
from bpsheet.engine.recording import Keep
from bpsheet.errors import EngineError, ExperimentError, Problem
from bpsheet.plan.plan import Plan
from bpsheet.runs.epochs import epoch_means
from bpsheet.sweeps.outcomes import Outcome, Settings
from bpsheet.sweeps.workers import is_stopped

__all__ = ["SEED", "train", "variant"]


SEED = "seed"


def variant(experiment: Plan, settings: Mapping[str, float | str]) -> Plan:
    """The experiment with other settings: those of `Experiment.changed`, and `seed`.

    A seed draws the weights that the experiment does not give, and the order of shuffled
    examples. In an experiment without such random numbers it draws all trained weights.
    Raises ExperimentError for settings that do not fit.
    """
    rest = {name: value for name, value in settings.items() if name != SEED}
    changed = experiment.changed(rest) if rest else experiment
    if SEED not in settings:
        return changed
    seed = settings[SEED]
    is_shuffled = changed.data.order == "shuffled"
    if not isinstance(changed.model, NetworkModel | LayeredModel):
        if not is_shuffled:
            said = "formulas have no random numbers; vary their first values instead"
            raise ExperimentError([Problem(SEED, said)], "sweep")
        return changed.replaced(data=changed.data.replaced(seed=seed))
    parts: dict[str, Any] = {"initial": changed.initial.replaced(seed=seed)}
    if is_shuffled:
        parts["data"] = changed.data.replaced(seed=seed)
    drawn = changed.replaced(**parts)
    if is_shuffled or _is_drawn(drawn.model):
        return drawn
    trained = trained_names(drawn.model.weights, drawn.training.freeze, drawn.training.only)
    trained.difference_update(drawn.model.constants)
    values = _redrawn(drawn.model)
    return drawn.changed({name: value for name, value in values.items() if name in trained})


def _is_drawn(model: Model) -> bool:
    """Whether the seed of the first weights changes any of them."""
    if isinstance(model, LayeredModel):
        other = model.initial.replaced(seed=model.initial.seed + 1)
        return graph_of(model.network, other).parameters != model.graph.parameters
    assert isinstance(model, NetworkModel)
    return any(layer.weights is None for layer in model.network.layers)


def _redrawn(model: Model) -> Mapping[str, float]:
    """The first values of all weights where the experiment gives none."""
    assert isinstance(model, NetworkModel | LayeredModel)
    layers = [layer.without_numbers() for layer in model.network.layers]
    free = model.network.replaced(layers=layers)
    if isinstance(model, LayeredModel):
        return graph_of(free, model.initial).parameter_entries
    return initial_values(free, model.layers, model.initial)


def train(tables: dict[str, Any], settings: Settings, keep: Keep) -> Outcome:
    """The outcome of one run. Arguments and result are plain, so that any process can get them."""
    experiment = variant(Plan(**tables), settings)
    program, iterations = experiment.program(), experiment.iterations
    loss = program.position[experiment.model.loss or ""]
    numbers, losses = [], np.empty(iterations)
    first_error = 0
    for piece in pieces(program, iterations):
        if is_stopped():
            raise EngineError("the sweep was stopped")
        losses[piece.iterations - 1] = piece.values[:, loss]
        numbers.append(piece.iterations[keep.chosen(piece.iterations, iterations)])
        if len(piece.errors) and not first_error:
            first_error = int(piece.iterations[piece.first_error_row])
    kept = np.concatenate(numbers)
    epoch = min(max(experiment.example_count, 1), iterations)
    first, final = (float(epoch_means(part, epoch)[0]) for part in (losses, losses[-epoch:]))
    return Outcome(kept, losses[kept - 1], first, final, first_error)
