"""Somebody's .ods workbook: read as data, and copied with one more sheet."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from bpsheet.errors import WorkbookError
from bpsheet.guard.package import Guarded
from bpsheet.sheets.book import Book, Cell, Formula, Sheet, Value, area_of
from bpsheet.sheets.nodes import Fault
from bpsheet.sheets.syntax import FAULTS, TOKEN
from bpsheet.words import clean
from bpsheet.xlsx.addition import AddedRow
from bpsheet.xlsx.ods import CONTENT, read_ods, spelled_for_xlsx
from bpsheet.xlsx.parts import Reader, parsed

__all__ = ["read_own_ods", "spelled_for_ods", "with_ods_sheet"]

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
SPACES = " ".join(
    f'xmlns:{prefix}="{OASIS}:{name}:1.{minor}"'
    for prefix, name, minor in (
        ("table", "table", 0), ("text", "text", 0), ("office", "office", 0), ("of", "of", 2),
    )
)  # fmt: skip
# The sheets come first in a document; what follows them depends on the program.
LAST_TABLE = re.compile(r"</table:table>(?!.*</table:table>)", re.DOTALL)


class _Names(Reader):
    """The names of a document: of all of it, or of a sheet."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, str]] = []
        self.sheet = ""
        self.depth = 0

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        given = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        if name == "table":
            self.depth += 1
            self.sheet = given.get("name", "") if self.depth == 1 else self.sheet
        elif name == "named-range":
            text = spelled_for_xlsx(f"[{given.get('cell-range-address', '')}]")
            self.found.append((self.sheet, given.get("name", ""), text))
        elif name == "named-expression":
            text = spelled_for_xlsx(given.get("expression", ""))
            self.found.append((self.sheet, given.get("name", ""), text))

    def end(self, name: str) -> None:
        if name == "table":
            self.depth -= 1
            self.sheet = self.sheet if self.depth else ""


def read_own_ods(package: Guarded) -> Book:
    """The workbook in an .ods package. Raises WorkbookError for damage."""
    contents = read_ods(package)
    book = Book()
    book.titles = list(contents.sheets)
    for title, grid in contents.sheets.items():
        sheet = Sheet(title)
        for row, values in grid.values.items():
            formulas = grid.formulas.get(row, [])
            for index, held in enumerate(values):
                found = formulas[index] if index < len(formulas) else None
                if held is None and found is None:
                    continue
                formula = None
                if found is not None:
                    area = area_of(found.area, title) if found.area else None
                    formula = Formula(found.text, found.row, found.column, area)
                value = _value(held, is_computed=formula is not None)
                sheet.cells[row, index + 1] = Cell(value, formula)
        sheet.finish()
        book.add([sheet])
    names = _Names()
    parsed(package, CONTENT, names)
    for sheet_name, name, text in names.found:
        own = book.sheets.get(sheet_name.lower())
        (own.names if own is not None else book.names)[name.lower()] = text
    return book


def _value(held: object, *, is_computed: bool) -> Value:
    if isinstance(held, bool) or held is None:
        return held
    if isinstance(held, int | float):
        return float(held)
    text = str(held)
    return Fault(text) if is_computed and text in FAULTS else text


def spelled_for_ods(text: str) -> str:
    """A formula of an .xlsx file as an .ods file has it.

    >>> spelled_for_ods("SUM('My data'!$A$1:$B$2,$E$9)")
    "of:=SUM([$'My data'.$A$1:.$B$2];[.$E$9])"
    """
    pieces, sheet = [], "."
    for match in TOKEN.finditer(text):
        kind, found = match.lastgroup, match[0]
        if kind == "sheet":
            sheet = f"${found[:-1]}."
        elif kind == "range":
            pieces.append(f"[{sheet}{found.replace(':', ':.')}]")
            sheet = "."
        else:
            pieces.append(";" if found == "," else found)
    return f"of:={''.join(pieces)}"


def with_ods_sheet(data: bytes, title: str, lines: Sequence[AddedRow]) -> bytes:
    """The .ods package with one more sheet behind the others; all other parts as they were.

    Raises WorkbookError for a document without sheets of the usual kind.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        content = old.read(CONTENT).decode("utf-8-sig")
        last = LAST_TABLE.search(content)
        if last is None:
            raise WorkbookError("not a document with sheets of the usual kind")
        changed = content[: last.end()] + _table(title, lines) + content[last.end() :]
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
            for info in old.infolist():
                is_content = info.filename == CONTENT
                new.writestr(info, changed.encode() if is_content else old.read(info))
    return stream.getvalue()


def _table(title: str, lines: Sequence[AddedRow]) -> str:
    rows, row = [], 1
    for line in sorted(lines, key=lambda line: line.row):
        if line.row > row:
            rows.append(
                f'<table:table-row table:number-rows-repeated="{line.row - row}">'
                "<table:table-cell/></table:table-row>"
            )
        cells = "".join(map(_cell, line.cells))
        rows.append(f"<table:table-row>{cells}</table:table-row>")
        row = line.row + 1
    name = quoteattr(title)
    return f"<table:table {SPACES} table:name={name}>{''.join(rows)}</table:table>"


def _cell(content: object) -> str:
    match content:
        case (str(formula), float(value)):
            about = f"table:formula={quoteattr(spelled_for_ods(formula))} "
        case float(value):
            about = ""
        case str(text) if text:
            shown = f"<text:p>{escape(clean(text))}</text:p>"
            return f'<table:table-cell office:value-type="string">{shown}</table:table-cell>'
        case _:
            return "<table:table-cell/>"
    return (
        f'<table:table-cell {about}office:value-type="float" office:value="{value!r}">'
        f"<text:p>{value!r}</text:p></table:table-cell>"
    )
