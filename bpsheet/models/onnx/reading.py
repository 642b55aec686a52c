"""A model in the format ONNX as an experiment's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bpsheet.errors import LimitError, ModelError, Problem
from bpsheet.models.assembling import Objective, assembled
from bpsheet.models.examples import Examples
from bpsheet.models.imported import Imported
from bpsheet.models.onnx.chain import Chain, chain_of
from bpsheet.models.onnx.flow import Flow, flow_of
from bpsheet.models.onnx.formulas import Formulas
from bpsheet.models.onnx.fusing import fused, softened
from bpsheet.models.onnx.proto import read_model
from bpsheet.models.weights import used_twice
from bpsheet.tables.data import Data

__all__ = ["read_onnx"]

CLASSES = ("cross_entropy", "kl_divergence", "multinomial_log_likelihood")


@dataclass(frozen=True)
class _Asked:
    """What is asked for besides the model, and the title. `placeholder`: an example of ones without data."""

    data: Any
    loss: str | None
    training: Mapping[str, Any] | None
    title: str
    source: str
    placeholder: bool

    @property
    def classes(self) -> bool:
        """Whether targets may be the numbers of classes."""
        return self.loss in CLASSES

    @property
    def tables(self) -> dict[str, Any]:
        return {"rule": "none"} if self.loss is None else dict(self.training or {})


def read_onnx(
    path: str | Path,
    *,
    data: Any = None,
    loss: str | None = None,
    training: Mapping[str, Any] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    placeholder: bool = False,
) -> Imported:
    """The tables of a model's experiment. `placeholder` gives it an example of ones, which is said.

    Raises ModelError with everything that is not covered, InputError for a file that is no model.
    """
    file = Path(path)
    model = read_model(file, str(path))
    flow = flow_of(model, _shapes_of(model, data, shapes))
    if loss in CLASSES:
        softened(flow)
    fused(flow)
    source = str(path)
    title = f"{file.stem}, from a model in the format ONNX"
    asked = _Asked(data, loss, training, title, source, placeholder)
    try:
        chain = chain_of(flow, source)
        imported = (
            _of_layers(flow, chain, asked) if chain is not None else _of_formulas(flow, asked)
        )
    except LimitError as error:
        raise ModelError([Problem("", str(error))], source) from None
    made = model.producer or "a program that does not say its name"
    notes = [
        f"Read from {file.name}, a model in the format ONNX by {made}.",
        *dict.fromkeys(flow.notes),
    ]
    if placeholder and data is None:
        notes.append(PLACEHOLDER)
    return Imported(
        {**imported.tables, "notes": " ".join(notes)},
        imported.framework,
        imported.names,
        flow.dtype,
    )


PLACEHOLDER = (
    "The model came without examples: the one here is a placeholder, with 1 for every number. Type "
    "your own over it, or write them into the experiment file."
)


def _shapes_of(
    model: Any, data: Any, shapes: Mapping[str, Sequence[int]] | None
) -> Mapping[str, Sequence[int]]:
    """The shapes of one example: as given, or of a model with one input those of the data."""
    if (
        shapes is not None
        or data is None
        or isinstance(data, Data | Mapping)
        or len(model.inputs) != 1
    ):
        return shapes or {}
    examples = Examples.of(data, model.source)
    (entry,) = model.inputs
    if entry.shape is not None and len(examples.shape) == len(entry.shape) - 1:
        return {entry.name: examples.shape}
    return {}


def _of_layers(flow: Flow, chain: Chain, asked: _Asked) -> Imported:
    inputs, data, prepared = chain.shape or (1,), asked.data, chain.prepared
    if prepared is not None:
        # The data have the raw inputs, in the model's order.
        data = data if isinstance(data, Data) else None
    elif asked.placeholder and data is None:
        data = np.ones((1, *([chain.channels] if chain.channels else []), *inputs))
    objective = (
        None if asked.loss is None else Objective({"loss": asked.loss}, classes=asked.classes)
    )
    made = assembled(
        chain.draft,
        inputs,
        chain.outputs,
        data,
        objective,
        asked.tables,
        channels=chain.channels,
        dtype=flow.dtype,
        title=asked.title,
    )
    tables = dict(made.tables)
    network = dict(tables["network"])
    if chain.inputs and network["inputs"] == _counted("x", len(chain.inputs)):
        network["inputs"] = chain.inputs
    if prepared is not None:
        tables["prepare"] = prepared.steps
        if data is None:
            tables["data"] = _raw(prepared.raw, network, chain, asked)
    return Imported(tables | {"network": network}, made.framework, made.names, made.dtype)


def _raw(raw: list[str], network: Mapping[str, Any], chain: Chain, asked: _Asked) -> dict[str, Any]:
    """The table [data] of raw inputs."""
    targets = list(network.get("targets", []))
    assert chain.prepared is not None
    used = {name for step in chain.prepared.steps for name in step["of"]} | set(network["inputs"])
    kept = [place for place, name in enumerate(raw) if name in used]
    columns = [raw[place] for place in kept] + targets
    if asked.data is None:
        rows = [[1.0] * len(raw)] if asked.placeholder and asked.loss is None else []
    else:
        outputs = None if asked.loss is None else chain.outputs
        examples = Examples.of(asked.data, asked.source)
        rows = examples.rows((len(raw),), outputs, classes=asked.classes)
    kept += list(range(len(raw), len(raw) + len(targets)))
    return {"columns": columns, "examples": [[row[place] for place in kept] for row in rows]}


def _counted(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}{number + 1}" for number in range(count)]


def _of_formulas(flow: Flow, asked: _Asked) -> Imported:
    data, loss = asked.data, asked.loss
    formulas = Formulas(flow)
    sizes = [block.size for given in flow.inputs for block in given.blocks]
    count = sum(sizes)
    if loss is not None:
        said = "used twice, in two forms; train it where the model was made"
        trained = (name for own, name in formulas.names.items() if own in formulas.parameters)
        problems = [Problem(f"array {name}", said) for name in used_twice(trained)]
        if problems:
            raise ModelError(problems, asked.source)
        formulas.loss(loss)
    graph = formulas.table | ({"loss": "loss"} if loss is not None else {})
    tables: dict[str, Any] = {"title": asked.title, "graph": graph}
    if isinstance(data, Data):
        tables["data"] = data.model_dump(exclude_unset=True)
    elif isinstance(data, Mapping):
        tables["data"] = dict(data)
    elif data is None:
        whole = np.concatenate(
            [np.full(g.ids.size, 0.0 if g.is_whole else 1.0) for g in flow.inputs]
        )
        tables["data"] = {
            "examples": [whole.tolist()] if asked.placeholder and loss is None else []
        }
    else:
        outputs = None if loss is None else formulas.shape or (1,)
        rows = Examples.of(data, asked.source).rows((count,), outputs, classes=asked.classes)
        tables["data"] = {"examples": rows}
    tables["training"] = asked.tables
    return Imported(tables, "onnx", formulas.names, flow.dtype)
