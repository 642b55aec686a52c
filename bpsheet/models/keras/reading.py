"""A model of Keras, with its loss, its optimiser and its data, as an experiment's tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bpsheet.errors import MissingExtraError, ModelError, Problem
from bpsheet.models.assembling import assembled
from bpsheet.models.examples import Examples
from bpsheet.models.imported import Draft, Imported
from bpsheet.models.keras.layers import LAYERS, Site, Value, shape_of_input
from bpsheet.models.keras.training import objective_of, settings_of
from bpsheet.models.weights import used_twice
from bpsheet.tables.data import Data

__all__ = ["read_keras"]

SKIPPED = ("InputLayer",)
PREPARING = ("Normalization", "Rescaling")
REGULARIZERS = (
    "kernel_regularizer",
    "bias_regularizer",
    "recurrent_regularizer",
    "activity_regularizer",
    "embeddings_regularizer",
)


def read_keras(
    model: Any,
    data: Any,
    loss: Any,
    optimizer: Any,
    *,
    batch_size: int | str,
    epochs: int,
    shape: Sequence[int] | None,
) -> Imported:
    """What a model is. See `bpsheet.from_keras` for the arguments.

    Raises ModelError with everything that is not covered.
    """
    try:
        import keras  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError("a model of Keras needs keras", "keras") from None
    if not isinstance(model, keras.Model):
        said = f"a keras.Model expected; got {type(model).__name__}"
        raise ModelError([Problem("model", said)], "this model")
    source = model.name
    is_in_use = (
        data is not None and not isinstance(data, Data) and Examples.of(data, source).y is None
    )
    if loss is None and getattr(model, "compiled", False) and not is_in_use:
        loss = model.loss
    if optimizer is None and loss is not None:
        optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and loss is None:
        raise ModelError([Problem("loss", "an optimizer needs a loss to descend")], source)
    return _Reader(model, source, is_trained=loss is not None).imported(
        data, loss, optimizer, shape, batch_size=batch_size, epochs=epochs
    )


class _Reader:
    def __init__(self, model: Any, source: str, *, is_trained: bool) -> None:
        self.model = model
        self.draft = Draft("keras", source)
        self.is_trained = is_trained
        self.values: dict[int, Value] = {}
        self.prepare: list[dict[str, Any]] = []
        self.start = Value(0, ())

    def imported(
        self, data: Any, loss: Any, optimizer: Any, shape: Sequence[int] | None, **length: Any
    ) -> Imported:
        """The tables; `length` are batch_size and epochs."""
        draft, model = self.draft, self.model
        value = self._follow(data, shape)
        if not draft.layers:
            draft.refuse("model", "at least one layer expected")
        if value.order is not None:
            draft.refuse(
                "model",
                "a dense layer after Flatten expected: the channels stand in another order here",
            )
        if self.is_trained:
            for name in used_twice(draft.trained):
                draft.refuse(name, "used twice; a layer with weights of its own is covered")
        draft.check()
        objective, training = None, None
        if loss is not None:
            objective = objective_of(loss, draft, value.shape)
            training = dict(length)
            if optimizer is not None:
                training |= settings_of(optimizer, draft)
            self._regularizers()
            draft.check()
            assert objective is not None
            training["reduction"] = objective.reduction
        start = self.start
        channels = start.shape[-1] if start.layout == "channels" else 0
        inputs = start.shape[:-1] if channels else start.shape
        outputs = value.shape
        if value.layout == "channels":
            if value.shape[-1] > 1:
                draft.refuse(
                    "model",
                    "outputs that are one array expected; put a Flatten behind the channels",
                )
                draft.check()
            outputs = value.shape[:-1]
        if channels and data is not None and not isinstance(data, Data):
            data = _channels_first(data, start.shape, draft.source)
        made = assembled(
            draft,
            inputs,
            outputs,
            data,
            objective,
            training,
            channels=channels if channels > 1 else 0,
            first_token=0 if draft.layers[0].get("kind") == "embedding" else None,
            dtype=str(model.dtype),
            title=f"{model.name}, from Keras",
        )
        return self._prepared(made)

    def _follow(self, data: Any, shape: Sequence[int] | None) -> Value:
        """Follow the model from its input to its output."""
        given = _input_shape(self.model, data, shape, self.draft.source)
        layers = list(_layers(self.model))
        first = next(
            (
                type(layer).__name__
                for layer in layers
                if type(layer).__name__ not in (*SKIPPED, *PREPARING)
            ),
            "",
        )
        self.start = shape_of_input(given, first)
        if type(self.model).__name__ == "Sequential":
            value = self.start
            for layer in self.model.layers:
                value = self._layer(layer, value, {})
            return value
        if not hasattr(self.model, "_nodes_by_depth"):
            said = "a Sequential or functional model is covered; this is a class of its own"
            raise ModelError([Problem("model", said)], self.draft.source)
        if len(self.model.inputs) != 1 or len(self.model.outputs) != 1:
            said = "one input and one output are covered"
            raise ModelError([Problem("model", said)], self.draft.source)
        return self._functional(self.model, self.start)

    def _functional(self, model: Any, value: Value) -> Value:
        values = {id(model.inputs[0]): value}
        depths = model._nodes_by_depth  # noqa: SLF001 - the order in which Keras itself computes
        for depth in sorted(depths, reverse=True):
            for node in depths[depth]:
                if node.operation is None or node.is_input:
                    continue
                tensors = node.input_tensors
                known = [values.get(id(tensor)) for tensor in tensors]
                if any(one is None for one in known):
                    continue  # what it takes is told already
                outputs = node.outputs
                made = self._node(node, known)  # type: ignore[arg-type]
                values |= {id(tensor): made for tensor in outputs}
        found = values.get(id(model.outputs[0]))
        if found is None:
            self.draft.refuse("model", "a way from the input to the output expected")
            return value
        return found

    def _node(self, node: Any, known: list[Value]) -> Value:
        operation = node.operation
        name = type(operation).__name__
        if name == "Add":
            return self._residual(operation, known)
        if len({value.layer for value in known}) > 1:
            self.draft.refuse(
                f"{operation.name} ({name})",
                "one thing to take expected; of layers that join others Add is covered",
            )
            return known[0]
        value = known[0]
        if value.layer != len(self.draft.layers):
            said = "layers in a row, and Add of an earlier output, are covered; this one takes an earlier output"
            self.draft.refuse(f"{operation.name} ({name})", said)
        return self._layer(operation, value, node.arguments.kwargs)

    def _residual(self, operation: Any, known: list[Value]) -> Value:
        now = len(self.draft.layers)
        if (
            len(known) != 2
            or {known[0].layer, known[1].layer} - {now} == set()
            or now not in {v.layer for v in known}
        ):
            self.draft.refuse(
                f"{operation.name} (Add)", "the last layer's output and an earlier one are covered"
            )
            return known[0]
        earlier = next(value for value in known if value.layer != now)
        if earlier.layer:
            name = self.draft.layers[earlier.layer - 1].setdefault("name", f"l{earlier.layer}")
        else:
            name = "x1" if self.start.layout == "channels" and self.start.shape[-1] > 1 else "x"
        self.draft.layer("residual", of=name)
        return Value(len(self.draft.layers), earlier.shape, earlier.layout, earlier.order)

    def _layer(self, layer: Any, value: Value, call: Mapping[str, Any]) -> Value:
        name = type(layer).__name__
        if name in SKIPPED:
            return value
        if name == "Sequential":
            for inner in layer.layers:
                value = self._layer(inner, value, {})
            return value
        if hasattr(layer, "_nodes_by_depth"):
            return self._functional(layer, value)
        if name in PREPARING:
            return self._preparation(layer, value)
        if name not in LAYERS:
            self.draft.refuse(f"{layer.name} ({name})", "this layer is not covered")
            return value
        return LAYERS[name](
            Site(layer, value, self.draft, self.is_trained, self.values, self.start, call)
        )

    def _preparation(self, layer: Any, value: Value) -> Value:
        """Normalization and Rescaling of a vector, before the first layer: cells of their own."""
        place = f"{layer.name} ({type(layer).__name__})"
        if value.layer or len(value.shape) != 1:
            self.draft.refuse(place, "it is covered before the first layer, for a vector")
            return value
        count = value.shape[0]
        if type(layer).__name__ == "Normalization":
            import keras

            mean = np.broadcast_to(
                np.asarray(keras.ops.convert_to_numpy(layer.mean), float).ravel(), count
            )
            root = np.sqrt(np.asarray(keras.ops.convert_to_numpy(layer.variance), float)).ravel()
            sd = np.broadcast_to(np.maximum(root, keras.config.epsilon()), count)
            if layer.invert:
                self.draft.refuse(place, "invert=False is covered")
            self.prepare.append({"kind": "standard", "mean": mean.tolist(), "sd": sd.tolist()})
        else:
            scale = np.broadcast_to(np.asarray(layer.scale, float), count)
            offset = np.broadcast_to(np.asarray(layer.offset, float), count)
            self.prepare.append(
                {"kind": "scaled", "offset": (-offset / scale).tolist(), "factor": scale.tolist()}
            )
        return value

    def _prepared(self, made: Imported) -> Imported:
        if not self.prepare:
            return made
        network = dict(made.tables["network"])
        raw = list(network["inputs"])
        steps, names = [], raw
        for number, step in enumerate(self.prepare, start=1):
            ending = "_s" if len(self.prepare) == 1 else f"_s{number}"
            given = [f"{name}{ending}" for name in raw]
            steps.append(step | {"of": names, "names": given})
            names = given
        network["inputs"] = names
        tables = {**made.tables, "network": network, "prepare": steps}
        return Imported(tables, made.framework, made.names, made.dtype, made.others)

    def _regularizers(self) -> None:
        for layer in _layers(self.model):
            for key in REGULARIZERS:
                if getattr(layer, key, None) is not None:
                    self.draft.refuse(
                        f"{layer.name} ({type(layer).__name__})",
                        f"{key}=None is covered in a training",
                    )


def _layers(model: Any) -> Iterator[Any]:
    """All layers of a model, those of models in it too."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _input_shape(
    model: Any, data: Any, shape: Sequence[int] | None, source: str
) -> tuple[int, ...]:
    """The shape of one example."""
    if shape is not None:
        return tuple(shape)
    known: Any = None
    if getattr(model, "inputs", None):
        known = tuple(model.inputs[0].shape[1:])
    if known is not None and None not in known:
        return tuple(int(n) for n in known)
    if data is not None and not isinstance(data, Data):
        found = Examples.of(data, source).shape
        return found or (1,)
    said = "the shape of one example is open: give shape=(…), or data"
    raise ModelError([Problem("shape", said)], source)


def _channels_first(data: Any, shape: Sequence[int], source: str) -> Any:
    """Data with the channels before the places, as the channels are arrays of their own here."""
    examples = Examples.of(data, source)
    if examples.x.size != len(examples.x) * math.prod(shape):
        return data
    x = np.moveaxis(examples.x.reshape(-1, *shape), -1, 1)
    return x if examples.y is None else (x, examples.y)
