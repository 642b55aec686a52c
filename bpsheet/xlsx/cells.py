"""Writing text and numbers into openpyxl's cells.

Text that begins with `=` stays text and never becomes a formula: titles and names come from users.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from copy import copy
from typing import Any, Literal

from openpyxl.cell import Cell
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font
from openpyxl.styles.cell_style import StyleArray
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.printers.excel import excel_number, spelled
from bpsheet.printers.mathtext import Place
from bpsheet.xlsx.cell_xml import TextCell
from bpsheet.xlsx.notes import Note

__all__ = [
    "FIRST_ROW",
    "PARAMETER_ROW",
    "Looks",
    "put_number",
    "put_pieces",
    "put_text",
    "set_text",
]

# On a sheet of rows, rows 1-3 say what it shows, row 5 has the hyper-parameters and row 7 the
# headers.
FIRST_ROW = 8
PARAMETER_ROW = 5

# A spreadsheet takes these for the beginning of a formula when the cell is edited.
FORMULA_STARTS = ("=", "+", "-", "@")
SCRIPTS: Mapping[Place, Literal["subscript", "superscript"]] = {
    Place.BELOW: "subscript",
    Place.ABOVE: "superscript",
}


class _Piece(TextBlock):
    """A piece of a text, whose font has its elements in Excel's order: vertAlign, sz, rFont."""

    def to_tree(self) -> Any:
        piece = super().to_tree()
        piece[0][:] = reversed(piece[0])
        return piece


def put_text(sheet: Worksheet, address: str, text: str, font: Font | None = None) -> None:
    """Write a text cell, whatever the text begins with."""
    set_text(sheet[address], text, font)


def set_text(cell: Any, text: str, font: Font | None = None) -> None:
    """Make a cell a text cell. Where many cells are written, this saves looking up each address."""
    cell.value = spelled(text)
    cell.data_type = "s"
    if font is not None:
        cell.font = font
    if text.startswith(FORMULA_STARTS):
        cell.quotePrefix = True


def put_pieces(
    sheet: Worksheet, address: str, pieces: Iterable[tuple[str, Place]], font: Font
) -> None:
    """Write a text cell whose pieces stand on, below or above the line."""
    runs: list[TextBlock | str] = []
    for text, place in pieces:
        if place is Place.LINE:
            runs.append(spelled(text))
        else:
            small = InlineFont(rFont=font.name, sz=font.sz, vertAlign=SCRIPTS[place])
            runs.append(_Piece(small, spelled(text)))
    if all(isinstance(run, str) for run in runs):
        put_text(sheet, address, "".join(map(str, runs)), font)
        return
    sheet[address].value = CellRichText(*runs)
    sheet[address].font = font


def put_number(sheet: Worksheet, address: str, value: float, font: Font | None = None) -> None:
    """Write a number cell with every digit. (openpyxl's 16 digits would change 42 % of numbers.)"""
    cell = sheet[address]
    cell.value = excel_number(value)
    cell.data_type = "n"
    if font is not None:
        cell.font = font


class Looks:
    """Styles that many cells share, each put together once.

    openpyxl searches its lists of fonts, fills and borders for every styled cell. With thousands of
    columns this took longer than everything else.
    """

    def __init__(self) -> None:
        self._styles: dict[Hashable, tuple[StyleArray, int]] = {}

    def give(self, cell: Any, kind: Hashable, dress: Callable[[Any], None]) -> None:
        """Give a cell the style of its kind. `dress` styles the first cell of a kind."""
        cell._style = copy(self._style(cell.parent, kind, dress)[0])  # noqa: SLF001

    def number(self, sheet: Worksheet, kind: Hashable, dress: Callable[[Any], None]) -> int:
        """The number of the style of a kind. `dress` styles a sample of it, the first time."""
        return self._style(sheet, kind, dress)[1]

    def _style(
        self, sheet: Worksheet, kind: Hashable, dress: Callable[[Any], None]
    ) -> tuple[StyleArray, int]:
        if kind not in self._styles:
            sample: Any = Cell(sheet, 1, 1)
            dress(sample)
            # openpyxl keeps the very object of a style that it has numbered.
            self._styles[kind] = copy(sample._style), int(sample.style_id)  # noqa: SLF001
        return self._styles[kind]

    def put(
        self,
        sheet: Worksheet,
        place: tuple[int, int],
        text: str,
        kind: Hashable,
        dress: Callable[[Any], None],
        *,
        note: Note | None = None,
    ) -> None:
        """Write a text cell in the style of its kind. `place` has its row and its column.

        This is for thousands of cells that nothing changes afterwards.
        """
        quoted = text.startswith(FORMULA_STARTS)
        known = self._styles.get((kind, quoted))
        number = self._quoting(sheet, kind, dress, quoted=quoted) if known is None else known[1]
        cell: Any = TextCell(*place, spelled(text), number, note)
        sheet._cells[place] = cell  # noqa: SLF001 - openpyxl has no public way to put in a cell of one's own

    def _quoting(
        self, sheet: Worksheet, kind: Hashable, dress: Callable[[Any], None], *, quoted: bool
    ) -> int:
        """The number of a style of texts, which also says whether they begin like formulas."""

        def dressed(sample: Any) -> None:
            dress(sample)
            sample.quotePrefix = quoted

        return self.number(sheet, (kind, quoted), dressed)
