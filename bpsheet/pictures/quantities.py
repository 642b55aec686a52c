"""The computational graph of a program: its quantities as nodes, each behind those that it uses.

A weight that several steps of a sequence share stands apart, without arrows: each formula that uses
it says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bpsheet.formula.tree import references
from bpsheet.pictures.shelves import GraphFrames
from bpsheet.pictures.things import Arrow, Node, Things
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity

__all__ = ["graph_of"]

NOT_SAID = "from Steps"
COUNTS = (Role.ITERATION, Role.EPOCH, Role.EXAMPLE, Role.BATCH_ROW, Role.BATCH_END)


def graph_of(program: Program) -> Things:
    """The quantities of the forward pass, and an arrow from each that a formula uses.

    >>> import bpsheet as bp
    >>> things = graph_of(bp.load("formula").program())
    >>> [(node.name, node.layer, node.says) for node in things.nodes]
    [('x', 0, ''), ('y', 0, ''), ('z', 1, ''), ('t', 1, 'x + y'), ('f', 2, 't·z')]
    """
    quantities = {q.name: program.filled(q) for q in program.quantities}
    forward = [q for q in quantities.values() if q.phase is Phase.FORWARD]
    used = {q.name: _used(q, quantities) for q in forward}
    given = [
        q
        for q in quantities.values()
        if q.phase in (Phase.INPUT, Phase.WEIGHT)
        and any(q.name in names for names in used.values())
    ]
    users = {q.name: [f for f in forward if q.name in used[f.name]] for q in given}
    shared = {q.name for q in given if _is_shared(q, users[q.name])}
    depth: dict[str, int] = {}
    for quantity in forward:
        behind = [depth[name] for name in used[quantity.name] if name in depth]
        depth[quantity.name] = 1 + max(behind, default=0)
    for quantity in given:
        depth[quantity.name] = min(depth[user.name] for user in users[quantity.name]) - 1
    says = _formulas(program)
    nodes = {
        q.name: _node(program, q, depth[q.name], says.get(q.name, "")) for q in (*given, *forward)
    }
    drawn = sorted((name for name in nodes if name not in shared), key=lambda n: nodes[n].layer)
    number = {name: index for index, name in enumerate(drawn)}
    arrows = [
        Arrow(number[name], number[q.name])
        for q in forward
        for name in used[q.name]
        if name not in shared
    ]
    return Things(
        [nodes[name] for name in drawn], arrows, [nodes[name] for name in shared_in(given, shared)]
    )


def shared_in(given: Sequence[Quantity], shared: set[str]) -> list[str]:
    """The names of the shared ones, in order."""
    return [q.name for q in given if q.name in shared]


def _used(quantity: Quantity, known: Mapping[str, Quantity]) -> list[str]:
    """The quantities of the same iteration in a formula, each once, in order."""
    if quantity.formula is None:
        return []
    names = (ref.name for ref in references(quantity.formula) if not ref.lag)
    phases = (Phase.INPUT, Phase.WEIGHT, Phase.FORWARD)
    return list(dict.fromkeys(n for n in names if n in known and known[n].phase in phases))


def _is_shared(quantity: Quantity, users: Sequence[Quantity]) -> bool:
    return quantity.phase is Phase.WEIGHT and len({user.step for user in users}) > 1


def _formulas(program: Program) -> dict[str, str]:
    """What each quantity's formula says, with the names of arrays."""
    frames = GraphFrames(program).frames
    return {frame.name: frame.says for frame in frames if frame.says != NOT_SAID}


def _node(program: Program, quantity: Quantity, depth: int, says: str) -> Node:
    is_weight = quantity.phase is Phase.WEIGHT
    cells = _rows(quantity.each(lambda column: program.position[column.name]))

    def beside(name: str) -> int | None:
        other = program.adjustment_of(name) if is_weight else program.derivative_of(name)
        return None if other is None else program.position.get(other)

    below = _rows(quantity.each(lambda column: beside(column.name)))
    shown = [index for row in (*cells, *below) for index in row if index is not None]
    kind = {Phase.INPUT: "input", Phase.WEIGHT: "weight"}.get(quantity.phase, "neuron")
    shape = (
        " × ".join(map(str, quantity.shape))
        if len(quantity.shape) != 1
        else f"{quantity.shape[0]} × 1"
    )
    return Node(
        quantity.name, kind, depth, cells, below,
        columns=tuple(shown), shape=shape if quantity.shape else "", says=says, step=quantity.step,
    )  # fmt: skip


def _rows(array: Any) -> list[list[int | None]]:
    if array.ndim == 0:
        return [[array[()]]]
    return [list(row) for row in array.reshape(len(array), -1)]
