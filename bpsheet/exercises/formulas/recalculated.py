"""A student's formulas, computed with other numbers by a spreadsheet engine in a process of its own."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.formula.translate import Translator
from openpyxl.utils.cell import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.errors import MissingExtraError
from bpsheet.exercises.formulas.draws import Draw, Sheet
from bpsheet.exercises.located import Located
from bpsheet.exercises.questions import Line, Place
from bpsheet.files.whole import temporary_folder
from bpsheet.outside.process import Task, run_engine
from bpsheet.xlsx.cells import put_number, put_text
from bpsheet.xlsx.contents import Contents, Formula, Grid

__all__ = ["Computed", "formula_at", "recalculated"]

# What a file has before the names of newer functions.
PREFIX = re.compile(r"_xlfn\.(?:_xlws\.)?")
# What the engine may take for a sheet: bytes, and seconds.
MEMORY, TIMEOUT = 1_000_000_000, 60


@dataclass(frozen=True)
class Computed:
    """What a formula gave with the task's own numbers, with each draw, and with each of its sources
    moved alone after the last draw.
    """

    own: object
    draws: Sequence[object]
    moved: Mapping[Line, object]


def recalculated(
    contents: Contents, where: Located, sheet: Sheet, places: Sequence[Place]
) -> dict[Place, Computed]:
    """The formulas at some places, computed. Each has the right values in all other cells.

    Raises MissingExtraError where no engine is installed, EngineError where it fails on the sheet.
    """
    if find_spec("ironcalc") is None:
        raise MissingExtraError(
            "formulas are computed by the engine ironcalc, which is missing", "verify"
        )
    lines = {number: line for number, line in enumerate(sheet.task.lines) if number in where.rows}
    rows = {line: where.rows[number] for number, line in lines.items()}
    by_place = {line.place: line for line in rows if line.is_asked}
    asked = [by_place[place] for place in places]
    all_draws = [sheet.own, *sheet.draws]

    def typed(draw: Draw) -> list[tuple[int, float]]:
        found = ((row, sheet.value(line, draw)) for line, row in rows.items())
        return [(row, value) for row, value in found if value is not None]

    last = all_draws[-1]
    sources = []
    for line in asked:
        there = ((source, sheet.value(source, last)) for source in sheet.sources(line))
        sources.append([(s, 1.3 * v + 0.1) for s, v in there if v is not None and s in rows])
    with temporary_folder() as folder:
        target = folder / "sheet.xlsx"
        _copy(contents, where.grid).save(target)
        request = {
            "path": str(target),
            "column": where.column,
            "formulas": [(rows[line], f"={formula_at(where, rows[line])}") for line in asked],
            "draws": [typed(draw) for draw in all_draws],
            "sources": [[(rows[source], value) for source, value in each] for each in sources],
        }
        output = run_engine(
            [sys.executable, "-P", str(Path(__file__).with_name("child.py"))],
            Task("ironcalc", contents.name, memory=MEMORY),
            json.dumps(request).encode(),
            timeout=TIMEOUT,
        )
    found: dict[str, Any] = json.loads(output)
    return {
        line.place: Computed(
            found["draws"][0][number],
            [values[number] for values in found["draws"][1:]],
            {s: v for (s, _), v in zip(sources[number], found["moved"][number], strict=True)},
        )
        for number, line in enumerate(asked)
    }


def formula_at(where: Located, row: int) -> str:
    """A formula's text as somebody types it into its cell, without the equals sign; "" for none."""
    formula = where.grid.formula(row, where.column)
    return PREFIX.sub("", _text(formula, row, where.column)) if formula is not None else ""


def _text(formula: Formula, row: int, column: int) -> str:
    if (formula.row, formula.column) == (row, column):
        return formula.text
    origin = f"{get_column_letter(formula.column)}{formula.row}"
    moved = Translator(f"={formula.text}", origin).translate_formula(
        f"{get_column_letter(column)}{row}"
    )
    return str(moved)[1:]


def _copy(contents: Contents, first: Grid) -> Workbook:
    """A workbook with the cells alone, and nothing else that a stranger's file may have. The sheet of
    the exercise comes first.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    order = sorted(contents.sheets.items(), key=lambda item: item[1] is not first)
    for name, grid in order:
        _fill(book.create_sheet(name or "Exercise"), grid)
    for name, cell in contents.names.items():
        quoted = cell.sheet.replace("'", "''")
        place = f"'{quoted}'!${get_column_letter(cell.column)}${cell.row}"
        book.defined_names[name] = DefinedName(name, attr_text=place)
    return book


def _fill(sheet: Worksheet, grid: Grid) -> None:
    for row, values in grid.values.items():
        for column, value in enumerate(values, start=1):
            address = f"{get_column_letter(column)}{row}"
            formula = grid.formula(row, column)
            if formula is not None:
                sheet[address].value = f"={_text(formula, row, column)}"
            elif isinstance(value, bool):
                sheet[address].value = value
            elif isinstance(value, int | float):
                put_number(sheet, address, float(value))
            elif isinstance(value, str):
                put_text(sheet, address, value)
