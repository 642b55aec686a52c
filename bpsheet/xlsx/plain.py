"""A plain copy of a workbook for an engine: its formulas and typed values, and nothing else.

The copy has no stored values of formulas, so an engine has to calculate them. It has no styles,
charts or properties, so what one program writes there cannot stop another.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from openpyxl.utils.cell import coordinate_to_tuple, get_column_letter

from bpsheet.printers.excel import spelled
from bpsheet.xlsx.contents import Address, Contents, Formula, Grid

__all__ = ["TypedCells", "write_plain"]

# What is typed into cells before the calculation.
TypedCells = Mapping[Address, float | str]

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
STYLES = (
    f'{HEAD}<styleSheet xmlns="{MAIN}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/>'
    '</font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill>'
    '<patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/>'
    '<top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" '
    'fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="1"><xf numFmtId="0" '
    'fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs><cellStyles count="1"><cellStyle '
    'name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
# Rows are written in blocks of so many.
BLOCK = 500
# One program saves INDEX(Data!$B$2:$B$2,C8) without the second corner. Not every engine takes that.
ONE_CELL = re.compile(r"\bINDEX\(((?:(?:'[^']*'|\w+)!)?)(\$?[A-Z]{1,3}\$?[0-9]{1,7}),")
AREA = re.compile(r"[A-Z]{1,3}[1-9][0-9]{0,6}(:[A-Z]{1,3}[1-9][0-9]{0,6})?")
ERROR = re.compile(r"#(?:N/A|NAME\?|[A-Z0-9/]+!)")


def write_plain(
    contents: Contents, target: Path, asked: Iterable[str], typed: TypedCells
) -> list[str]:
    """Write a plain copy with the sheets that are asked for and those that they look into.

    `typed` are other values for some cells. Returns the names of the sheets, in order.
    """
    names = _needed(contents, set(asked) | {cell.sheet for cell in typed})
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", _types(len(names)))
        package.writestr("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        parts = [("worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(names) + 1)]
        links = _relations([*parts, ("styles", "styles.xml")])
        package.writestr("xl/_rels/workbook.xml.rels", links)
        package.writestr("xl/workbook.xml", _book(contents, names))
        package.writestr("xl/styles.xml", STYLES)
        for number, name in enumerate(names, start=1):
            here = {(cell.row, cell.column): v for cell, v in typed.items() if cell.sheet == name}
            with package.open(f"xl/worksheets/sheet{number}.xml", "w") as part:
                stream = io.TextIOWrapper(part, "utf-8", newline="")
                stream.writelines(_sheet(contents.sheets[name], here))
                stream.flush()
    return names


def _needed(contents: Contents, asked: set[str]) -> list[str]:
    """The sheets that are asked for, and those that their formulas name."""
    needed, waiting = set(), [name for name in contents.sheets if name in asked]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        texts = {
            formula.text.casefold()
            for cells in contents.sheets[name].formulas.values()
            for formula in cells
            if formula is not None and "!" in formula.text
        }
        heads = {
            text
            for formula in texts
            for text in re.findall(r"(?:'(?:[^']|'')+'|[^\s'(,;=+*/^&<>-]+)!", formula)
        }
        for other in contents.sheets:
            quoted = other.replace("'", "''").casefold()
            if other not in needed and {f"{quoted}!", f"'{quoted}'!"} & heads:
                waiting.append(other)
    return [name for name in contents.sheets if name in needed]


def _types(sheets: int) -> str:
    overrides = "".join(
        f'<Override PartName="/xl/{part}" ContentType="{KIND}.{kind}+xml"/>'
        for part, kind in (
            ("workbook.xml", "sheet.main"),
            ("styles.xml", "styles"),
            *((f"worksheets/sheet{i}.xml", "worksheet") for i in range(1, sheets + 1)),
        )
    )
    return (
        f'{HEAD}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        f'ContentType="application/xml"/>{overrides}</Types>'
    )


def _relations(parts: list[tuple[str, str]]) -> str:
    lines = "".join(
        f'<Relationship Id="rId{number}" Type="{DOCUMENT}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(parts, start=1)
    )
    return f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{lines}</Relationships>'


def _book(contents: Contents, names: list[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(names, start=1)
    )
    defined = "".join(
        f"<definedName name={quoteattr(name)}>{escape(_absolute(cell))}</definedName>"
        for name, cell in contents.names.items()
        if cell.sheet in names
    )
    return (
        f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{DOCUMENT}"><sheets>{sheets}</sheets>'
        f"<definedNames>{defined}</definedNames></workbook>"
        if defined
        else f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{DOCUMENT}"><sheets>{sheets}</sheets></workbook>'
    )


def _absolute(cell: Address) -> str:
    sheet = cell.sheet.replace("'", "''")
    return f"'{sheet}'!${get_column_letter(cell.column)}${cell.row}"


def _sheet(grid: Grid, typed: Mapping[tuple[int, int], float | str]) -> Iterator[str]:
    """A sheet's XML."""
    writer = _Writer(grid)
    further: dict[int, dict[int, float | str]] = {}
    for (row, column), value in typed.items():
        further.setdefault(row, {})[column] = value
    yield f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>'
    rows: list[str] = []
    for row in sorted(grid.values.keys() | further.keys()):
        rows.append(writer.row(row, further.get(row, {})))
        if len(rows) == BLOCK:
            yield "".join(rows)
            rows = []
    yield "".join(rows)
    yield "</sheetData></worksheet>"


