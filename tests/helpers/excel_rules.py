"""What Excel asks of a workbook beyond the schemas: where it breaks one of these rules, Excel
offers to repair the file, or quietly shows something else."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from openpyxl.utils.cell import range_boundaries

__all__ = ["broken_rules"]

X = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
V = "{urn:schemas-microsoft-com:vml}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
PRESERVE = "{http://www.w3.org/XML/1998/namespace}space"
ERRORS = {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"}
# A defined name must not look like a cell, in either way of naming cells.
CELL_LIKE = re.compile(r"[A-Za-z]{1,3}[0-9]+|[Rr][0-9]*([Cc][0-9]*)?|[Cc][0-9]*")
NAME = re.compile(r"[^\W\d][\w.]*|_[\w.]*|\\[\w.]*")
# How many characters there may be: attributes of a validation, and the text of a header.
LENGTHS = {"prompt": 255, "error": 255, "promptTitle": 32, "errorTitle": 32}
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")
# What Excel reads as one character: _x0041_ is A.
ESCAPED = re.compile(r"_x[0-9A-Fa-f]{4}_")


class Package:
    """The parts of a workbook."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as package:
            self.names = package.namelist()
            self.parts = {name: package.read(name) for name in self.names}

    def root(self, part: str) -> ET.Element:
        return ET.fromstring(self.parts[part])

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Type (its last word) and target of each relation of a part, by their numbers."""
        folder, name = posixpath.split(part)
        rels = posixpath.join(folder, "_rels", f"{name}.rels")
        if rels not in self.parts:
            return {}
        return {
            r.attrib["Id"]: (
                r.attrib["Type"].rpartition("/")[2],
                posixpath.normpath(posixpath.join("/" + folder, r.attrib["Target"])).lstrip("/"),
            )
            for r in self.root(rels)
        }


def broken_rules(path: Path) -> list[str]:
    """The rules that a workbook breaks, in words; none where Excel opens it as it is."""
    package = Package(path)
    found = [f"{path.name}: {said}" for said in _of_the_package(package)]
    book = package.root("xl/workbook.xml")
    relations = package.relations("xl/workbook.xml")
    sheets = [
        (sheet.attrib["name"], relations[sheet.attrib[f"{RELATION}id"]][1])
        for sheet in book.iter(f"{X}sheet")
    ]
    found += _of_names(book, [name for name, _ in sheets])
    styles = package.root("xl/styles.xml")
    found += _of_styles(styles)
    for name, part in sheets:
        found += [f"{name}: {said}" for said in _of_a_sheet(package, part, styles)]
    return found


def _of_the_package(package: Package) -> Iterator[str]:
    folded = [name.casefold() for name in package.names]
    if len(set(folded)) != len(folded):
        yield "two parts of one name"
    if package.names and "[Content_Types].xml" not in package.names:
        yield "no content types"
    types = package.root("[Content_Types].xml")
    endings = {t.attrib["Extension"] for t in types if "Extension" in t.attrib}
    named = [t.attrib["PartName"].lstrip("/") for t in types if "PartName" in t.attrib]
    if len(set(named)) != len(named):
        yield "a part with two content types"
    yield from (f"content type of nothing: {name}" for name in named if name not in package.parts)
    for name in package.names:
        if name not in named and name.rpartition(".")[2] not in endings:
            yield f"no content type: {name}"
        if name.endswith(".rels"):
            of = posixpath.join(
                posixpath.dirname(posixpath.dirname(name)), posixpath.basename(name)[:-5]
            )
            if of.strip("/") and of not in package.parts:
                yield f"relations of nothing: {name}"
        for kind, target in package.relations(name).values():
            if target not in package.parts:
                yield f"{name}: {kind} leads to nothing ({target})"


def _of_names(book: ET.Element, sheets: list[str]) -> Iterator[str]:
    if len({name.casefold() for name in sheets}) != len(sheets):
        yield "two sheets of one name"
    for name in sheets:
        if not 1 <= len(name) <= 31 or set(name) & set("\\/?*[]:") or "'" in (name[0], name[-1]):
            yield f"no name for a sheet: {name}"
    numbers = [sheet.attrib["sheetId"] for sheet in book.iter(f"{X}sheet")]
    if len(set(numbers)) != len(numbers):
        yield "two sheets of one number"
    seen = set()
    for defined in book.iter(f"{X}definedName"):
        name, scope = defined.attrib["name"], defined.attrib.get("localSheetId")
        if (name.casefold(), scope) in seen:
            yield f"two names {name}"
        seen.add((name.casefold(), scope))
        if scope is not None and int(scope) >= len(sheets):
            yield f"{name} belongs to no sheet"
        if not name.startswith("_xlnm.") and (
            CELL_LIKE.fullmatch(name) or not NAME.fullmatch(name)
        ):
            yield f"no name: {name}"
        for quoted, plain in re.findall(r"(?:'((?:[^']|'')+)'|([\w.]+))!", defined.text or ""):
            if (quoted.replace("''", "'") or plain) not in sheets:
                yield f"{name} leads to no sheet: {defined.text}"


def _of_styles(styles: ET.Element) -> Iterator[str]:
    for group in styles:
        if "count" in group.attrib and int(group.attrib["count"]) != len(group):
            yield f"styles: {group.attrib['count']} {group.tag} are {len(group)}"
    sizes = {group.tag: len(group) for group in styles}
    parts = {"fontId": "fonts", "fillId": "fills", "borderId": "borders"}
    for form in styles.iter(f"{X}xf"):
        for key, group in parts.items():
            if int(form.attrib.get(key, 0)) >= sizes[f"{X}{group}"]:
                yield f"styles: {key} {form.attrib[key]}"
    numbers = [number.attrib["numFmtId"] for number in styles.iter(f"{X}numFmt")]
    if len(set(numbers)) != len(numbers) or any(int(number) < 164 for number in numbers):
        yield f"styles: numbers of formats {numbers}"


def _of_a_sheet(package: Package, part: str, styles: ET.Element) -> Iterator[str]:
    sheet = package.root(part)
    yield from _of_cells(sheet, len(styles.find(f"{X}cellXfs")))
    yield from _of_shared_formulas(sheet)
    rules = list(sheet.iter(f"{X}cfRule"))
    priorities = [int(rule.attrib["priority"]) for rule in rules]
    if len(set(priorities)) != len(priorities) or min(priorities, default=1) < 1:
        yield f"priorities of conditional formats: {priorities}"
    looks = styles.find(f"{X}dxfs")
    for rule in rules:
        if int(rule.attrib.get("dxfId", 0)) >= (0 if looks is None else len(looks)):
            yield "a conditional format without a look"
    for group in (*sheet.iter(f"{X}dataValidations"), *sheet.iter(f"{X}mergeCells")):
        if int(group.attrib.get("count", len(group))) != len(group) or not len(group):
            yield f"{group.tag}: {group.attrib.get('count')} are {len(group)}"
    for check in sheet.iter(f"{X}dataValidation"):
        for key, most in LENGTHS.items():
            if _length(check.attrib.get(key, "")) > most:
                yield f"{key} of a validation is too long: {check.attrib[key]}"
        if any(_length(formula.text or "") > 255 for formula in check):
            yield "a validation's formula is too long"
    for line in (*sheet.iter(f"{X}oddHeader"), *sheet.iter(f"{X}oddFooter")):
        if _length(line.text or "") > 255:
            yield "a header or footer is too long"
    yield from _of_areas(sheet)
    yield from _of_notes(package, part, sheet)
    used = {e.attrib[f"{RELATION}id"] for e in sheet.iter() if f"{RELATION}id" in e.attrib}
    if not used <= set(package.relations(part)):
        yield f"no relation for {used}"


def _length(text: str) -> int:
    """As Excel counts: characters outside the basic plane are two."""
    return len(text.encode("utf-16-le")) // 2


def _of_cells(sheet: ET.Element, looks: int) -> Iterator[str]:
    before = 0
    for row in sheet.iter(f"{X}row"):
        number, last = int(row.attrib["r"]), 0
        if number <= before:
            yield f"row {number} after row {before}"
        before = number
        for cell in row:
            place = cell.attrib["r"]
            column, at, *_ = range_boundaries(place)
            if at != number or column <= last:
                yield f"{place} is out of order"
            last = column
            if int(cell.attrib.get("s", 0)) >= looks:
                yield f"{place} has no such style"
            yield from (f"{place}: {said}" for said in _of_a_cell(cell))


def _of_a_cell(cell: ET.Element) -> Iterator[str]:
    kind, value = cell.attrib.get("t", "n"), cell.findtext(f"{X}v")
    formula = cell.findtext(f"{X}f")
    if formula is not None and (_length(formula) > 8192 or formula.startswith("=")):
        yield "no formula that Excel reads"
    if cell.find(f"{X}f") is not None and value is None:
        yield "a formula without a value"
    match kind:
        case "n" if value is not None and not NUMBER.fullmatch(value):
            yield f"no number: {value}"
        case "e" if value not in ERRORS:
            yield f"no error: {value}"
        case "b" if value not in ("0", "1"):
            yield f"no boolean: {value}"
        case "inlineStr" | "str":
            text = cell.find(f"{X}is/{X}t") if kind == "inlineStr" else cell.find(f"{X}v")
            said = (text is not None and text.text) or ""
            if _length(said) > 32_767:
                yield "a text that is too long"
            if kind == "inlineStr" and said != said.strip() and text.get(PRESERVE) != "preserve":
                yield "spaces that get lost"
            if ESCAPED.search(said.replace("_x005F_", "")):
                yield f"read as another text: {said}"


def _of_shared_formulas(sheet: ET.Element) -> Iterator[str]:
    areas = {}
    cells = [(c.attrib["r"], f) for c in sheet.iter(f"{X}c") for f in c.iter(f"{X}f")]
    for place, formula in cells:
        if formula.get("t") == "shared" and "ref" in formula.attrib:
            area = range_boundaries(formula.attrib["ref"])
            if formula.attrib["si"] in areas:
                yield f"{place}: two shared formulas of one number"
            if range_boundaries(place)[:2] != area[:2] or not formula.text:
                yield f"{place} is not where its shared formula begins"
            areas[formula.attrib["si"]] = area
    for place, formula in cells:
        if formula.get("t") == "shared":
            left, top, right, bottom = areas.get(formula.attrib["si"], (0, 0, 0, 0))
            column, row, *_ = range_boundaries(place)
            if not (left <= column <= right and top <= row <= bottom):
                yield f"{place} is outside of its shared formula"


def _of_areas(sheet: ET.Element) -> Iterator[str]:
    """Merged cells, and columns, do not overlap."""
    merged = [range_boundaries(m.attrib["ref"]) for m in sheet.iter(f"{X}mergeCell")]
    merged += [(int(c.attrib["min"]), 0, int(c.attrib["max"]), 0) for c in sheet.iter(f"{X}col")]
    merged.sort(key=lambda area: (area[1], area[0]))
    for index, (left, top, right, bottom) in enumerate(merged):
        for other in merged[index + 1 :]:
            if other[1] > bottom:
                break
            if other[0] <= right and other[2] >= left and other[3] >= top:
                yield f"areas overlap: {(left, top, right, bottom)} and {other}"


def _of_notes(package: Package, part: str, sheet: ET.Element) -> Iterator[str]:
    """Each note has its box in the drawing beside it."""
    targets = dict(package.relations(part).values())
    if ("comments" in targets) != (sheet.find(f"{X}legacyDrawing") is not None):
        yield "notes without their drawing, or a drawing without notes"
    if "comments" not in targets:
        return
    notes = package.root(targets["comments"])
    places = [note.attrib["ref"] for note in notes.iter(f"{X}comment")]
    authors = len(list(notes.iter(f"{X}author")))
    boxes = list(package.root(targets["vmlDrawing"]).iter(f"{V}shape"))
    if len(set(places)) != len(places) or len(boxes) != len(places):
        yield f"{len(places)} notes in {len(boxes)} boxes"
    if any(int(note.attrib["authorId"]) >= authors for note in notes.iter(f"{X}comment")):
        yield "a note by nobody"
    numbers = [box.attrib["id"] for box in boxes]
    if len(set(numbers)) != len(numbers):
        yield "two boxes of one number"
