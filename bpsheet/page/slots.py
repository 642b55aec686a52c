"""The experiment file with slots, which a page fills in with its changed numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpsheet.columns.model import GraphModel, NetworkModel
from bpsheet.formula.arrays import entry_names
from bpsheet.plan.plan import Plan
from bpsheet.plan.toml import put_setting, toml_text
from bpsheet.program.program import Program

__all__ = ["slots_of"]

# The contents of a slot: the number of a weight's column, the number of a hyper-parameter (counted
# on after the columns), lists of such numbers, or the examples.
Filling = int | str | Sequence[Any]
EXAMPLES = "examples"


def slots_of(experiment: Plan, program: Program) -> dict[str, Any]:
    """The file's text with slots (such as `"slot-3"`), the mark "slot", and the slots' contents."""
    fillings: list[Filling] = []
    mark = "slot"
    while f'"{mark}-' in experiment.to_toml():
        mark += "-"

    def slot(filling: Filling) -> str:
        fillings.append(filling)
        return f"{mark}-{len(fillings) - 1}"

    tables = experiment.to_dict()
    model = experiment.model
    indices = program.position
    if isinstance(model, NetworkModel):
        for names, layer in zip(model.layers, tables["network"]["layers"], strict=True):
            layer["weights"] = slot([[indices[name] for name in row] for row in names.weights])
            if names.biases:
                biases = [indices[name] for name in names.biases]
                layer["bias"] = slot(biases[0] if names.is_bias_shared else biases)
    elif isinstance(model, GraphModel):
        shapes = model.graph.parameter_shapes
        parameters = {
            name: slot(
                np.vectorize(indices.__getitem__, otypes=[object])(
                    entry_names(name, shapes[name])
                ).tolist()
            )
            for name in (*model.graph.parameters, *model.graph.constants)
        }
        model.put(tables, parameters)
    for number, parameter in enumerate(program.parameters):
        if parameter.follows is not None:
            continue
        filling = slot(len(program) + number)
        if parameter.name in experiment.preparation.settings:
            experiment.preparation.put(tables, parameter.name, filling)
        else:
            put_setting(tables, parameter.name, filling)
    if experiment.has_data:
        tables["data"]["examples"] = slot(EXAMPLES)
    order = experiment.data.columns or list(experiment.data_names)
    return {
        "text": toml_text(tables),
        "mark": mark,
        "fillings": fillings,
        "order": [list(experiment.data_names).index(name) for name in order],
    }
