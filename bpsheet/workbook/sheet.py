"""A sheet of rows that a program computes: Steps, or a study of one iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from bpsheet.engine.recording import Recorded, Recording, Values
from bpsheet.errors import LimitError
from bpsheet.gradients.study import Look, Study
from bpsheet.printers.text import formula_text
from bpsheet.program.program import Program
from bpsheet.workbook.layout import STEPS, Layout, make_layout

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan

__all__ = ["Area", "Sheet", "Writable", "study_sheet"]


@dataclass(frozen=True)
class Area:
    """Rows of a sheet that is no run: the sheet's name, how many, and the columns (from 1)."""

    name: str
    rows: int
    places: tuple[int, ...]

    def __len__(self) -> int:
        return self.rows


class Writable(Protocol):
    """A run that can be written: a trace, or one too long for memory."""

    @property
    def experiment(self) -> Plan: ...

    @property
    def program(self) -> Program: ...

    @property
    def recording(self) -> Recorded: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Sheet:
    """The contents of a sheet: a layout of a program's columns, and their values.

    notes: two lines below the title
    source: in words, where the formulas look up the data
    rows: the rows of the recording that the sheet shows (from 0); empty for all of them
    taken: the formulas that give its hyper-parameters: cells of other sheets, statistics of the data
    sizes, looks: see `bpsheet.gradients.studies.Study`
    """

    name: str
    title: str
    notes: tuple[str, ...]
    layout: Layout
    recording: Recorded
    source: str = "in the data"
    sizes: Mapping[str, float] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    rows: range = range(0)
    taken: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows) or len(self.recording)

    @property
    def places(self) -> Sequence[int]:
        """The numbers of its columns on the sheet, from 1."""
        return [shown.place for shown in self.layout.shown]

    @property
    def is_steps(self) -> bool:
        """Whether a run begins on this sheet."""
        return self.name == STEPS

    @property
    def is_run(self) -> bool:
        """Whether it has rows of the run: Steps, Steps 2 and so on."""
        return self.is_steps or self.layout.above is not None

    @property
    def values(self) -> Values:
        """The values of its rows, for every column of the program. The recording is in memory."""
        assert isinstance(self.recording, Recording)
        return self.recording.values[self.rows.start : self.rows.stop or None]

    @cached_property
    def formula_texts(self) -> Mapping[str, str]:
        """The formulas of the program's columns in plain text, by the columns' names."""
        return {
            shown.column.name: formula_text(shown.column.formula, self.source)
            for shown in self.layout.shown
            if shown.column.formula is not None
        }

    @property
    def formulas_above(self) -> dict[str, float | str]:
        """The values of the formulas above the rows: hyper-parameters that are not typed."""
        cells = self.layout.parameter_cells
        parameters = self.layout.program.parameters
        return {cells[p.name]: p.value for p in parameters if p.name in self.taken}

    @property
    def last_row(self) -> int:
        return self.layout.last_row(len(self))

    @property
    def area(self) -> str:
        """All its cells."""
        return f"A1:{self.layout.shown[-1].letter}{self.last_row}"


def study_sheet(study: Study, steps: Layout, iterations: int) -> Sheet:
    """The sheet of a study, whose formulas look at the sheet Steps.

    Raises LimitError where a worksheet cannot hold the study.
    """
    ranges = {
        table: steps.block(first, last, iterations) for table, (first, last) in study.blocks.items()
    }
    layout = make_layout(study.program, 0, "full", ranges=ranges)
    try:
        layout.check("leave this sheet out")
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
        taken={
            parameter.name: f"{STEPS}!{steps.absolute_cell(parameter.name)}"
            for parameter in study.program.parameters
            if parameter.name in steps.parameter_cells
        },
    )
