"""A column of the sheet: one quantity with its formula, computed in every iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bpsheet.formula.tree import Expr, Lookup, Param, Ref, walk
from bpsheet.program.kinds import Phase, Role

__all__ = ["Column", "Uses", "sentence_of", "uses_of"]


class Uses(NamedTuple):
    """What is in a formula: columns, hyper-parameters, tables, and its nodes' number and kinds.

    Many readers of a program ask for it, and a wide network has thousands of formulas.
    """

    references: tuple[Ref, ...]
    parameters: tuple[str, ...]
    tables: tuple[str, ...]
    size: int
    kinds: frozenset[type[Expr]]


def uses_of(formula: Expr | None) -> Uses:
    """What is in a formula, by one walk through it; of None, nothing."""
    refs: dict[Ref, None] = {}
    names: dict[str, None] = {}
    tables: dict[str, None] = {}
    nodes = list(walk(formula)) if formula is not None else []
    for node in nodes:
        if isinstance(node, Ref):
            refs[node] = None
        elif isinstance(node, Param):
            names[node.name] = None
        elif isinstance(node, Lookup):
            tables[node.table] = None
    kinds = frozenset(map(type, nodes))
    return Uses(tuple(refs), tuple(names), tuple(tables), len(nodes), kinds)


@dataclass(frozen=True)
class Column:
    """One quantity, computed in every iteration.

    name:       what the source calls it (`w_xg1`, `f_error`)
    formula:    how it is computed; None where its values are given, one for each row
    start:      the first row's value where it is typed in: an initial weight, or in an excerpt
                of a run any column whose formula needs the row before
    input:      of a weight, its gradient and its adjustment: what the weight is multiplied by; None
                for biases, and where there are no neurons
    weight:     of a gradient, an adjustment and what stands between them: the weight's name
    partials:   its derivatives with respect to other columns, where a textbook writes
                them in a form of its own; an empty mapping means: a constant
    slope_name: the name of the column for its partial derivative, where it has only one
    adjoint_name: the name of a column for the derivative of the loss with respect to it
    turned:     of a loss: whether the backward pass has minus its derivatives
    labels:     the words shown for the values 0, 1, …
    meaning:    what it is, as the end of a sentence: "the …"
    from_data:  of a test that repeats an example: the same column over the data's numbers, for a sheet
                beside which the data stand
    """

    name: str
    phase: Phase
    role: Role
    formula: Expr | None
    start: float | None = None
    layer: int | None = None
    neuron: str | None = None
    input: str | None = None
    weight: str | None = None
    partials: Mapping[str, Expr] | None = None
    slope_name: str | None = None
    adjoint_name: str | None = None
    turned: bool = False
    labels: tuple[str, ...] | None = None
    meaning: str = ""
    from_data: Column | None = None

    @cached_property
    def uses(self) -> Uses:
        """What is in its formula."""
        return uses_of(self.formula)

    @property
    def references(self) -> tuple[Ref, ...]:
        """The columns that the formula refers to."""
        return self.uses.references

    @property
    def parameters(self) -> tuple[str, ...]:
        """The hyper-parameters in the formula."""
        return self.uses.parameters

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the formula's look-ups read."""
        return self.uses.tables

    @property
    def is_of_weight(self) -> bool:
        """Whether it is a weight, or belongs to one: its gradient, its adjustment."""
        return self.role is Role.WEIGHT or self.weight is not None

    @cached_property
    def is_state(self) -> bool:
        """Whether the row before alone decides its value: a weight, the iteration's number."""
        return self.start is not None and all(ref.lag for ref in self.references)


_BEGINNINGS = {
    Role.LOSS: "The loss: ",
    Role.PART: "For softmax: ",
    Role.VALIDATION_OUTPUT: "For validation: ",
    Role.VALIDATION_LOSS: "For validation: ",
    Role.STOPPING: "Early stopping: ",
    Role.VERDICT: "The test: ",
    Role.TEST_SUM: "For the test: ",
    Role.TEST_OUTPUT: "For the test: ",
}


def sentence_of(column: Column) -> str:
    """A column's meaning as a sentence."""
    return f"{_BEGINNINGS.get(column.role, 'The ')}{column.meaning}."
