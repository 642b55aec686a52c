"""ONNX files that come in: read whole, within limits, and as plain arrays and nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from bpsheet.errors import InputError, MissingExtraError
from bpsheet.guard.gate import read_bytes

__all__ = ["MOST_NODES", "Body", "Entry", "Model", "Node", "onnx_package", "read_model"]

# The largest file, in bytes, and the most nodes. A sheet has room for far less.
MOST_BYTES = 64_000_000
MOST_NODES = 20_000
MOST_NUMBERS = 2_000_000
DOMAINS = ("", "ai.onnx", "ai.onnx.ml")


@dataclass(frozen=True)
class Node:
    """A node: its name (or that of its first output), operator, inputs, outputs and attributes."""

    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def said(self) -> str:
        """The node for people: its name and its inputs."""
        inputs = ", ".join(name or "nothing" for name in self.inputs) or "nothing"
        return f"node {self.name} ({self.op} of {inputs})"


@dataclass(frozen=True)
class Entry:
    """An input or output of a model. A size is a number, or the name of a free one."""

    name: str
    shape: tuple[int | str, ...] | None
    is_whole: bool = False
    is_numbers: bool = True


@dataclass(frozen=True)
class Body:
    """A graph within a node, such as the body of a loop: the names of its inputs and outputs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    arrays: Mapping[str, Any]
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Model:
    """A model as plain data."""

    source: str
    producer: str
    opset: int
    inputs: tuple[Entry, ...]
    outputs: tuple[Entry, ...]
    arrays: Mapping[str, Any]
    nodes: tuple[Node, ...]
    problems: Sequence[str] = field(default_factory=list)


def onnx_package() -> Any:
    """The package onnx. Raises MissingExtraError without it."""
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("Models in the format ONNX need the package onnx", "onnx") from None
    return onnx


def read_model(path: Path, source: str = "") -> Model:
    """The model in a file. Raises InputError for a file that is none, is damaged, or too large."""
    source = source or str(path)
    content = read_bytes(path, MOST_BYTES, source)
    onnx = onnx_package()
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(content)
    except Exception:  # noqa: BLE001 - protobuf has several classes of errors, some of them private
        raise InputError(f"{source}: not an ONNX model, or a damaged one") from None
    if not proto.graph.node and not proto.graph.output:
        raise InputError(f"{source}: not an ONNX model (no nodes and no outputs)")
    proto = _inlined(proto, source)
    try:
        return _Reader(onnx, proto, path, source).model()
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError) as error:
        raise InputError(f"{source}: a damaged ONNX model ({_short(error)})") from None


