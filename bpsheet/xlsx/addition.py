"""Adding one sheet to a package, with every other part unchanged.

A library that reads a workbook and writes it again loses what it does not know: charts,
pictures, stored values. So the parts are copied byte for byte. Only the lists of parts get an
entry for the new part, and the styles a bold font.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from openpyxl.utils.cell import get_column_letter

from bpsheet.errors import WorkbookError
from bpsheet.files.seals import UNSEALED, sealed_part
from bpsheet.printers.excel import excel_number, spelled
from bpsheet.words import clean

__all__ = ["AddedRow", "with_sheet"]

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
PART = "xl/worksheets/bpsheet{}.xml"
DATE = (2000, 1, 1, 0, 0, 0)
WIDTHS = (22, 16, 34, 14, 18, 14, 16, 60)
# The rows above the table stay in view.
FROZEN = 7


@dataclass(frozen=True)
class AddedRow:
    """A row of the new sheet: texts, numbers, and (formula, value) pairs."""

    row: int
    cells: tuple[object, ...]
    is_title: bool = False


def with_sheet(data: bytes, title: str, lines: list[AddedRow]) -> bytes:
    """The package with one more sheet at the end.

    Raises WorkbookError for a package without the usual lists of parts.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        names = old.namelist()
        try:
            book, links = _workbook_part(old)
            styles, bold = _with_bold(old, names)
            number = next(n for n in range(1, 1000) if PART.format(n) not in names)
            part = PART.format(number)
            relation = f"rIdBpsheet{number}"
            # A relative path, as Excel writes it: some readers know no others.
            target = posixpath.relpath(part, posixpath.dirname(book))
            changed = {
                book: _listed(old.read(book).decode("utf-8-sig"), title, relation),
                links: _before_end(
                    old.read(links).decode("utf-8-sig"),
                    "Relationships",
                    f'<Relationship xmlns="{PACKAGE}" Id="{relation}" '
                    f'Type="{DOCUMENT}/worksheet" Target="{target}"/>',
                ),
                "[Content_Types].xml": _before_end(
                    old.read("[Content_Types].xml").decode("utf-8-sig"),
                    "Types",
                    f'<Override PartName="/{part}" ContentType="{KIND}" '
                    'xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
                ),
            } | styles
        except (KeyError, UnicodeDecodeError, StopIteration):
            raise WorkbookError("not a workbook of the usual parts") from None
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
            for info in old.infolist():
                content = changed.get(info.filename)
                new.writestr(info, content.encode() if content is not None else old.read(info))
            added = zipfile.ZipInfo(part, DATE)
            added.compress_type = zipfile.ZIP_DEFLATED
            sheet = f"{_sheet(lines, bold)}<!-- {UNSEALED} -->".encode()
            new.writestr(added, sealed_part(sheet, new.infolist()))
    return stream.getvalue()


def _workbook_part(package: zipfile.ZipFile) -> tuple[str, str]:
    """The names of the workbook's part and of its list of relations."""
    roots = package.read("_rels/.rels").decode("utf-8-sig")
    for relation in re.findall(r"<(?:\w+:)?Relationship\s[^>]*>", roots):
        if re.search(r"""Type=["'][^"']*/officeDocument["']""", relation):
            target = re.search(r"""Target=["']([^"']+)["']""", relation)
            if target is not None:
                book = target[1].lstrip("/")
                folder, name = posixpath.split(book)
                return book, posixpath.join(folder, "_rels", f"{name}.rels")
    raise KeyError("officeDocument")


def _before_end(xml: str, root: str, addition: str) -> str:
    end = re.search(rf"</(?:\w+:)?{root}\s*>\s*$", xml)
    if end is None:
        raise KeyError(root)
    return xml[: end.start()] + addition + xml[end.start() :]


