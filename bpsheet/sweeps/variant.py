"""One run of a sweep: the experiment with other settings, and the outcome of its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bpsheet.columns.initial import initial_values
from bpsheet.columns.layered import graph_of
from bpsheet.columns.model import LayeredModel, Model, NetworkModel, model_of
from bpsheet.columns.names import trained_names
from bpsheet.engine.engine import pieces
from bpsheet.errors import EngineError, ExperimentError, Problem
from bpsheet.models.weights import after_each
from bpsheet.plan.plan import Plan
from bpsheet.runs.epochs import epoch_means
from bpsheet.sweeps.kept import Kept
from bpsheet.sweeps.metrics import Metrics
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
    # The plan is checked once, with all that changes: of many small runs this takes most of the time.
    model = model_of(changed.model_copy(update=parts))
    if not is_shuffled and not _is_drawn(model):
        trained = trained_names(model.weights, changed.training.freeze, changed.training.only)
        trained.difference_update(model.constants)
        values = _redrawn(model)
        drawn = {name: value for name, value in values.items() if name in trained}
        parts["network"] = model.with_weights(drawn)
    return changed.replaced(**parts)


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


def train(tables: str, settings: Settings, kept: Kept) -> Outcome:
    """The outcome of one run. Arguments and result are plain, so that any process can get them.

    `tables` is the experiment, as JSON.
    """
    experiment = variant(_plan(tables), settings)
    model, iterations = experiment.model, experiment.iterations
    program = experiment.program()
    metrics = Metrics(program, kept.metrics)
    loss = program.position[model.loss or ""]
    rows: dict[str, npt.NDArray[Any]] = {}
    numbers, weights = [], []
    first_error = 0
    for piece in pieces(program, iterations):
        if is_stopped():
            raise EngineError("the sweep was stopped")
        chosen = kept.iterations.chosen(piece.iterations, iterations)
        for name, values in {"loss": piece.values[:, loss], **metrics.rows(piece.values)}.items():
            rows.setdefault(name, np.empty(iterations, values.dtype))[piece.iterations - 1] = values
        numbers.append(piece.iterations[chosen])
        if kept.weights:
            weights.append(after_each(model, program, piece.values[chosen]))
        if len(piece.errors) and not first_error:
            first_error = int(piece.iterations[piece.first_error_row])
    iteration = np.concatenate(numbers)
    epoch = min(max(experiment.example_count, 1), iterations)
    losses = rows["loss"]
    first, final = (float(epoch_means(part, epoch)[0]) for part in (losses, losses[-epoch:]))
    return Outcome(
        iteration,
        {name: values[iteration - 1] for name, values in rows.items()},
        np.concatenate(weights) if kept.weights else None,
        {
            "first_loss": first,
            "final_loss": final,
            **metrics.final(rows, epoch),
            "first_error": first_error,
        },
    )


@lru_cache(maxsize=1)
def _plan(tables: str) -> Plan:
    """The experiment of the sweep, which a process checks once for all of its runs."""
    return Plan(**json.loads(tables))
