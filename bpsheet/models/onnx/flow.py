"""From the nodes of a model to what they compute for one example.

The first axis of each input counts examples. Here it has one entry: a row of the sheet is one example.
Then every shape is a number, and what a model computes of shapes is done with as it is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpsheet.errors import ModelError, Problem
from bpsheet.models.imported import Part
from bpsheet.models.onnx.at import At
from bpsheet.models.onnx.cells import (
    Array,
    Aside,
    Block,
    Cells,
    Known,
    Live,
    Piece,
    Uncovered,
    Value,
)
from bpsheet.models.onnx.inner import INNER
from bpsheet.models.onnx.operators import OPERATORS
from bpsheet.models.onnx.proto import MOST_NODES, Body, Entry, Model, Node
from bpsheet.words import among

__all__ = ["Flow", "Given", "flow_of"]

# So many entries an axis of a free length has, unless somebody says how many.
FREE = 3
SEQUENCES = ("RNN", "LSTM", "GRU")
CHANNELS = (["Conv"], ["MaxPool"], ["AveragePool"])
MOST_INPUTS = 100_000
TRUTHS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "And", "Or", "Not")


@dataclass(frozen=True)
class Given:
    """An input: its name, its cells, the arrays that hold them, and whether it has whole numbers."""

    name: str
    ids: Array
    blocks: list[Block]
    is_whole: bool


@dataclass
class Flow:
    """What a model computes: pieces in order, from its inputs to its outputs.

    notes: what was decided, for people
    dtype: the type of the model's numbers
    """

    cells: Cells
    pieces: list[Piece]
    inputs: list[Given]
    outputs: list[tuple[str, Array]]
    notes: list[str] = field(default_factory=list)
    dtype: str = "float32"


def flow_of(model: Model, shapes: Mapping[str, Sequence[int]] | None = None) -> Flow:
    """What a model computes. Raises ModelError with every node that is not covered."""
    reading = _Reading(model, shapes or {})
    if not reading.is_fixed:
        return reading.flow()
    # The model has a fixed first size, which may count examples or be a part of one.
    try:
        flow = reading.flow()
        if all(ids.ndim == 0 or ids.shape[0] == 1 for ids in reading.results):
            return flow
    except ModelError as error:
        try:
            return _Reading(model, shapes or {}, whole=True).flow()
        except ModelError:
            raise error from None
    return _Reading(model, shapes or {}, whole=True).flow()


class _Reading:
    def __init__(
        self, model: Model, shapes: Mapping[str, Sequence[int]], *, whole: bool = False
    ) -> None:
        self.model = model
        self.whole = whole
        # The outputs as they are, before anything is left out of them.
        self.results: list[Array] = []
        self.cells = Cells()
        self.pieces: list[Piece] = []
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.shapes = shapes
        self.count = 0
        self.renamed: list[str] = []
        self.values: dict[str, Value | None] = {
            name: Known(array, _part(name, array)) for name, array in model.arrays.items()
        }

    @property
    def is_fixed(self) -> bool:
        """Whether an input's first size is a number above 1 that is taken as a count of examples."""
        return any(
            entry.shape
            and isinstance(entry.shape[0], int)
            and entry.shape[0] > 1
            and self._examples_axis(entry) == 0
            for entry in self.model.inputs
        )

    def flow(self) -> Flow:
        known = [entry.name for entry in self.model.inputs]
        for name in self.shapes:
            if name not in known:
                self._refuse(f"input {name}", f"no such input; {among(name, known)}")
        inputs = [given for entry in self.model.inputs if (given := self._input(entry))]
        if not self.model.inputs:
            self._refuse("inputs", "at least one input expected; the model has none")
        for node in self.model.nodes:
            self._node(node)
        outputs = self._outputs()
        if self.renamed:
            first = ", ".join(self.renamed[:3]) + ", …" * (len(self.renamed) > 3)
            self.notes.append(
                f"The file has each of these together with an equal array; here it is one of its own: {first}."
            )
        if self.problems:
            raise ModelError(self.problems, self.model.source)
        kinds = {
            array.dtype.name for array in self.model.arrays.values() if array.dtype.kind == "f"
        }
        dtype = "float64" if "float64" in kinds else "float32"
        return Flow(self.cells, self.pieces, inputs, outputs, self.notes, dtype)

    def _refuse(self, place: str, said: str) -> None:
        self.problems.append(Problem(place, said))

    # Inputs

    def _input(self, entry: Entry) -> Given | None:
        place = f"input {entry.name}"
        self.values[entry.name] = None
        if not entry.is_numbers or entry.shape is None:
            said = (
                "numbers expected; it takes texts"
                if not entry.is_numbers
                else "an input whose shape is known expected"
            )
            self._refuse(place, said)
            return None
        axis = self._examples_axis(entry)
        shape: list[int] = []
        for place_, size in enumerate(entry.shape):
            if place_ == axis:
                shape.append(1)
            elif isinstance(size, int):
                shape.append(size)
            else:
                shape.append(FREE)
        given = self.shapes.get(entry.name)
        inner = [n for place_, n in enumerate(shape) if place_ != axis]
        if given is not None:
            if len(given) != len(inner):
                said = f"{len(inner)} sizes of one example expected; got {list(given)}"
                self._refuse(place, said)
                return None
            inner = [int(n) for n in given]
            shape = list(inner)
            if axis is not None:
                shape.insert(axis, 1)
        elif any(not isinstance(n, int) for k, n in enumerate(entry.shape) if k != axis):
            self.notes.append(
                f"The input {entry.name} may have any length; here an example has {_size(inner)} numbers."
            )
        if min(shape, default=1) < 1:
            self._refuse(place, "sizes of at least 1 expected")
            return None
        try:
            wide = tuple(n for n in shape if n > 1) or (1,)
            blocks = self._blocks(wide, by_row=self._has_channels(entry, wide))
        except Uncovered as error:
            self._refuse(place, str(error))
            return None
        ids = np.concatenate([block.ids.ravel() for block in blocks]).reshape(shape)
        if entry.is_whole:
            self.cells.note(ids, self.cells.whole)
        self.values[entry.name] = Live(ids)
        return Given(entry.name, ids, blocks, entry.is_whole)

    def _examples_axis(self, entry: Entry) -> int | None:
        """Which axis counts the examples: the first one, or in sequences the second."""
        assert entry.shape is not None
        shape = entry.shape
        if not shape or (len(shape) == 1 and isinstance(shape[0], int) and shape[0] > 1):
            return None
        is_long = isinstance(shape[0], int) and shape[0] > 1
        if is_long and (self.whole or not self._is_of_examples(int(shape[0]))):
            return 1 if self._is_timed(entry) else None
        return int(self._is_timed(entry))

    def _is_timed(self, entry: Entry) -> bool:
        """Whether an input's first axis counts the steps of a sequence, and its second the examples."""
        shape = entry.shape or ()
        if len(shape) != 3:
            return False
        if any(n.op in SEQUENCES and entry.name in n.inputs[5:7] for n in self.model.nodes):
            return True
        reads = [n for n in self.model.nodes if n.op in SEQUENCES and entry.name in n.inputs[:1]]
        if any(not n.attributes.get("layout") for n in reads):
            return True
        is_long = isinstance(shape[0], int) and shape[0] > 1
        return is_long and (not isinstance(shape[1], int) or shape[1] == 1)

    def _is_of_examples(self, count: int) -> bool:
        """Whether a fixed first size counts examples: all inputs and outputs have it."""
        entries = (*self.model.inputs, *self.model.outputs)
        return all(
            not entry.shape or not isinstance(entry.shape[0], int) or entry.shape[0] == count
            for entry in entries
        )

    def _has_channels(self, entry: Entry, shape: tuple[int, ...]) -> bool:
        """Whether the rows of an input are channels: a convolution or a pool takes it."""
        reads = [n.op for n in self.model.nodes if entry.name in n.inputs[:1]]
        return len(shape) == 2 and len(entry.shape or ()) == 3 and reads in CHANNELS

    def _blocks(self, shape: tuple[int, ...], *, by_row: bool) -> list[Block]:
        if math.prod(shape) > MOST_INPUTS:
            raise Uncovered(f"an example of at most {MOST_INPUTS:,} numbers expected")
        own = 1 if by_row else 2
        pages = math.prod(shape[:-own])
        return [self.cells.block(shape[-own:], "x") for _ in range(pages)]

    # Nodes

    def _node(self, node: Node) -> None:
        given = [self.values.get(name) if name else None for name in node.inputs]
        missing = [name for name in node.inputs if name and name not in self.values]
        self.values |= dict.fromkeys(node.outputs)
        if missing:
            self._refuse(node.said, f"nothing makes its input {missing[0]}")
            return
        if any(name and value is None for name, value in zip(node.inputs, given, strict=True)):
            return  # what it needs is not covered, and is told already
        self.count += 1
        if self.count == MOST_NODES:
            self._refuse(node.said, f"more than {MOST_NODES:,} nodes, those of loops counted in")
        if self.count >= MOST_NODES:
            return
        if node.op in INNER and not node.domain:
            self._within(node, given)
            return
        operator = OPERATORS.get(node.op) if node.domain in ("", "ai.onnx.ml") else None
        if operator is None:
            of = f"{node.domain}." if node.domain else ""
            self._refuse(node.said, f"the operator {of}{node.op} is not covered")
            return
        aside = next((value for value in given if isinstance(value, Aside)), None)
        if aside is not None:
            self.values |= dict.fromkeys(node.outputs, aside)
            return
        at = At(node, self.cells, self.pieces, self.model.opset)
        try:
            made = operator.make(at, *given)
        except Uncovered as error:
            self._refuse(node.said, str(error))
            return
        except (
            TypeError,
            ValueError,
            IndexError,
            KeyError,
            AttributeError,
            ZeroDivisionError,
        ) as error:
            self._refuse(node.said, f"inputs that do not fit ({str(error).splitlines()[0][:80]})")
            return
        made = made if isinstance(made, tuple) else (made,)
        if node.op in TRUTHS and isinstance(made[0], Live):
            self.cells.note(made[0].ids, self.cells.truths)
            self.cells.note(made[0].ids, self.cells.whole)
        if node.op == "Identity":
            made = (self._renamed(made[0], node.outputs[0]),)
        self.values |= dict(zip(node.outputs, made, strict=False))

    def _within(self, node: Node, given: Sequence[Value | None]) -> None:
        """A node with a graph of its own."""
        try:
            made = INNER[node.op](node, given, self._run, self.cells)
        except Uncovered as error:
            self._refuse(node.said, str(error))
            return
        except (ValueError, TypeError, IndexError) as error:
            self._refuse(node.said, f"inputs that do not fit ({str(error).splitlines()[0][:80]})")
            return
        self.values |= dict(zip(node.outputs, made, strict=False))

    def _run(self, body: Body, given: Sequence[Value | None]) -> list[Value | None]:
        """The outputs of a graph within a node, which may use all names outside of it."""
        self.values |= {
            name: Known(array, _part(name, array)) for name, array in body.arrays.items()
        }
        self.values |= dict(zip(body.inputs, given, strict=True))
        for node in body.nodes:
            self._node(node)
        return [self.values.get(name) for name in body.outputs]

    def _renamed(self, value: Value, name: str) -> Value:
        """An array under a second name. Exporters make one array of those that are equal.

        Equal matrices are one matrix. Equal vectors, such as biases of zeros, only began alike: the
        second is an array of its own.
        """
        if not isinstance(value, Known) or value.part is None:
            return value
        if value.values.ndim != 1 or value.values.dtype.kind != "f":
            return value
        self.renamed.append(name)
        return Known(value.values, Part(name, value.part.values))

    # Outputs

    def _outputs(self) -> list[tuple[str, Array]]:
        """The numbers among the outputs. Labels are left out, for the scores that they come from."""
        found: list[tuple[str, Array]] = []
        scores: list[tuple[str, Array]] = []
        for entry in self.model.outputs:
            value = self.values.get(entry.name)
            if isinstance(value, Live):
                found.append((entry.name, value.ids))
                self.results.append(value.ids)
            elif isinstance(value, Aside):
                if value.scores is not None:
                    scores.append((entry.name, value.scores.ids))
                self.notes.append(
                    f"The output {entry.name} is a label and has no cells; the scores that it is chosen by have."
                )
            elif isinstance(value, Known):
                self.notes.append(
                    f"The output {entry.name} is the same for all inputs; it is left out."
                )
        if not found and scores:
            found = scores[:1]
        if not found and not self.problems:
            self._refuse(
                "outputs", "an output that depends on the inputs expected; the model has none"
            )
        return [(name, self._alone(name, ids)) for name, ids in found]

    def _alone(self, name: str, ids: Array) -> Array:
        """The output, or of two outputs 1 - p and p the second."""
        from bpsheet.models.onnx.tables import is_pair

        flat = ids.ravel()
        at = At(Node("", "", "", (), (), {}), self.cells, self.pieces, self.model.opset)
        if not is_pair(at, flat):
            return ids
        self.notes.append(f"The output {name} is 1 - p and p; here it is p alone.")
        return flat[1:]


def _part(name: str, array: Any) -> Part | None:
    if array.dtype.kind not in "fiu" or array.ndim == 0:
        return None
    return Part(name, array)


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "1"
