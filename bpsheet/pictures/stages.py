"""An iteration step by step: what is known at each step, and what has just been computed.

The forward pass goes layer by layer, the backward pass back again, and the update comes last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bpsheet.pictures.things import Node, Things
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Program

__all__ = ["Stage", "stages_of"]

# A pass of more layers is shown in so many steps.
MOST_STEPS = 10
# So many names stand in a title.
MOST_NAMES = 4
BACK = (Phase.BACKWARD, Phase.GRADIENT)


@dataclass(frozen=True)
class Stage:
    """A step of an iteration.

    sees:  the columns whose values are known
    new:   those that have just been computed
    nodes: the nodes (their numbers) to which these belong
    """

    name: str
    title: str
    sees: frozenset[int]
    new: frozenset[int] = frozenset()
    nodes: tuple[int, ...] = ()


def stages_of(things: Things, program: Program) -> Iterator[Stage]:
    """The steps of an iteration.

    >>> import bpsheet as bp
    >>> from bpsheet.pictures.nodes import things_of
    >>> experiment = bp.load("two-neuron")
    >>> program = experiment.program()
    >>> [stage.title for stage in stages_of(things_of(experiment, program), program)]
    ['Given', 'Forward: g', 'Forward: f', 'Backward: f', 'Backward: g', 'Update']
    """
    phases = [column.phase for column in program]
    sees = {i for i, phase in enumerate(phases) if phase in (Phase.INPUT, Phase.WEIGHT)}
    yield Stage("given", "Given", frozenset(sees))
    layers = range(1 + max(node.layer for node in things.nodes))
    loss = [] if program.loss is None else [program.position[program.loss.name]]
    for name, wanted, order in (
        ("forward", (Phase.FORWARD,), layers),
        ("backward", BACK, reversed(layers)),
    ):
        steps = []
        for layer in order:
            own = [
                (number, {i for i in node.columns if phases[i] in wanted})
                for number, node in enumerate(things.nodes)
                if node.layer == layer
            ]
            steps.append([(number, columns) for number, columns in own if columns])
        for step in _grouped([step for step in steps if step]):
            new = {i for _, columns in step for i in columns}
            if name == "forward" and step[-1][0] == len(things.nodes) - 1:
                new.update(loss)
            sees |= new
            numbers = tuple(number for number, _ in step)
            title = f"{name.capitalize()}: {_named([things.nodes[n] for n in numbers])}"
            yield Stage(name, title, frozenset(sees), frozenset(new), numbers)
    moves = frozenset(i for i, phase in enumerate(phases) if phase is Phase.UPDATE)
    if moves:
        yield Stage("update", "Update", frozenset(sees) | moves)


def _grouped(steps: Sequence[list[tuple[int, set[int]]]]) -> list[list[tuple[int, set[int]]]]:
    """At most MOST_STEPS steps, of about as many layers each."""
    share = -(-len(steps) // MOST_STEPS)
    return [
        [pair for step in steps[begin : begin + share] for pair in step]
        for begin in range(0, len(steps), max(share, 1))
    ]


def _named(nodes: Sequence[Node]) -> str:
    names = [node.name for node in nodes]
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{names[0]} … {names[-1]}"
