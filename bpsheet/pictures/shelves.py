"""An iteration of formulas with vectors and matrices: which array stands where.

What is given comes first, on shelves of its own: inputs and parameters, each parameter with its
gradient, its adjustment and its new value below it. Then comes what is computed, in its order: from
left to right, and on the next shelf where a shelf is full. The derivative of the loss with respect to
each stands under it. So the forward pass runs down the page, and the backward pass up again. The steps
of a sequence stand side by side, or below one another in the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest

from bpsheet.formula.arrays import shape_of
from bpsheet.formula.tree import Expr, Lookup, Ref, references, walk
from bpsheet.pictures.frames import Frame, Frames
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.naming import named_formulas, with_names
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity

__all__ = ["CHARACTERS", "GraphFrames", "frames_of"]

# So many columns of numbers fit on a page; a matrix that is wider takes a shelf of its own.
WIDE = 17
FIRST = 2
# So many characters of a name, and of a formula, fit above a number.
LETTERS, CHARACTERS = 10, 14
# A formula takes so many lines before it takes a further column, so many columns at the most, and
# then so many lines.
FEW_LINES, MOST_COLUMNS, MOST_LINES = 6, 4, 8
# What says which iteration it is, and is no part of it.
COUNTS = (Role.ITERATION, Role.EPOCH, Role.EXAMPLE, Role.BATCH_ROW, Role.BATCH_END)
GIVEN_LINES = ("given", "gradient", "update", "new values")
COMPUTED_LINES = ("forward", "backward")


def frames_of(program: Program) -> Frames:
    """The arrays of a program's iteration, and where they stand."""
    return Frames(program) if program.last_layer else GraphFrames(program)


