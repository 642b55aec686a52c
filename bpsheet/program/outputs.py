"""The columns that a run is about: its outputs, as they stand on a sheet."""

from __future__ import annotations

from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program

__all__ = ["outputs_of"]


def outputs_of(program: Program) -> list[str]:
    """The outputs: those of the last layer, or what the loss compares where there are no layers.

    A difference between a value and a target stands for that value.
    """
    last = program.last_layer
    if last:
        return [c.name for c in program if c.role is Role.OUTPUT and c.layer == last]
    found: dict[str, None] = {}
    for loss in (c for c in program if c.role is Role.LOSS):
        for name in _forward(program, loss.name):
            aimed = any(program[ref.name].role is Role.TARGET for ref in program[name].references)
            found |= dict.fromkeys(_forward(program, name) if aimed else [name])
    return [c.name for c in program if c.name in found]


def _forward(program: Program, name: str) -> list[str]:
    refs = (ref.name for ref in program[name].references if not ref.lag)
    return [ref for ref in refs if program[ref].phase is Phase.FORWARD]
