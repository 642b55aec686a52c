"""The nodes and arrows of a page's picture: the layers of a network, or formulas by depth.

The points are computed here, in steps from layer to layer and from node to node. The page changes
only the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from bpsheet.columns.model import NetworkModel
from bpsheet.plan.plan import Plan
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Program

__all__ = ["picture_of"]

# A layer with more nodes takes several columns beside each other.
TALLEST = 16


@dataclass
class _Node:
    """A circle: its name, its point, and the indices of the columns that it shows (or None)."""

    name: str
    x: float
    y: float
    kind: str
    value: int
    error: int | None = None
    bias: int | None = None
    move: int | None = None
    columns: Sequence[int] = ()


class _Arrow(NamedTuple):
    """An arrow from node to node, with the indices of its weight and adjustment (or None)."""

    start: int
    end: int
    weight: int | None = None
    move: int | None = None


def picture_of(experiment: Plan, program: Program) -> dict[str, Any]:
    """The nodes and arrows of an experiment's picture, as plain tables."""
    if isinstance(experiment.model, NetworkModel):
        nodes, arrows = _network(experiment.model, program)
    else:
        nodes, arrows = _formulas(program)
    return {"nodes": list(map(asdict, nodes)), "arrows": list(map(list, arrows))}


def _network(model: NetworkModel, program: Program) -> tuple[list[_Node], list[_Arrow]]:
    place = program.position
    of_neuron: dict[str | None, list[int]] = {}
    for index, column in enumerate(program):
        of_neuron.setdefault(column.neuron, []).append(index)
    nodes = [
        _Node(name, *where, "input", place[name], columns=[place[name]])
        for name, where in zip(model.inputs, _places(0, len(model.inputs)), strict=True)
    ]
    arrows: list[_Arrow] = []
    first = 0
    for layer in model.layers:
        start = len(nodes)
        places = _places(_right_of(nodes), len(layer.outputs))
        for index, (name, where) in enumerate(zip(layer.outputs, places, strict=True)):
            bias = layer.biases[index] if layer.biases else None
            node = _Node(
                name,
                *where,
                "neuron",
                place[name],
                _place(program, program.derivative_of(layer.sums[index])),
                _place(program, bias),
                _move(program, bias),
                of_neuron.get(layer.neurons[index], []),
            )
            nodes.append(node)
            arrows += [
                _Arrow(first + source, start + index, place[weight], _move(program, weight))
                for source, weight in enumerate(layer.weights[index])
            ]
        first = start
    return nodes, arrows


def _formulas(program: Program) -> tuple[list[_Node], list[_Arrow]]:
    """The nodes of formulas: each value stands to the right of the values in its formula."""
    forward = program.phase(Phase.FORWARD)
    used = {ref.name for column in forward for ref in column.references}
    given = [c for c in program.phase(Phase.INPUT, Phase.WEIGHT) if c.name in used]
    depth = {column.name: 0 for column in given}
    for column in forward:
        depth[column.name] = 1 + max((depth[r.name] for r in column.references), default=0)
    nodes: list[_Node] = []
    number: dict[str, int] = {}
    for layer in range(max(depth.values(), default=0) + 1):
        columns = [c for c in (*given, *forward) if depth[c.name] == layer]
        for column, where in zip(columns, _places(layer, len(columns)), strict=True):
            number[column.name] = len(nodes)
            nodes.append(_value(program, column, where))
    arrows = [
        _Arrow(number[ref.name], number[column.name])
        for column in forward
        for ref in column.references
    ]
    return nodes, arrows


def _value(program: Program, column: Column, where: tuple[float, float]) -> _Node:
    adjoint = _place(program, program.derivative_of(column.name))
    kind = {Phase.INPUT: "input", Phase.WEIGHT: "weight"}.get(column.phase, "neuron")
    place, move = program.position[column.name], _move(program, column.name)
    shown = [index for index in (place, adjoint, move) if index is not None]
    return _Node(column.name, *where, kind, place, adjoint, None, move, shown)


def _places(left: float, count: int) -> list[tuple[float, float]]:
    """Nodes below each other, around the middle; of very many some columns close together."""
    columns = -(-count // TALLEST)
    rows = -(-count // columns)
    return [
        (left + 0.3 * (index // rows), index % rows - (min(rows, count) - 1) / 2)
        for index in range(count)
    ]


def _right_of(nodes: Sequence[_Node]) -> float:
    return max(node.x for node in nodes) + 1


def _place(program: Program, name: str | None) -> int | None:
    return program.position.get(name) if name is not None else None


def _move(program: Program, weight: str | None) -> int | None:
    """The index of a weight's adjustment; None for a weight that is never adjusted."""
    if weight is None or program[weight].phase is not Phase.WEIGHT:
        return None
    return _place(program, program.adjustment_of(weight))
