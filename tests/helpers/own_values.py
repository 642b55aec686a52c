"""Values of formulas in somebody's own workbook: ours, and those of other engines."""

from __future__ import annotations

import subprocess

import openpyxl
from openpyxl.worksheet.formula import ArrayFormula

from bpsheet.guard.limits import OWN
from bpsheet.guard.package import opened
from bpsheet.sheets.areas import Place
from bpsheet.sheets.excel import read_own_xlsx
from bpsheet.sheets.way import way_of

# Formulas stand in this column, from this row on.
COLUMN, FIRST = 8, 21


def written(path, cells, formulas):
    """A workbook with cells, and formulas from H21 down; one in braces is an array formula."""
    book = openpyxl.Workbook()
    sheet = book.active
    for place, value in cells.items():
        sheet[place] = value
        if isinstance(value, str) and not value.startswith("="):
            sheet[place].data_type = "s"
    for row, text in enumerate(formulas, start=FIRST):
        place = f"H{row}"
        is_array = text.startswith("{")
        sheet[place] = ArrayFormula(place, text[1:-1]) if is_array else text
    book.save(path)
    return path


def ours(path, count, parameter="A1"):
    """The values of the formulas, errors as their texts."""
    with opened(path, OWN) as package:
        book = read_own_xlsx(package)
    column, row = parameter[0], int(parameter[1:])
    start = Place("Sheet", row, ord(column) - 64)
    found = []
    for place in (Place("Sheet", row, COLUMN) for row in range(FIRST, FIRST + count)):
        way = way_of(book, place, [start])
        found.append(plain(way.items[place].value))
    return found


def plain(value):
    """A value as all engines give it: numbers as float, errors as text, nothing as 0."""
    if value is None:
        return 0.0
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def of_formulon(path, count):
    """An engine that was made after Excel's own results."""
    import formulon

    errors = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A")
    book = formulon.Workbook.load(path.read_bytes())
    book.recalc()
    found = []
    for row in range(FIRST, FIRST + count):
        value = book.get_value(0, row - 1, COLUMN - 1)
        if value.error_code is not None:
            found.append(errors[value.error_code])
        else:
            held = (v for v in (value.number, value.boolean, value.text) if v is not None)
            found.append(plain(next(held, None)))
    return found


def of_libreoffice(program, path, count, folder):
    profile = (folder / "profile").as_uri()
    subprocess.run(
        [program, f"-env:UserInstallation={profile}", "--headless", "--convert-to", "xlsx",
         "--outdir", str(folder / "computed"), str(path)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    sheet = openpyxl.load_workbook(folder / "computed" / path.name, data_only=True).active
    return [plain(sheet[f"H{row}"].value) for row in range(FIRST, FIRST + count)]
