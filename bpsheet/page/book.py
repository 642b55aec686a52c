"""The workbook that a page makes: its parts as text, with marks for what the page fills in.

The workbook is the one that `run` writes, with the sheets Steps, Data and About. The page fills in the
rows, the numbers, and the experiment file's text, and zips the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openpyxl import Workbook

from bpsheet.engine.recording import Extents, Keep, Recording, Values
from bpsheet.plan.plan import Plan
from bpsheet.program.program import Program
from bpsheet.runs.run import Run
from bpsheet.workbook.about import ABOUT, DATA, FILE_NAME, build_data, data_styles, fill_about
from bpsheet.workbook.layout import make_layout
from bpsheet.workbook.rows import row_templates
from bpsheet.workbook.steps import build_sheet, steps_sheets
from bpsheet.xlsx.package import Rows, package_parts

__all__ = ["book_of"]

# A browser holds no larger workbook, and the parts of a wider one would make the page too large.
MOST_CELLS, MOST_COLUMNS = 2_000_000, 1_000
# The rows from which the formats of the columns follow.
SAMPLE = 100
ROWS = "{rows}"


@dataclass(frozen=True)
class _Rows:
    """A recording of so many rows, of which only a sample is there: for the looks of the columns."""

    sample: Recording
    rows: int

    @property
    def extents(self) -> Extents:
        return self.sample.extents

    @property
    def keep(self) -> Keep:
        return self.sample.keep

    @property
    def first_row(self) -> Values:
        return self.sample.first_row

    @property
    def first_error_row(self) -> int:
        return self.sample.first_error_row

    def __len__(self) -> int:
        return self.rows

    def pieces(self) -> Iterator[Recording]:
        return self.sample.pieces()


@dataclass(frozen=True)
class _Sketch:
    """A run that is written without its numbers."""

    experiment: Plan
    program: Program
    recording: _Rows

    def __len__(self) -> int:
        return self.recording.rows


def book_of(plan: Plan, program: Program, mark: int | None) -> dict[str, Any] | None:
    """The parts and the rows' templates; None where a browser could not make the workbook.

    `program` has `mark` as its number of examples (see `bpsheet.page.counted`).
    """
    count = plan.iterations
    if len(program) > MOST_COLUMNS or len(program) * count > MOST_CELLS:
        return None
    sample = Run.of(plan.of_length(min(count, SAMPLE)))
    trace = _Sketch(plan, program, _Rows(sample.recording, count))
    examples = mark or plan.example_count
    gap = plan.test is not None and plan.test.gap
    # A page has other numbers of examples, too, so its tests keep their own numbers.
    layout = make_layout(program, examples, "full", gap=gap, tests_follow=False)
    sheets = steps_sheets(trace, layout)
    if len(sheets) > 1:
        return None
    steps = sheets[0]
    book = Workbook()
    book.remove(book.worksheets[0])
    styles = build_sheet(book, steps)
    rows = {steps.name: Rows(steps.area, [ROWS.encode()])}
    if layout.has_data_sheet:
        data = build_data(book, trace, layout)
        rows[DATA] = data._replace(blocks=[ROWS.encode()])
    book.create_sheet(ABOUT)
    fill_about(book, trace, sheets, ())
    about = book.defined_names[FILE_NAME].attr_text.rpartition("$")[2]
    parts = package_parts(book, rows)
    place = program.position
    return {
        "parts": list(parts.items()),
        "steps": _part(book, steps.name),
        "rows": ["\n".join(cells) for cells in row_templates(steps, styles)],
        "columns": [place[shown.column.name] for shown in layout.shown],
        "cells": [layout.parameter_cells[p.name] for p in program.parameters],
        "data": _data(book, layout.data_letters, program) if DATA in rows else None,
        "about": {
            "part": _part(book, ABOUT),
            "row": int(about),
            "style": book[ABOUT][f"A{about}"].style_id,
        },
    }


def _part(book: Workbook, name: str) -> str:
    return f"xl/worksheets/sheet{book.sheetnames.index(name) + 1}.xml"


def _data(book: Workbook, letters: Mapping[str, str], program: Program) -> dict[str, Any]:
    """The sheet Data: its part, and the letter and style of each of its columns."""
    number, value = data_styles(book[DATA])
    columns = [["A", number], *([letters[name], value] for name in program.tables)]
    return {"part": _part(book, DATA), "columns": columns}
