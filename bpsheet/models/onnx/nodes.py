"""A graph of the format ONNX under construction: nodes, arrays, and values with their shapes.

A value that depends on the inputs is *live*: it has an axis more, the first one, which counts examples.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bpsheet.models.onnx.proto import onnx_package

__all__ = ["TYPES", "Nodes", "Value", "fresh", "identifier"]

TYPES = {"float64": np.float64, "float32": np.float32}


class Value(NamedTuple):
    """A value of the model: its name, the shape for one example, and whether it has the axis of examples."""

    name: str
    shape: tuple[int, ...]
    live: bool


class Nodes:
    """Nodes, arrays and inputs so far.

    names: by our parameter the name that its array is to have, and whether it is turned there
    """

    def __init__(self, dtype: str, names: dict[str, tuple[str, bool]]) -> None:
        self.onnx = onnx_package()
        self.type = TYPES[dtype]
        self.kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.names = names
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.arrays: dict[str, Any] = {}
        self.constants: dict[Any, str] = {}
        self.used: set[str] = set()
        self.zero: Value | None = None

    def emit(
        self,
        op: str,
        inputs: Sequence[Value | str],
        shape: tuple[int, ...],
        *,
        live: bool,
        name: str = "",
        **attributes: Any,
    ) -> Value:
        own = name or fresh(f"{op.lower()}", self.used, number=True)
        given = [one.name if isinstance(one, Value) else one for one in inputs]
        self.nodes.append(
            self.onnx.helper.make_node(op, given, [own], name=f"{own}_node", **attributes)
        )
        return Value(own, tuple(shape), live)

    def array(self, values: Any, name: str) -> Value:
        """Numbers of the network's own. A matrix that the model had turned keeps its orientation."""
        own = fresh(identifier(name) if name not in self.names else self.names[name][0], self.used)
        turned = name in self.names and self.names[name][1]
        numbers = np.asarray(values, self.type)
        self.arrays[own] = np.ascontiguousarray(numbers.T) if turned else numbers
        if turned:
            return self.emit("Transpose", [own], numbers.shape, live=False, perm=[1, 0])
        return Value(own, numbers.shape, live=False)

    def number(self, value: float) -> Value:
        return Value(self.constant(np.asarray(value, self.type)), (), live=False)

    def whole(self, values: Sequence[int]) -> str:
        return self.constant(np.asarray(values, np.int64))

    def constant(self, array: Any) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = fresh("number", self.used, number=True)
            self.arrays[self.constants[key]] = array
        return self.constants[key]

    def lively(self, value: Value) -> Value:
        """A value with the axis of examples, also where it is the same for all."""
        if value.live:
            return value
        if self.zero is None:
            first = next(iter(self.inputs))
            axes = list(range(1, len(first.type.tensor_type.shape.dim)))
            none = self.emit("Mul", [first.name, self.number(0.0)], (), live=True)
            self.zero = (
                none
                if not axes
                else self.emit("ReduceSum", [none, self.whole(axes)], (), live=True, keepdims=0)
            )
        return self.apply("Add", value, self.zero)

    def spread(self, value: Value, rank: int) -> Value:
        """A value of fewer axes, with those that it lacks after the axis of examples."""
        missing = rank - len(value.shape)
        if not value.live or not missing:
            return value
        shape = (1,) * missing + value.shape
        return self.emit("Unsqueeze", [value, self.whole(range(1, missing + 1))], shape, live=True)

    def apply(self, op: str, *values: Value, **attributes: Any) -> Value:
        """An operation entry by entry."""
        shape = np.broadcast_shapes(*(value.shape for value in values))
        spread = [self.spread(value, len(shape)) for value in values]
        return self.emit(op, spread, shape, live=any(v.live for v in values), **attributes)

    def untransposed(self, value: Value) -> str | None:
        """The array that a value is, turned."""
        for node in self.nodes:
            if (
                node.output[0] == value.name
                and node.op_type == "Transpose"
                and node.input[0] in self.arrays
            ):
                return str(node.input[0])
        return None

    def stacked(self, values: list[Value]) -> Value:
        live = values[0].live
        axis, shape = int(live), (len(values), *values[0].shape)
        parts = [
            self.emit("Unsqueeze", [v, self.whole([axis])], (1, *v.shape), live=live)
            for v in values
        ]
        return self.emit("Concat", parts, shape, live=live, axis=axis)

    def kept(self, outputs: list[str]) -> list[Any]:
        needed, kept = set(outputs), []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                kept.append(node)
        return kept[::-1]


def fresh(name: str, used: set[str], *, number: bool = False) -> str:
    """A name that nothing has yet."""
    own, count = f"{name}_1" if number else name, 1
    while own in used:
        count += 1
        own = f"{name}_{count}"
    used.add(own)
    return own


def identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_") or "value"
