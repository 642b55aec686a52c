"""A sheet of rows that a program computes: Steps, and those that look closer at an iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bpsheet.engine import Recording
from bpsheet.errors import LimitError
from bpsheet.gradients.study import Look, Study
from bpsheet.workbook.layout import STEPS, Layout, make_layout

__all__ = ["Sheet", "study_sheet"]


@dataclass(frozen=True)
class Sheet:
    """What a sheet shows: a layout of a program's columns, and their values.

    notes: two lines below the title
    source: where the formulas look things up, in words
    sizes, looks: see `bpsheet.gradients.Study`
    """

    name: str
    title: str
    notes: tuple[str, ...]
    layout: Layout
    recording: Recording
    source: str = "in the data"
    sizes: Mapping[str, float] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()

    def __len__(self) -> int:
        return len(self.recording.values)

    @property
    def is_steps(self) -> bool:
        return self.name == STEPS

    @property
    def last_row(self) -> int:
        return self.layout.last_row(len(self))

    @property
    def area(self) -> str:
        """All its cells."""
        return f"A1:{self.layout.shown[-1].letter}{self.last_row}"


def study_sheet(study: Study, steps: Layout, iterations: int) -> Sheet:
    """The sheet of a study, beside the sheet Steps that it looks at.

    Raises LimitError where a worksheet cannot hold it.
    """
    ranges = {
        table: steps.block(first, last, iterations) for table, (first, last) in study.blocks.items()
    }
    layout = make_layout(study.program, 0, "full", ranges=ranges)
    try:
        layout.check(study.rows, "leave this sheet out")
    except LimitError as error:
        raise LimitError(f"the sheet {study.name}: {error}") from None
    return Sheet(
        study.name,
        study.title,
        study.notes,
        layout,
        study.run(),
        "on Steps",
        study.sizes,
        study.looks,
    )