def _text(name: Any) -> str:
    """A name, which a damaged file may hold as bytes."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _short(error: Exception) -> str:
    return str(error).split("\n")[0][:100] or type(error).__name__


def _inlined(proto: Any, source: str) -> Any:
    """A model without functions of its own: their nodes stand where they are called."""
    if not proto.functions:
        return proto
    calls = {(f.domain, f.name): {(n.domain, n.op_type) for n in f.node} for f in proto.functions}
    if len(calls) > 200 or any(_calls_itself(name, calls) for name in calls):
        raise InputError(f"{source}: functions that call each other in a circle, or too many")
    try:
        from onnx import inliner

        whole = inliner.inline_local_functions(proto)
    except Exception as error:  # noqa: BLE001 - the package's own errors have no common class
        raise InputError(f"{source}: functions that do not fit ({_short(error)})") from None
    if len(whole.graph.node) > MOST_NODES:
        raise InputError(f"{source}: more than {MOST_NODES:,} nodes")
    return whole


def _calls_itself(name: Any, calls: Mapping[Any, set[Any]]) -> bool:
    """Whether a function leads to itself, or to more calls than a model has nodes."""
    seen, ahead = set(), [*calls[name]]
    while ahead:
        one = ahead.pop()
        if one == name:
            return True
        if one in calls and one not in seen:
            seen.add(one)
            ahead += calls[one]
    return False


# The constants of selu, which exporters write in single precision.
SELU = (1.6732632423543772, 1.0507009873554805)


def meant(number: float) -> float:
    """The number that an attribute stands for: the format has attributes in single precision alone.

    It is one with few digits, a fraction such as 1/6, or a constant of selu; else the number itself.

    >>> meant(0.009999999776482582), meant(0.1666666716337204), meant(0.12345679104328156)
    (0.01, 0.16666666666666666, 0.12345679104328156)
    """
    single = np.float32(number)
    if not np.isfinite(single):
        return float(number)
    candidates = [
        float(f"{number:.6g}"),
        float(Fraction(number).limit_denominator(12)),
        *SELU,
    ]
    return next((one for one in candidates if np.float32(one) == single), float(number))


class _Reader:
    def __init__(self, onnx: Any, proto: Any, path: Path, source: str) -> None:
        self.onnx = onnx
        self.proto = proto
        self.folder = path.resolve().parent
        self.source = source
        self.count = 0

    def model(self) -> Model:
        graph = self.proto.graph
        if len(graph.node) > MOST_NODES:
            raise InputError(
                f"{self.source}: {len(graph.node):,} nodes; {MOST_NODES:,} at the most"
            )
        if graph.sparse_initializer:
            raise InputError(f"{self.source}: sparse arrays, which are not read")
        arrays = {_text(tensor.name): self._array(tensor) for tensor in graph.initializer}
        opset = max([1, *(o.version for o in self.proto.opset_import if o.domain in DOMAINS[:2])])
        return Model(
            self.source,
            _text(self.proto.producer_name),
            int(opset),
            tuple(self._entry(e) for e in graph.input if _text(e.name) not in arrays),
            tuple(self._entry(e) for e in graph.output),
            arrays,
            tuple(self._nodes(graph.node)),
        )

    def _nodes(self, nodes: Any) -> Iterator[Node]:
        for number, node in enumerate(nodes, start=1):
            attributes = {_text(a.name): self._attribute(a) for a in node.attribute}
            inputs, outputs = (tuple(map(_text, names)) for names in (node.input, node.output))
            name = _text(node.name) or next((o for o in outputs if o), f"number {number}")
            domain = "" if node.domain == "ai.onnx" else _text(node.domain)
            yield Node(name, _text(node.op_type), domain, inputs, outputs, attributes)

    def _attribute(self, attribute: Any) -> Any:
        kinds = self.onnx.AttributeProto
        match attribute.type:
            case kinds.TENSOR:
                return self._array(attribute.t)
            case kinds.STRING:
                return attribute.s.decode("utf-8", "replace")
            case kinds.STRINGS:
                return [text.decode("utf-8", "replace") for text in attribute.strings]
            case kinds.FLOAT:
                return meant(attribute.f)
            case kinds.INT:
                return int(attribute.i)
            case kinds.FLOATS:
                return [meant(value) for value in attribute.floats]
            case kinds.INTS:
                return [int(value) for value in attribute.ints]
            case kinds.GRAPH:
                return self._body(attribute.g)
        return None  # a sparse array, several graphs: what needs it is not covered

    def _body(self, graph: Any) -> Body:
        return Body(
            tuple(_text(entry.name) for entry in graph.input),
            tuple(_text(entry.name) for entry in graph.output),
            {_text(tensor.name): self._array(tensor) for tensor in graph.initializer},
            tuple(self._nodes(graph.node)),
        )

    def _entry(self, entry: Any) -> Entry:
        kind = entry.type.tensor_type
        tensor = self.onnx.TensorProto
        if not entry.type.HasField("tensor_type"):
            return Entry(_text(entry.name), None, is_numbers=False)
        shape = None
        if kind.HasField("shape"):
            shape = tuple(
                int(dim.dim_value) if dim.dim_value > 0 else _text(dim.dim_param) or "?"
                for dim in kind.shape.dim
            )
        whole = (tensor.INT64, tensor.INT32, tensor.INT8, tensor.UINT8, tensor.INT16, tensor.BOOL)
        numbers = kind.elem_type != tensor.STRING
        return Entry(_text(entry.name), shape, kind.elem_type in whole, numbers)

    def _array(self, tensor: Any) -> Any:
        """The numbers of an array, which may stand in a file beside the model."""
        size = math.prod(tensor.dims)
        self.count += size
        if size < 0 or any(n < 0 for n in tensor.dims):
            raise InputError(f"{self.source}: the array {tensor.name} has a size below 0")
        if self.count > MOST_NUMBERS:
            raise InputError(
                f"{self.source}: more than {MOST_NUMBERS:,} numbers in its arrays; a sheet holds "
                "about 100,000 columns"
            )
        if tensor.data_location == self.onnx.TensorProto.EXTERNAL:
            return self._external(tensor, size)
        from onnx import numpy_helper

        if tensor.data_type == self.onnx.TensorProto.STRING:
            return np.array([text.decode("utf-8", "replace") for text in tensor.string_data])
        return np.array(numpy_helper.to_array(tensor))

    def _external(self, tensor: Any, size: int) -> Any:
        told = {_text(entry.key): _text(entry.value) for entry in tensor.external_data}
        location = told.get("location", "")
        path = (self.folder / location).resolve()
        if not location or Path(location).is_absolute() or not path.is_relative_to(self.folder):
            raise InputError(
                f"{self.source}: the array {tensor.name} is said to be in {location or 'no file'}; "
                "only files in the model's own folder are read"
            )
        kind = self.onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        offset, length = int(told.get("offset", 0)), size * np.dtype(kind).itemsize
        if offset < 0:
            raise InputError(f"{self.source}: the array {tensor.name} begins before its file")
        content = read_bytes(path, MOST_BYTES, f"{self.source}: {location}")
        piece = content[offset : offset + length]
        if len(piece) < length:
            raise InputError(f"{self.source}: {location} is too short for the array {tensor.name}")
        return np.frombuffer(piece, np.dtype(kind).newbyteorder("<")).reshape(tuple(tensor.dims))