@dataclass(frozen=True)
class _Strip:
    """An array, and what stands below it."""

    frames: tuple[Frame, ...]
    step: int | None

    @property
    def longest(self) -> int:
        """The characters of its longest formula."""
        return max(len(frame.says) for frame in self.frames)

    @property
    def room(self) -> int:
        """The columns that its names and formulas need; two are there beside any array."""
        names = max(-(-len(frame.label) // LETTERS) for frame in self.frames)
        texts = min(-(-self.longest // (CHARACTERS * FEW_LINES)), MOST_COLUMNS)
        return max(names, texts, self.frames[0].columns, 2)

    @property
    def width(self) -> int:
        """Its columns, with an empty one at the right of numbers, and of lines of text."""
        has_lines = self.longest > CHARACTERS * self.room
        return max(self.room + (has_lines or self.room > 2), self.frames[0].columns + 1)


class GraphFrames(Frames):
    """The arrays of an iteration of formulas, and where they stand: see the module.

    >>> import bpsheet as bp
    >>> graph = bp.Graph(inputs=["x"], shapes={"x": [2]}, parameters={"W": [[1, 2], [3, 4]]},
    ...                  forward=["z = W @ x", "e = sum(z^2)"], loss="e")
    >>> once = bp.Training(iterations=1)
    >>> program = bp.Experiment(graph=graph, data=bp.Data(examples=[[1, 2]]), training=once).program()
    >>> [(frame.label, frame.says) for frame in GraphFrames(program).frames if frame.shelf]
    [('z   2 × 1', 'W·x'), ('dz   2 × 1', '2·z'), ('e', 'Σ z²')]
    """

    is_shelved = True

    def __init__(self, program: Program) -> None:
        self.given_shelves = 0
        # The quantities that have a place, and the names of their entries.
        self.shown: dict[str, Quantity] = {}
        self.entries: set[str] = set()
        # What stands for a formula that is computed in the forward pass already.
        self.formulas: dict[Expr, Ref] = {}
        self.entry_formulas: dict[Expr, Ref] = {}
        super().__init__(program)

    def title(self, shelf: int, row: int) -> str:
        """What stands before a line of arrays."""
        return (GIVEN_LINES if shelf < self.given_shelves else COMPUTED_LINES)[row]

    def _placed(self) -> Iterator[Frame]:
        """The frames, shelf by shelf."""
        quantities = self._by_phase(Phase.INPUT, Phase.WEIGHT, Phase.FORWARD)
        heads = [quantity for quantity in quantities if quantity.first.role not in COUNTS]
        forward = self._by_phase(Phase.FORWARD)
        self.formulas = named_formulas((q.formula, q.name) for q in forward)
        self.entry_formulas = named_formulas(
            (c.formula, c.name) for q in forward for c in q.columns.ravel()
        )
        parts = [(head, self._derivative(head), self._adjustment(head)) for head in heads]
        self.names |= {change.name: f"Δ{head.name}" for head, _, change in parts if change}
        self.shown = {q.name: q for part in parts for q in part if q is not None}
        self.entries = {
            column.name
            for quantity in self.shown.values()
            for column in quantity.columns.ravel()
            if column is not None
        }
        strips = [self._strip(*part) for part in parts]
        begin = sum(head.phase is not Phase.FORWARD for head in heads)
        given = _shelved(strips[:begin], 0)
        self.given_shelves = 1 + max((frame.shelf for frame in given), default=-1)
        yield from given
        yield from _shelved(strips[begin:], self.given_shelves)

    def _derivative(self, quantity: Quantity) -> Quantity | None:
        found = self.quantities.get(quantity.adjoint)
        if found is None or found.formula is None:
            return found
        return replace(found, formula=with_names(found.formula, self.formulas))

    def _adjustment(self, quantity: Quantity) -> Quantity | None:
        if quantity.phase is not Phase.WEIGHT:
            return None
        own = f"Δ{quantity.name}" if quantity.shape else self.program.adjustment_of(quantity.name)
        return self.quantities.get(own or "")

    def _strip(
        self, quantity: Quantity, derivative: Quantity | None, change: Quantity | None
    ) -> _Strip:
        frames = [self._frame(quantity, 0, 0)]
        if derivative is not None:
            frames.append(self._frame(derivative, 1, 0))
        if change is not None:
            frames += [self._frame(change, 2, 0), self._ended(quantity, change, 0)]
        return _Strip(tuple(frames), quantity.step)

    def _frame(self, quantity: Quantity, row: int, column: int) -> Frame:
        frame = super()._frame(quantity, row, column)
        if quantity.phase in (Phase.INPUT, Phase.WEIGHT) or frame.formula is not None:
            return frame
        by_cell = all(
            column is None or self._is_computed_here(column.formula)
            for column in quantity.columns.ravel()
        )
        says = frame.says
        if by_cell and quantity.formula is not None and self._can_be_said(quantity.formula):
            says = self.text.text(quantity.formula)
        return replace(frame, by_cell=by_cell, says=says)

    def _ended(self, weight: Quantity, change: Quantity, column: int) -> Frame:
        """The new parameters; entry by entry where only some entries are trained."""
        frame = super()._ended(weight, change, column)
        if all(column is not None for column in change.columns.ravel()):
            return frame
        return replace(frame, formula=None, by_cell=True)

    def entry(self, frame: Frame, name: str) -> Expr:
        """The formula of an entry of an array that is computed entry by entry."""
        formula = super().entry(frame, name)
        is_backward = frame.phase in (Phase.BACKWARD, Phase.GRADIENT)
        return with_names(formula, self.entry_formulas) if is_backward else formula

    def _is_computed_here(self, formula: Expr | None) -> bool:
        """Whether an entry's formula uses nothing but entries of this iteration that stand here."""
        if formula is None or any(isinstance(node, Lookup) for node in walk(formula)):
            return False
        return all(not ref.lag and ref.name in self.entries for ref in references(formula))

    def _can_be_said(self, formula: Expr) -> bool:
        return all(not ref.lag and ref.name in self.quantities for ref in references(formula))

    def _is_live(self, quantity: Quantity) -> bool:
        formula = quantity.formula
        return (
            super()._is_live(quantity)
            and formula is not None
            and shape_of(formula, self.shapes) == quantity.shape
            and all(column is not None for column in quantity.columns.ravel())
        )

    def _stands_here(self, name: str) -> bool:
        return name in self.shown

    def _heads(self, _quantity: Quantity) -> tuple[str, ...]:
        return ()


def _shelved(strips: Sequence[_Strip], shelf: int) -> list[Frame]:
    """The frames of strips, on shelves from this one on."""
    shelves = _Shelves(shelf)
    for is_sequence, run in groupby(strips, key=lambda strip: strip.step is not None):
        if not is_sequence:
            for strip in run:
                shelves.put(strip, strip.width)
            continue
        steps = [list(step) for _, step in groupby(run, key=lambda strip: strip.step)]
        widths = _widths(steps)
        shelves.make_room(sum(widths) * len(steps))
        for step in steps:
            shelves.make_room(sum(widths))
            end = shelves.column + sum(widths)
            for strip, width in zip(step, widths, strict=False):
                shelves.put(strip, width)
            # A step with fewer arrays, such as that of h[0], is as wide as the others.
            shelves.column = max(shelves.column, end)
    return shelves.frames


def _widths(steps: Sequence[Sequence[_Strip]]) -> list[int]:
    """The widths of the arrays of a step, so that those of all steps stand in the same columns."""
    places = zip_longest(*steps)
    return [max(strip.width for strip in same if strip is not None) for same in places]


class _Shelves:
    def __init__(self, first: int) -> None:
        self.shelf = first
        self.column = FIRST
        self.frames: list[Frame] = []

    def make_room(self, width: int) -> None:
        """Begin the next shelf if so many columns do not fit on this one."""
        if self.column > FIRST and self.column + width - 1 > FIRST + WIDE:
            self.shelf += 1
            self.column = FIRST

    def put(self, strip: _Strip, width: int) -> None:
        """Put a strip to the right of the last one, or on the next shelf."""
        self.make_room(width)
        longest = CHARACTERS * strip.room * MOST_LINES
        for frame in strip.frames:
            says = frame.says if len(frame.says) <= longest else frame.says[: longest - 1] + "…"
            placed = replace(
                frame, shelf=self.shelf, column=self.column, room=strip.room, says=says
            )
            self.frames.append(placed)
        self.column += width