def _listed(xml: str, title: str, relation: str) -> str:
    """The workbook's part with the sheet in its list. Programs will compute it when they open it."""
    numbers = [int(n) for n in re.findall(r"""sheetId=["']([0-9]+)["']""", xml)]
    end = re.search(r"</(?:\w+:)?sheets\s*>", xml)
    if end is None:
        raise KeyError("sheets")
    # A second prefix for a namespace that has one already hides the sheet in Gnumeric.
    root = re.search(r"<(?:(\w+):)?workbook\b[^>]*>", xml)
    if root is None:
        raise KeyError("workbook")
    related = re.search(
        r"""xmlns:(\w+)=["']http://(?:schemas\.openxmlformats|purl\.oclc)\.org/(?:ooxml/)?"""
        r"""officeDocument/(?:2006/)?relationships["']""",
        root[0],
    )
    prefix = related[1] if related is not None else "r"
    declared = "" if related is not None else f' xmlns:{prefix}="{DOCUMENT}"'
    name = f"{root[1]}:sheet" if root[1] else "sheet"
    sheet = (
        f"<{name}{declared} name={quoteattr(title)} "
        f'sheetId="{max(numbers, default=0) + 1}" {prefix}:id="{relation}"/>'
    )
    xml = xml[: end.start()] + sheet + xml[end.start() :]

    def on_load(match: re.Match[str]) -> str:
        plain = re.sub(r"""\sfullCalcOnLoad=["'][^"']*["']""", "", match[0])
        return re.sub(r"(/?>)$", r' fullCalcOnLoad="1"\1', plain)

    return re.sub(r"<(?:\w+:)?calcPr\b[^>]*>", on_load, xml, count=1)


def _with_bold(package: zipfile.ZipFile, names: list[str]) -> tuple[dict[str, str], int]:
    """The part with the styles and a new bold one, and the new style's number.

    The number is 0, the standard style, where the styles cannot be read.
    """
    part = "xl/styles.xml"
    if part not in names:
        return {}, 0
    xml = package.read(part).decode("utf-8-sig")
    fonts = re.search(r'(<fonts\b[^>]*?count=")(\d+)("[^>]*>.*?)(</fonts>)', xml, re.DOTALL)
    if fonts is None:
        return {}, 0
    bold = '<font><b/><sz val="11"/><name val="Calibri"/></font>'
    more = f"{fonts[1]}{int(fonts[2]) + 1}{fonts[3]}{bold}{fonts[4]}"
    xml = xml[: fonts.start()] + more + xml[fonts.end() :]
    forms = re.search(r'(<cellXfs\b[^>]*?count=")(\d+)("[^>]*>.*?)(</cellXfs>)', xml, re.DOTALL)
    if forms is None:
        return {}, 0
    form = f'<xf numFmtId="0" fontId="{int(fonts[2])}" fillId="0" borderId="0" applyFont="1"/>'
    more = f"{forms[1]}{int(forms[2]) + 1}{forms[3]}{form}{forms[4]}"
    return {part: xml[: forms.start()] + more + xml[forms.end() :]}, int(forms[2])


def _sheet(lines: list[AddedRow], bold: int) -> str:
    widths = "".join(
        f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>'
        for n, width in enumerate(WIDTHS, start=1)
    )
    rows = "".join(_row(line, bold) for line in lines)
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<worksheet xmlns="{MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        '<sheetViews><sheetView workbookViewId="0">'
        f'<pane ySplit="{FROZEN}" topLeftCell="A{FROZEN + 1}" activePane="bottomLeft" '
        'state="frozen"/></sheetView></sheetViews>'
        f"<cols>{widths}</cols><sheetData>{rows}</sheetData>"
        '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/></worksheet>'
    )


def _row(line: AddedRow, bold: int) -> str:
    style = f' s="{bold}"' if line.is_title and bold else ""
    cells = []
    for index, content in enumerate(line.cells, start=1):
        attributes = f'r="{get_column_letter(index)}{line.row}"{style}'
        match content:
            case (str(formula), float(value)):
                cells.append(f"<c {attributes}><f>{escape(formula)}</f><v>{value!r}</v></c>")
            case float(value):
                cells.append(f"<c {attributes}><v>{excel_number(value)}</v></c>")
            case str(text) if text:
                cells.append(
                    f'<c {attributes} t="inlineStr"><is><t xml:space="preserve">'
                    f"{escape(spelled(clean(text)))}</t>"
                    "</is></c>"
                )
    return f'<row r="{line.row}">{"".join(cells)}</row>'
