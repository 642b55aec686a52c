"""The parts of a workbook are those that openpyxl writes itself, in the canonical form."""

from __future__ import annotations

import io
import zipfile
from copy import copy
from xml.etree.ElementTree import fromstring

from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.formula import ArrayFormula

from bpsheet.printers.mathtext import Place
from bpsheet.xlsx.canonical import canonical
from bpsheet.xlsx.cells import Looks, put_number, put_pieces, put_text
from bpsheet.xlsx.markup import escaped, quoted
from bpsheet.xlsx.memory import make_parts
from tests.helpers.samples import draws

ODD = st.text(st.sampled_from("ab =<>&\"'\n\té𝛿"), max_size=8)
ADDRESSES = st.tuples(st.sampled_from("ABZ"), st.integers(1, 9)).map(lambda at: f"{at[0]}{at[1]}")
KINDS = ["text", "pieces", "number", "formula", "array", "flag", "error", "nothing"]
CELLS = st.dictionaries(
    ADDRESSES,
    st.tuples(
        st.sampled_from(KINDS), ODD, st.floats(allow_nan=False, allow_infinity=False), st.booleans()
    ),
    max_size=6,
)
NOTES = st.dictionaries(
    ADDRESSES, st.tuples(ODD.filter(str.strip), st.sampled_from(["bpsheet", "A & B"])), max_size=3
)
HEIGHTS = st.dictionaries(
    st.integers(1, 12), st.tuples(st.sampled_from([None, 15.5, 30]), st.booleans()), max_size=4
)


def book_with(cells, notes, heights) -> Workbook:
    book = Workbook()
    sheet = book.active
    for address, (kind, text, number, is_bold) in cells.items():
        cell = sheet[address]
        if kind == "text":
            put_text(sheet, address, text)
        elif kind == "pieces":
            put_pieces(sheet, address, [(text, Place.LINE), ("2", Place.BELOW)], Font())
        elif kind == "number":
            put_number(sheet, address, number)
        elif kind == "formula":
            cell.value = "=" + (text.strip() or "1") + '&"<"'
        elif kind == "array":
            cell.value = ArrayFormula(f"{address}:{address}", "=A1:A2*2")
        else:
            cell.value = {"flag": True, "error": "#N/A", "nothing": None}[kind]
        if is_bold:
            cell.font = Font(bold=True)
            cell.fill = PatternFill("solid", fgColor="E2E8F0")
    for address, (text, author) in notes.items():
        sheet[address].comment = Comment(text, author, height=len(text) + 20, width=300)
    for row, (height, is_hidden) in heights.items():
        sheet.row_dimensions[row].height = height
        sheet.row_dimensions[row].hidden = is_hidden
    return book


def saved(book: Workbook) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    make_parts(book, parts.__setitem__, {})
    return parts


def by_openpyxl(book: Workbook) -> dict[str, bytes]:
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as package:
        return {name: canonical(package.read(name)) for name in package.namelist()}


@draws(200)
@given(CELLS, NOTES, HEIGHTS)
def test_cells_and_notes_are_written_as_openpyxl_writes_them(cells, notes, heights):
    book = book_with(cells, notes, heights)
    wanted = by_openpyxl(book)
    made = saved(book)
    assert list(made) == list(wanted)
    stamped = "docProps/core.xml"
    assert {**made, stamped: b""} == {**wanted, stamped: b""}


def _as_bold(cell) -> None:
    cell.font = Font(bold=True)


@draws(100)
@given(st.dictionaries(st.tuples(st.integers(1, 9), st.integers(1, 30)), ODD, max_size=6), NOTES)
def test_texts_that_are_put_in_at_once_are_those_of_cells(texts, notes):
    """The same text, style, mark of a text that begins like a formula, and note."""
    cells, at_once = Workbook(), Workbook()
    looks = Looks()
    for (row, column), text in texts.items():
        place = f"{get_column_letter(column)}{row}"
        note = Comment(*notes[place]) if place in notes else None
        cell = cells.active[place]
        _as_bold(cell)
        put_text(cells.active, place, text)
        cell.comment = note
        looks.put(at_once.active, (row, column), text, "bold", _as_bold, note=copy(note))
    wanted, made = saved(cells), saved(at_once)
    # A style's number is that of its first use, and a text of no characters is no text.
    again = load(made)
    for row in load(wanted).active.iter_rows():
        for cell in row:
            other = again.active[cell.coordinate]
            assert (other.value or "") == (cell.value or "")
            assert (other.font.b, other.quotePrefix) == (cell.font.b, cell.quotePrefix)
            assert (other.comment and other.comment.text) == (cell.comment and cell.comment.text)
    assert made.keys() == wanted.keys()


def load(parts: dict[str, bytes]) -> Workbook:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return load_workbook(stream)


def test_a_link_of_a_cell_and_a_picture_are_kept():
    from openpyxl.drawing.image import Image
    from PIL import Image as Picture

    picture = io.BytesIO()
    Picture.new("RGB", (3, 3)).save(picture, "PNG")
    book = Workbook()
    book.active["B2"].hyperlink = "https://example.org/?a=1&b=2"
    book.active.add_image(Image(picture), "D4")
    parts = saved(book)
    assert parts["xl/media/image1.png"].startswith(b"\x89PNG")
    assert b'<hyperlink ref="B2" r:id=' in parts["xl/worksheets/sheet1.xml"]
    assert b"https://example.org/?a=1&amp;b=2" in parts["xl/worksheets/_rels/sheet1.xml.rels"]


@given(st.text(st.sampled_from("ab =<>&\"'\r\n\té"), max_size=8))
@draws(100)
def test_a_parser_reads_the_text_that_was_escaped(text):
    """A carriage return too, and in attributes line ends and tabs, which a parser would change."""
    read = fromstring(f"<t a={quoted(text)}>{escaped(text)}</t>")
    assert (read.text or "", read.get("a")) == (text, text)
