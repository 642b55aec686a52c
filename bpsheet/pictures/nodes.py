"""What a picture shows: neurons and weights, or for formulas and other layers arrays of numbers.

Nodes stand in layers. Where they stand in the picture is another matter: see `placement`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bpsheet.columns.model import NetworkModel
from bpsheet.pictures.image import image_of
from bpsheet.pictures.quantities import graph_of
from bpsheet.pictures.things import Arrow, Node, Things
from bpsheet.plan.plan import Plan
from bpsheet.program.program import Program

__all__ = ["things_of"]


def things_of(experiment: Plan, program: Program) -> Things:
    """The nodes and arrows of an experiment: its neurons, or the arrays of its formulas.

    >>> import bpsheet as bp
    >>> experiment = bp.load("book-xor")
    >>> [node.name for node in things_of(experiment, experiment.program()).nodes]
    ['x1', 'x2', 'n0', 'n1', 'n2']
    """
    if isinstance(experiment.model, NetworkModel):
        return _network(experiment.model, program)
    return graph_of(program)


def _network(model: NetworkModel, program: Program) -> Things:
    place = program.position
    of_neuron: dict[str | None, list[int]] = {}
    for index, column in enumerate(program):
        of_neuron.setdefault(column.neuron, []).append(index)
    nodes = _inputs(model.network.inputs, program)
    is_image = nodes[0].kind == "image"
    arrows: list[Arrow] = []
    first = 0
    for number, layer in enumerate(model.layers, start=1):
        start = len(nodes)
        for index, name in enumerate(layer.outputs):
            bias = layer.bias_of(index)
            error = _place(program, program.derivative_of(layer.sums[index]))
            nodes.append(
                Node(
                    name,
                    "neuron",
                    number,
                    [[place[name]]],
                    [[error]],
                    _place(program, bias),
                    _move(program, bias),
                    tuple(of_neuron.get(layer.neurons[index], [])),
                )
            )
            if number == 1 and is_image:
                arrows.append(Arrow(0, start + index))
                continue
            arrows += [
                Arrow(first + source, start + index, place[weight], _move(program, weight))
                for source, weight in enumerate(layer.weights[index])
            ]
        first = start
    return Things(nodes, arrows)


def _inputs(names: Sequence[str], program: Program) -> list[Node]:
    """A node for each input, or one for the image whose pixels they are."""
    places = [program.position[name] for name in names]
    shape = image_of(names)
    if shape is None:
        pairs = zip(names, places, strict=True)
        return [Node(name, "input", 0, [[p]], [[None]], columns=(p,)) for name, p in pairs]
    rows, columns = shape
    cells = [places[row * columns : (row + 1) * columns] for row in range(rows)]
    nothing: list[list[int | None]] = [[None] * columns for _ in cells]
    name = f"{names[0]} … {names[-1]}"
    return [Node(name, "image", 0, cells, nothing, columns=tuple(places))]


def _place(program: Program, name: str | None) -> int | None:
    return program.position.get(name) if name is not None else None


def _move(program: Program, weight: str | None) -> int | None:
    """The index of a weight's adjustment; None for a weight that is never adjusted."""
    return None if weight is None else _place(program, program.adjustment_of(weight))
