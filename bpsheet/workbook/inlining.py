"""The columns that a layout hides, and those of them that are written into another formula."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bpsheet.formula.tree import Ref, walk
from bpsheet.program.kinds import Role
from bpsheet.program.program import Program

__all__ = ["MAX_INLINED", "to_inline"]


# A formula with more nodes than this keeps its parts in columns of their own.
MAX_INLINED = 300


@dataclass(frozen=True)
class _Inlining:
    """The hidden columns: unused by any shown column, or used once by one formula."""

    unused: frozenset[str]
    once: frozenset[str]


def to_inline(program: Program, hides: frozenset[Role], typed: set[str]) -> _Inlining:
    hidden = {column.name for column in program if column.role in hides}
    if not hidden:
        return _Inlining(frozenset(), frozenset())
    in_next_row = {
        ref.name
        for column in program
        for ref in column.references
        if ref.lag and ref.name != column.name
    }
    uses: Counter[str] = Counter()
    unused, once = set(), set()
    for column in reversed(program.columns):
        name = column.name
        if name in hidden and name not in in_next_row:
            if uses[name] == 0:
                unused.add(name)
                continue
            if uses[name] == 1 and name not in typed and column.start is None:
                once.add(name)
        if name not in typed and column.formula is not None:
            uses.update(
                node.name
                for node in walk(column.formula)
                if isinstance(node, Ref) and node.lag == 0
            )
    return _Inlining(frozenset(unused), frozenset(once))
