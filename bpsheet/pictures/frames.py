"""An iteration of a network as people draw it by hand: which vectors and matrices stand where.

The forward pass goes from left to right, the backward pass below it from right to left. Each gradient
stands under its weights, and the new weights stand under that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
    """Whether a program is that of a network, with vectors of inputs and matrices of weights."""
    return program.is_of_quantities and program.last_layer > 0


@dataclass(frozen=True)
class Frame:
    """An array, and where it stands in the picture of an iteration.

    label:   its name and shape
    says:    its formula with the names of arrays; empty for what is given
    formula: its formula, if that is one of arrays of the same iteration; else None
    row:     which of `LINES` it stands in, from 0
    column:  its first column of numbers, from 1, with an empty column before each array
    heads:   the names above its columns
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

    @property
    def rows(self) -> int:
        return self.quantity.shape[0] if self.quantity.shape else 1

    @property
    def columns(self) -> int:
        return self.quantity.shape[1] if len(self.quantity.shape) == 2 else 1


LINES = ("forward", "backward", "update", "new weights")


class Frames:
    """The arrays of an iteration of a network, and where they stand.

    frames:      in the order of computing, with the new weights last
    row_names:   the names of the rows that stand in an empty column
    last_column: the last column of numbers

    >>> import bpsheet as bp
    >>> [frame.label for frame in Frames(bp.load("two-neuron").program()).frames[:4]]
    ['x   2 × 1', 'W1   1 × 2', 'b1   1 × 1', 'z1   1 × 1']
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.quantities = {q.name: q for q in self.program.quantities}
        self.shapes = {name: cells.shape for name, cells in self.program.arrays.items()}
        self.places: dict[str, int] = {}
        self.names: dict[str, str] = self._names()
        self.text = MatrixText(self.names, self.shapes)
        self.row_names: dict[int, tuple[str, ...]] = {}
        self.frames = list(self._placed())
        self.last_column = max(f.column + f.columns - 1 for f in self.frames)

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
        return [q for q in self.program.quantities if q.phase in phases]

    def _placed(self) -> Iterator[Frame]:
        """The frames: the forward pass in a line, and the others below what they belong to."""
        column = 2
        given = [q for q in self._by_phase(Phase.INPUT) if q.shape]
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
            after = replace(
                weight,
                name=NEW + weight.name,
                formula=Sum((Ref(weight.name), Ref(change.name))),
            )
            self.names[after.name] = f"{weight.name} new"
            yield replace(
                self._frame(after, 3, at),
                label=self.names[after.name],
                heads=(),
                formula=after.formula,
                says=self.text.text(after.formula) if after.formula else "",
            )

    def _frame(self, quantity: Quantity, row: int, column: int) -> Frame:
        name = self.names.get(quantity.name, quantity.name)
        shape = quantity.shape
        size = f"{shape[0]} × {shape[1] if len(shape) == 2 else 1}" if shape else ""
        formula = quantity.formula if self._is_live(quantity) else None
        is_given = quantity.phase in (Phase.INPUT, Phase.WEIGHT)
        says = "" if is_given else self.text.text(formula) if formula is not None else "from Steps"
        heads: tuple[str, ...] = ()
        if quantity.phase is Phase.WEIGHT and len(shape) == 2:
            heads = self._inputs(quantity)
        return Frame(
            quantity, quantity.name, f"{name}   {size}".strip(), says, formula, row, column,
            quantity.phase, heads,
        )  # fmt: skip

    def _inputs(self, weights: Quantity) -> tuple[str, ...]:
        """The names of what a layer's weights are multiplied with."""
        layer = weights.first.layer or 1
        source = self.quantities["x" if layer == 1 else f"a{layer - 1}"]
        return tuple(column.name for column in source.columns)

    def _rows_of(self, frame: Frame) -> tuple[str, ...]:
        """The names of an array's rows, where they stand beside it."""
        quantity = frame.quantity
        if quantity.phase is Phase.INPUT:
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
        return quantity.phase is not Phase.UPDATE and quantity.phase is not Phase.TEST
