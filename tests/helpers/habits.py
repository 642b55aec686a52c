"""Our workbooks as other programs would save them, in the habits of their XML.

Excel keeps texts in a part of their own, notes the order of calculation, and puts attributes of later
versions everywhere. Google Sheets writes each formula out and begins paths at the root. Libraries of
.NET put a prefix before each element, and leave out the addresses of cells.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from openpyxl import load_workbook

__all__ = ["HABITS", "saved_as"]

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
INLINE = re.compile(
    r'<c r="([A-Z]+[0-9]+)"([^>]*) t="inlineStr"><is><t[^>]*>(.*?)</t></is></c>', re.DOTALL
)
SHEET = re.compile(r"xl/worksheets/sheet[0-9]+\.xml")

Parts = dict[str, str]


def _with_shared_strings(parts: Parts) -> Parts:
    """Texts in a part of their own, one of them in pieces of several looks."""
    texts: dict[str, int] = {}

    def cell(match: re.Match[str]) -> str:
        number = texts.setdefault(match[3], len(texts))
        return f'<c r="{match[1]}"{match[2]} t="s"><v>{number}</v></c>'

    changed = {
        name: INLINE.sub(cell, content) if SHEET.fullmatch(name) else content
        for name, content in parts.items()
    }

    def item(text: str) -> str:
        kept = ' xml:space="preserve"'
        if len(text) < 4:
            return f"<si><t{kept}>{text}</t></si>"
        cut = 2 if "&" not in text[:4] else 0
        return (
            f"<si><r><rPr><b/></rPr><t{kept}>{text[:cut]}</t></r><r><t{kept}>{text[cut:]}</t></r>"
            "<rPh sb='0' eb='1'><t>aside</t></rPh></si>"
        )

    items = "".join(map(item, texts))
    changed["xl/sharedStrings.xml"] = (
        f'<sst xmlns="{MAIN}" count="{2 * len(texts)}" uniqueCount="{len(texts)}">{items}</sst>'
    )
    return _related(changed, "sharedStrings", "sharedStrings.xml")


def _related(parts: Parts, kind: str, target: str) -> Parts:
    links = "xl/_rels/workbook.xml.rels"
    added = (
        f'<Relationship Id="rIdOf{kind}" Target="{target}" Type="http://schemas.openxmlformats.org/'
        f'officeDocument/2006/relationships/{kind}"/></Relationships>'
    )
    types = (
        f'<Override PartName="/xl/{target}" ContentType="application/vnd.openxmlformats-officedocument.'
        f'spreadsheetml.{kind}+xml"/></Types>'
    )
    return parts | {
        links: parts[links].replace("</Relationships>", added),
        "[Content_Types].xml": parts["[Content_Types].xml"].replace("</Types>", types),
    }


def _excel(parts: Parts) -> Parts:
    parts = _with_shared_strings(parts)
    steps = parts["xl/worksheets/sheet1.xml"]
    cells = re.findall(r'<c r="([A-Z]+[0-9]+)"[^>]*><f', steps)
    chain = "".join(f'<c r="{cell}" i="1"/>' for cell in reversed(cells))
    parts["xl/calcChain.xml"] = f'<calcChain xmlns="{MAIN}">{chain}</calcChain>'
    parts = _related(parts, "calcChain", "calcChain.xml")
    ignorable = (
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" mc:Ignorable="x14ac" '
        'xmlns:x14ac="http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac" '
    )
    for name, content in parts.items():
        if SHEET.fullmatch(name):
            marked = content.replace("<worksheet ", f"<worksheet {ignorable}", 1)
            parts[name] = re.sub(
                r'<row r="([0-9]+)"', r'<row r="\1" spans="1:31" x14ac:dyDescent="0.25"', marked
            )
    return parts


def _google(parts: Parts) -> Parts:
    """Each formula written out; no area of the sheet, no properties."""
    parts = _with_shared_strings(parts)
    links = "xl/_rels/workbook.xml.rels"
    parts[links] = parts[links].replace('Target="worksheets/', 'Target="/xl/worksheets/')
    for name, content in parts.items():
        if SHEET.fullmatch(name):
            parts[name] = re.sub(r"<dimension[^>]*/>", "", content)
    book = parts["xl/workbook.xml"]
    parts["xl/workbook.xml"] = re.sub(r">Steps!(\$B\$5)<", r">'Steps'!\1<", book)
    return parts


def _prefixed(parts: Parts) -> Parts:
    """Prefixes before all elements of sheets, and rows and cells without addresses."""
    for name, content in parts.items():
        if SHEET.fullmatch(name):
            filled = re.sub(r"<row r=[^>]*>.*?</row>|<row r=[^>]*/>", _without_addresses(), content)
            named = re.sub(r"<(/?)([a-zA-Z]+)", r"<\1x:\2", filled)
            parts[name] = named.replace("<x:worksheet xmlns=", "<x:worksheet xmlns:x=", 1)
    return parts


def _without_addresses() -> Callable[[re.Match[str]], str]:
    """Rows one after another, and cells one after another, with empty ones between."""
    state = {"row": 0}

    def row(match: re.Match[str]) -> str:
        number = int(re.search(r'r="([0-9]+)"', match[0])[1])  # type: ignore[index]
        empty = "<row/>" * (number - state["row"] - 1)
        state["row"] = number
        column = 0
        cells = []
        for cell in re.findall(r"<c [^>]*?/>|<c [^>]*>.*?</c>", match[0], re.DOTALL):
            letters = re.search(r'r="([A-Z]+)', cell)[1]  # type: ignore[index]
            place = 0
            for letter in letters:
                place = 26 * place + ord(letter) - 64
            cells.append("<c/>" * (place - column - 1) + re.sub(r' r="[A-Z]+[0-9]+"', "", cell))
            column = place
        return f"{empty}<row>{''.join(cells)}</row>"

    return row


HABITS: Mapping[str, Callable[[Parts], Parts]] = {
    "Excel": _excel,
    "Google Sheets": _google,
    ".NET": _prefixed,
}


def saved_as(habit: str, source: Path, target: Path, cells: Mapping[str, str]) -> Path:
    """A workbook in the habits of a program, after some cells of Steps were changed.

    A value is what stands in the cell's element: `<v>0.9</v>`, `<f>SIN(L9)</f>`, or nothing.
    """
    with zipfile.ZipFile(source) as package:
        names = package.namelist()
        content = {name: package.read(name) for name in names}
    steps = "xl/worksheets/sheet1.xml"
    text = content[steps].decode()
    if habit == "Google Sheets":
        text = _written_out(source, text)
    for cell, value in cells.items():
        pattern = rf'(<c r="{cell}"(?: s="[0-9]+")?)[^>]*>.*?</c>'
        text, count = re.subn(pattern, rf"\1>{value}</c>", text, flags=re.DOTALL)
        assert count == 1, cell
    content[steps] = text.encode()
    is_text = {name: name.endswith((".xml", ".rels")) for name in names}
    parts = {name: content[name].decode() for name in names if is_text[name]}
    parts = HABITS[habit](parts)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name in [*parts, *(name for name in names if not is_text[name])]:
            package.writestr(name, parts[name] if name in parts else content[name])
    return target


def _written_out(source: Path, text: str) -> str:
    """Shared formulas as each cell's own, as openpyxl reads them."""
    cells = load_workbook(source)["Steps"]

    def formula(match: re.Match[str]) -> str:
        own = str(cells[match[2]].value)
        return f"{match[1]}<f>{escape(own[1:])}</f>"

    return re.sub(
        r'(<c r="([A-Z]+[0-9]+)"[^>]*>)<f t="shared"[^>]*?(?:/>|>[^<]*</f>)', formula, text
    )