class _Writer:
    """The rows of a sheet. Formulas that cells share stay shared."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.letters: dict[int, str] = {}
        self.groups = self._shared()
        self.filled = self._filled()

    def _shared(self) -> dict[Formula, tuple[int, str]]:
        """The formulas that other cells share, each with a number and with the cells that share it."""
        spans: dict[Formula, list[int]] = {}
        for row, cells in self.grid.formulas.items():
            for column, formula in enumerate(cells, start=1):
                if formula is None or (formula.row, formula.column) == (row, column):
                    continue
                span = spans.setdefault(
                    formula, [formula.row, formula.column, formula.row, formula.column]
                )
                span[0], span[1] = min(span[0], row), min(span[1], column)
                span[2], span[3] = max(span[2], row), max(span[3], column)
        return {
            formula: (number, f"{self._letter(left)}{top}:{self._letter(right)}{bottom}")
            for number, (formula, (top, left, bottom, right)) in enumerate(spans.items())
        }

    def _filled(self) -> set[tuple[int, int]]:
        """The cells that the array formula of another cell fills, which hold values of their own."""
        filled: set[tuple[int, int]] = set()
        room = sum(map(len, self.grid.values.values()))
        areas = {f.area for cells in self.grid.formulas.values() for f in cells if f and f.area}
        for area in filter(AREA.fullmatch, areas):
            first, _, last = area.partition(":")
            top, left = coordinate_to_tuple(first)
            bottom, right = coordinate_to_tuple(last or first)
            # All cells of an area are stored, and no two areas overlap. A stranger's file may claim more.
            room -= (right - left + 1) * (bottom - top + 1)
            if room < 0:
                break
            rows, columns = range(top, bottom + 1), range(left, right + 1)
            filled.update((row, column) for row in rows for column in columns)
        return filled

    def _letter(self, column: int) -> str:
        if column not in self.letters:
            self.letters[column] = get_column_letter(column)
        return self.letters[column]

    def row(self, row: int, typed: Mapping[int, float | str]) -> str:
        values = self.grid.values.get(row, [])
        formulas = self.grid.formulas.get(row, [])
        cells = []
        for column in range(1, max(len(values), len(formulas), *typed, 0) + 1):
            address = f"{self._letter(column)}{row}"
            formula = formulas[column - 1] if column <= len(formulas) else None
            if column in typed:
                cells.append(_typed(address, typed[column]))
            elif formula is not None:
                cells.append(f'<c r="{address}">{self._formula(formula, row, column)}</c>')
            elif (row, column) in self.filled:
                continue
            elif column <= len(values) and values[column - 1] is not None:
                cells.append(_typed(address, values[column - 1]))
        return f'<row r="{row}">{"".join(cells)}</row>' if cells else ""

    def _formula(self, formula: Formula, row: int, column: int) -> str:
        text = formula.text
        if "INDEX(" in text:
            text = ONE_CELL.sub(r"INDEX(\1\2:\2,", text)
        if formula.area:
            return f'<f t="array" ref="{escape(formula.area)}">{escape(text)}</f>'
        if formula not in self.groups:
            return f"<f>{escape(text)}</f>"
        number, span = self.groups[formula]
        if (formula.row, formula.column) != (row, column):
            return f'<f t="shared" si="{number}"/>'
        return f'<f t="shared" ref="{span}" si="{number}">{escape(text)}</f>'


def _typed(address: str, value: object) -> str:
    if isinstance(value, bool):
        return f'<c r="{address}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{address}"><v>{value!r}</v></c>'
    text = str(value)
    kind = "e" if ERROR.fullmatch(text) else "str"
    return f'<c r="{address}" t="{kind}"><v>{escape(spelled(text))}</v></c>'
