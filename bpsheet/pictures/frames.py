"""An iteration of a network as people draw it by hand: which vectors and matrices stand where.

The forward pass goes from left to right, the backward pass below it from right to left. Each gradient
stands under its weights, and the new weights stand under that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from bpsheet.errors import ProgramError
from bpsheet.formula.tree import Expr, Ref, Sum, references
from bpsheet.printers.matrices import MatrixText, is_printable
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity

__all__ = ["LINES", "NEW", "Frame", "Frames", "has_frames"]

NEW = "new "
# What the parts of softmax are called: the largest weighted sum, and the sum of the powers of e.
SHORT = {"max_z": "m", "sum_exp": "s"}


def has_frames(program: Program) -> bool:
    """Whether a program has vectors or matrices to draw."""
    return program.is_of_quantities and any(quantity.shape for quantity in program.quantities)


@dataclass(frozen=True)
class Frame:
    """An array, and where it stands in the picture of an iteration.

    label:   its name and shape
    says:    its formula with the names of arrays; empty for what is given
    formula: its formula, if that is one of arrays of the same iteration; else None
    row:     which line of its shelf it stands in, from 0
    column:  its first column of numbers, from 1
    heads:   the names above its columns
    by_cell: whether each entry is computed here by a formula of its own, and not by one of arrays
    shelf:   lines that stand together are a shelf, from 0; the shelves stand below one another
    room:    how many columns its name and its formula may take
    """

    quantity: Quantity
    name: str
    label: str
    says: str
    formula: Expr | None
    row: int
    column: int
    phase: Phase
    heads: tuple[str, ...] = ()
    by_cell: bool = False
    shelf: int = 0
    room: int = 1

    @property
    def rows(self) -> int:
        return self.quantity.shape[0] if self.quantity.shape else 1

    @property
    def columns(self) -> int:
        return self.quantity.shape[1] if len(self.quantity.shape) == 2 else 1


LINES = ("forward", "backward", "update", "new weights")


class Frames:
    """The arrays of an iteration of a network, and where they stand.

    The forward pass is one line, with an empty column before each array.

    frames:      in the order of computing, with the new weights last
    row_names:   the names of the rows that stand in an empty column
    last_column: the last column of numbers and of what stands above them
    is_shelved:  whether the arrays stand on several shelves

    >>> import bpsheet as bp
    >>> [frame.label for frame in Frames(bp.load("two-neuron").program()).frames[:4]]
    ['x   2 × 1', 'W1   1 × 2', 'b1   1 × 1', 'z1   1 × 1']
    """

    is_shelved: ClassVar[bool] = False

    def __init__(self, program: Program) -> None:
        self.program = program
        self.quantities = {q.name: program.filled(q) for q in self.program.quantities}
        self.shapes = {name: cells.shape for name, cells in self.program.arrays.items()}
        self.places: dict[str, int] = {}
        self.names: dict[str, str] = self._names()
        self.text = MatrixText(self.names, self.shapes)
        self.row_names: dict[int, tuple[str, ...]] = {}
        self.frames = list(self._placed())
        self.last_column = max(f.column + max(f.columns, f.room) - 1 for f in self.frames)

    def title(self, _shelf: int, row: int) -> str:
        """What stands before a line of arrays."""
        return LINES[row]

    def entry(self, frame: Frame, name: str) -> Expr:
        """The formula of one entry of an array, by the entry's name."""
        if frame.name.startswith(NEW):
            change = self.program.adjustment_of(name)
            return Ref(name) if change is None else Sum((Ref(name), Ref(change)))
        formula = self.program[name].formula
        if formula is None:
            raise ProgramError(f"{name} has no formula")
        return formula

    def _names(self) -> dict[str, str]:
        """What the sheet calls each array: dW1 is ∂loss/∂W1."""
        names: dict[str, str] = {}
        for quantity in self.program.quantities:
            own = quantity.name
            stem = own.rstrip("0123456789")
            names.setdefault(own, SHORT.get(stem, stem) + own[len(stem) :])
            names[quantity.slope] = f"{own}′"
            of_sum = quantity.first.role is Role.SUM
            names[quantity.adjoint] = f"δ{own[1:]}" if of_sum else f"d{own}"
        return names

    def _by_phase(self, *phases: Phase) -> list[Quantity]:
        return [q for q in self.quantities.values() if q.phase in phases]

    def _placed(self) -> Iterator[Frame]:
        """The frames: the forward pass in a line, and the others below what they belong to."""
        column = 2
        # Prepared inputs are computed in the forward pass, and stand where inputs stand.
        given = [self.quantities["x"]]
        given += [q for q in self._by_phase(Phase.INPUT) if q.shape and q is not given[0]]
        forward = self._by_phase(Phase.FORWARD)
        weights = self._by_phase(Phase.WEIGHT)
        loss = [q for q in forward if q.first.role is Role.LOSS]
        order = given[:1]
        for layer in range(1, self.program.last_layer + 1):
            own = [q for q in weights if q.first.layer == layer]
            order += sorted(own, key=lambda q: -len(q.shape))
            order += [q for q in forward if q.first.layer == layer]
        order += [*given[1:], *loss]
        for quantity in order:
            frame = self._frame(quantity, 0, column + 1)
            names = self._rows_of(frame)
            if names:
                self.row_names[column] = names
            self.places[quantity.name] = column + 1
            column += 1 + frame.columns
            yield frame
        yield from self._below(order)

    def _below(self, order: list[Quantity]) -> Iterator[Frame]:
        targets = next((q for q in order if q.first.role is Role.TARGET), None)
        for quantity in self._by_phase(Phase.BACKWARD, Phase.GRADIENT):
            of = next(q for q in order if quantity.name in (q.slope, q.adjoint))
            place = of
            if quantity.name == of.adjoint and of.first.role is Role.OUTPUT and targets is not None:
                # Below the outputs stands their derivative with respect to the sums.
                place = targets
            yield self._frame(quantity, 1, self.places[place.name])
        for weight in [q for q in order if q.phase is Phase.WEIGHT]:
            change = self.quantities.get(f"Δ{weight.name}")
            if change is None or any(column is None for column in change.columns.ravel()):
                continue
            at = self.places[weight.name]
            yield self._frame(change, 2, at)
            yield self._ended(weight, change, at)

    def _ended(self, weight: Quantity, change: Quantity, column: int) -> Frame:
        """The new weights: the old ones plus their adjustments."""
        formula = Sum((Ref(weight.name), Ref(change.name)))
        after = replace(weight, name=NEW + weight.name, formula=formula)
        self.names[after.name] = f"{weight.name} new"
        return replace(
            self._frame(after, 3, column),
            label=self.names[after.name],
            heads=(),
            formula=formula,
            says=self.text.text(formula),
        )

    def _frame(self, quantity: Quantity, row: int, column: int) -> Frame:
        name = self.names.get(quantity.name, quantity.name)
        shape = quantity.shape
        size = f"{shape[0]} × {shape[1] if len(shape) == 2 else 1}" if shape else ""
        formula = quantity.formula if self._is_live(quantity) else None
        is_given = quantity.phase in (Phase.INPUT, Phase.WEIGHT)
        says = "" if is_given else self.text.text(formula) if formula is not None else "from Steps"
        return Frame(
            quantity, quantity.name, f"{name}   {size}".strip(), says, formula, row, column,
            quantity.phase, self._heads(quantity),
        )  # fmt: skip

    def _heads(self, quantity: Quantity) -> tuple[str, ...]:
        """The names of what a layer's weights are multiplied with."""
        if quantity.phase is not Phase.WEIGHT or len(quantity.shape) != 2:
            return ()
        layer = quantity.first.layer or 1
        source = self.quantities["x" if layer == 1 else f"a{layer - 1}"]
        return tuple(column.name for column in source.columns)

    def _rows_of(self, frame: Frame) -> tuple[str, ...]:
        """The names of an array's rows, where they stand beside it."""
        quantity = frame.quantity
        if quantity.phase is Phase.INPUT or quantity.first.role is Role.PREPARED:
            return tuple(column.name for column in quantity.columns)
        if quantity.phase is Phase.WEIGHT and len(quantity.shape) == 2:
            return tuple(str(column.neuron) for column in quantity.columns[:, 0])
        return ()

    def _is_live(self, quantity: Quantity) -> bool:
        """Whether an array formula can compute it from what stands on this sheet."""
        if quantity.formula is None or quantity.phase in (Phase.INPUT, Phase.WEIGHT):
            return False
        if not is_printable(quantity.formula, self.shapes):
            return False
        used = references(quantity.formula)
        return not any(ref.lag or not self._stands_here(ref.name) for ref in used)

    def _stands_here(self, name: str) -> bool:
        quantity = self.quantities.get(name)
        if quantity is None:
            return False
        if quantity.phase is Phase.INPUT:
            return bool(quantity.shape)
        return quantity.phase not in (Phase.VALIDATION, Phase.UPDATE, Phase.TEST)
