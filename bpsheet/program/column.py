"""A column of the sheet: one quantity with its formula, computed in every iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bpsheet.formula.tree import Expr, Lookup, Param, Ref, walk
from bpsheet.program.kinds import Phase, Role

__all__ = ["Column", "sentence_of"]


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
    def _uses(self) -> tuple[dict[Ref, None], dict[str, None], dict[str, None]]:
        """The columns, hyper-parameters and tables in the formula, by one walk through it."""
        refs: dict[Ref, None] = {}
        names: dict[str, None] = {}
        tables: dict[str, None] = {}
        for node in walk(self.formula) if self.formula is not None else ():
            if isinstance(node, Ref):
                refs[node] = None
            elif isinstance(node, Param):
                names[node.name] = None
            elif isinstance(node, Lookup):
                tables[node.table] = None
        return refs, names, tables

    @cached_property
    def references(self) -> tuple[Ref, ...]:
        """The columns that the formula refers to."""
        return tuple(self._uses[0])

    @property
    def parameters(self) -> tuple[str, ...]:
        """The hyper-parameters in the formula."""
        return tuple(self._uses[1])

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the formula's look-ups read."""
        return tuple(self._uses[2])

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
