"""Which columns of a run's sheet fold away, so that its first screen shows what came of each row.

The order of the columns is that of the program, and a wide layer pushes outputs, loss and error
terms out of sight. So each group of columns folds behind its first one. A group begins folded
where the first screen would not reach to the error terms of the outputs otherwise. Where that is not
enough, most of the targets, inputs, error terms and outputs fold, too, in this order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from bpsheet.program.kinds import Phase, Role
from bpsheet.program.outputs import outputs_of
from bpsheet.program.program import Program
from bpsheet.workbook.layout import Layout, Shown

__all__ = ["SCREEN", "Fold", "folds_of"]

# The columns that a screen shows without scrolling, in characters: about 1,250 pixels.
SCREEN = 175.0
# So many inputs stay in view before others fold, and so many error terms or outputs of many.
FEW_INPUTS = FEW_OUTPUTS = 4
# The groups that fold for the error terms' sake, in this order.
BEFORE_ERRORS = (Phase.WEIGHT, Phase.INPUT, Phase.FORWARD, Phase.BACKWARD)


@dataclass(frozen=True)
class Fold:
    """Columns side by side that fold behind the column before them: their numbers, from 1."""

    first: int
    last: int
    closed: bool


def folds_of(layout: Layout, widths: Mapping[int, float]) -> list[Fold]:
    """The folds of a run's sheet. `widths` has the width of each column, by its number."""
    bands = {
        phase: list(group)
        for phase, group in groupby(layout.shown, key=lambda shown: shown.column.phase)
    }
    outcome = _outcome(layout.program)
    typed = [p for p in layout.program.parameters if p.follows is None]
    # A hyper-parameter and its label stand above the first columns.
    protected = max((layout.parameter_place(p.name) for p in typed), default=0)
    inner = {
        phase: [
            shown.place
            for shown in group[1:]
            if shown.column.name not in outcome and shown.place > protected
        ]
        for phase, group in bands.items()
    }
    if Phase.INPUT in inner:
        examples = [s.place for s in bands[Phase.INPUT] if s.column.role is Role.DATA]
        prepared = [s.place for s in bands[Phase.INPUT] if s.column.role is Role.PREPARED]
        foldable = {*examples[FEW_INPUTS:], *prepared[FEW_INPUTS:]}
        inner[Phase.INPUT] = [place for place in inner[Phase.INPUT] if place in foldable]
    further = [
        [place for place in places if place > protected] for places in _further(layout, outcome)
    ]
    hidden = _hidden(bands, inner, further, outcome, widths)
    folding = [
        sorted({*inner[phase], *(shown.place for shown in group if shown.place in hidden)})
        for phase, group in bands.items()
    ]
    return [
        Fold(first, last, closed)
        for places in folding
        for first, last, closed in _runs(places, hidden)
    ]


def _outcome(program: Program) -> set[str]:
    """The columns that stay in view: outputs, loss, the error terms of the outputs, verdicts."""
    last = program.last_layer
    names = set(outputs_of(program))
    if not last:
        names |= {d for name in names if (d := program.derivative_of(name)) is not None}
    names |= {c.name for c in program if c.role is Role.LOSS}
    names |= {c.name for c in program if c.role is Role.ERROR and c.layer == last}
    names |= {c.name for c in program if c.role in (Role.VERDICT, Role.VALIDATION_LOSS)}
    moves = [c.name for c in program if c.role is Role.ADJUSTMENT]
    return names | set(moves[:1])


def _further(layout: Layout, outcome: set[str]) -> list[list[int]]:
    """What folds of a network with many outputs: targets, inputs, error terms, outputs."""
    role = {shown.place: shown.column.role for shown in layout.shown}
    target = [shown.place for shown in layout.shown if shown.column.role is Role.TARGET]
    data = [shown.place for shown in layout.shown if shown.column.role is Role.DATA]
    seen = [shown.place for shown in layout.shown if shown.column.name in outcome]
    errors = [place for place in seen if role[place] is Role.ERROR]
    outputs = [place for place in seen if role[place] is Role.OUTPUT]
    return [target[1:], data[1:], errors[FEW_OUTPUTS:], outputs[FEW_OUTPUTS:]]


def _hidden(
    bands: Mapping[Phase, Sequence[Shown]],
    inner: Mapping[Phase, Sequence[int]],
    further: Sequence[Sequence[int]],
    outcome: set[str],
    widths: Mapping[int, float],
) -> set[int]:
    """The columns that begin folded."""
    hidden: set[int] = set()
    ends = [
        shown.place
        for phase in (Phase.FORWARD, Phase.BACKWARD)
        for shown in bands.get(phase, ())
        if shown.column.name in outcome
    ]
    end = max(ends, default=0)
    for places in (*(inner.get(phase, ()) for phase in BEFORE_ERRORS), *further):
        needed = [place for place in widths if place <= end and place not in hidden]
        if sum(widths[place] for place in needed) > SCREEN:
            hidden |= {place for place in places if place <= end}
    for places in inner.values():
        # What is wider than a screen would hide what stands to the right of it.
        if sum(widths[place] for place in places if place not in hidden) > SCREEN:
            hidden |= set(places)
    return hidden


def _runs(places: Sequence[int], hidden: set[int]) -> Iterator[tuple[int, int, bool]]:
    """Neighbours among the columns, together where they are folded or not: first, last, folded."""
    keyed = groupby(enumerate(places), key=lambda one: (one[1] - one[0], one[1] in hidden))
    for (_, closed), group in keyed:
        run = [place for _, place in group]
        if closed or len(run) > 1:
            yield run[0], run[-1], closed
