"""One iteration of formulas with vectors and matrices: each array with names, with numbers, its result."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpsheet.errors import LimitError
from bpsheet.explain.matrices import Worked
from bpsheet.explain.row import Row
from bpsheet.formula.tree import Expr, Num, Operation, Ref, rewrite
from bpsheet.paper.blocks import Block, Prose
from bpsheet.paper.matrices import Fraction, Matrices, Name, Sign
from bpsheet.paper.plain import matrices_text
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.naming import named_formulas, with_names
from bpsheet.program.quantities import Quantity

__all__ = ["array_blocks"]

GIVEN = (Phase.INPUT, Phase.WEIGHT)


def array_blocks(row: Row) -> Iterator[Block]:
    """The worked iteration. Raises LimitError for an experiment without vectors and matrices."""
    if not any(quantity.shape for quantity in row.program.quantities):
        raise LimitError(
            "the matrix form would have nothing to show: this experiment has numbers only, no "
            "vectors and no matrices"
        )
    yield Prose(
        "Vectors are columns. The sign ∘ multiplies entry by entry. A column beside a matrix is "
        "repeated for each of its columns; rowsum and rowmax are the sum and the largest entry of each "
        "row, and colsum is the sum of each column."
    )
    worked = _WorkedGraph(row)
    yield from worked.solution(worked.given())


class _WorkedGraph(Worked):
    def __init__(self, row: Row) -> None:
        super().__init__(row)
        forward = [q for q in self.quantities if q.phase is Phase.FORWARD]
        self.computed = named_formulas((q.formula, q.name) for q in forward)

    def given(self) -> Iterator[Quantity]:
        """The inputs and the parameters."""
        kinds = (Role.DATA, Role.WEIGHT)
        return (q for q in self.quantities if q.phase in GIVEN and q.first.role in kinds)

    def is_shown(self, quantity: Quantity) -> bool:
        """Whether a quantity is one of the formulas; the stages of an optimiser are not."""
        return quantity.phase is not Phase.UPDATE or quantity.first.role is Role.ADJUSTMENT

    def _name(self, quantity: Quantity) -> None:
        loss = self.program.loss.name if self.program.loss is not None else ""
        own = Name(quantity.name)
        self.letters.setdefault(quantity.name, [own])
        self.letters[quantity.adjoint] = [Fraction(loss, own)]
        change = self._adjustment(quantity)
        if change is not None:
            self.letters[change] = [Sign("Δ"), own]
            self.weights[change] = quantity

    def _adjustment(self, quantity: Quantity) -> str | None:
        if quantity.phase is not Phase.WEIGHT:
            return None
        own = f"Δ{quantity.name}"
        return own if quantity.shape else self.program.adjustment_of(quantity.name)

    def _formula(self, quantity: Quantity) -> Expr | None:
        formula = quantity.formula
        if formula is None:
            return None
        if quantity.phase is not Phase.FORWARD:
            formula = with_names(formula, self.computed)
        return rewrite(formula, self._with_row)

    def _with_row(self, node: Expr) -> Expr:
        """A name of its own for a row of a named matrix, or for an entry of a vector."""
        match node:
            case Operation("row", (Ref(name, 0), Num(number))):
                called = f"{name}[{number:g}]"
                entries = self.by_name[name].columns[int(number) - 1]
                row = entries if isinstance(entries, np.ndarray) else np.array(entries, object)
                self.by_name.setdefault(called, Quantity(called, None, row))
                self.letters.setdefault(called, [Name(called)])
                self.shapes.setdefault(called, row.shape)
                return Ref(called)
        return node

    def _called(self, quantity: Quantity) -> str:
        return matrices_text(Matrices(tuple(self.letters[quantity.name])))
