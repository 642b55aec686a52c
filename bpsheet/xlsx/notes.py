"""The notes of a sheet's cells as XML, in the canonical form.

A note has its text in one part of the package and its yellow box, a shape, in another one. Each
column has a note, so that these parts are larger than all others except the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any

from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.printers.excel import spelled
from bpsheet.xlsx.markup import escaped, quoted, words

__all__ = ["Note", "noted_cells", "shapes_part", "texts_part"]

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
# The kind of shape that every box has, and one box. Excel numbers boxes from 1026.
BEFORE = (
    '<xml xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel">'
    '<o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="1"/></o:shapelayout>'
    '<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" '
    'path="m,l,21600r21600,l21600,xe"><v:stroke joinstyle="miter"/>'
    '<v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
BOX = (
    '<v:shape type="#_x0000_t202" style="position:absolute; margin-left:59.25pt;margin-top:1.5pt;'
    'width:{width}px;height:{height}px;z-index:1;visibility:hidden" fillcolor="#ffffe1" '
    'o:insetmode="auto" id="_x0000_s{number:04d}"><v:fill color2="#ffffe1"/>'
    '<v:shadow color="black" obscured="t"/><v:path o:connecttype="none"/>'
    '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"/></v:textbox>'
    '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/>'
    "<x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column>"
    "</x:ClientData></v:shape>"
)
FIRST = 1026
# So many characters of a note are shown.
MOST_WORDS = 1_000


class Note:
    """A note whose words are found only when it is written: a wide network has thousands of notes.

    It has what is written of openpyxl's comments. Its width and height are in pixels.
    """

    author, width = "bpsheet", 320

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find

    @cached_property
    def text(self) -> str:
        """What it says, cut where nobody would read on."""
        found = self._find()
        return spelled(found if len(found) <= MOST_WORDS else found[: MOST_WORDS - 1] + "…")

    @property
    def height(self) -> int:
        return 40 + 18 * (self.text.count("\n") + len(self.text) // 45)

    def comment(self) -> Comment:
        """The note as one of openpyxl's comments, for one of its cells."""
        return Comment(self.text, self.author, height=self.height, width=self.width)


def noted_cells(sheet: Worksheet) -> list[Any]:
    """The cells with a note, row by row."""
    cells: list[Any] = [cell for cell in sheet._cells.values() if cell.comment is not None]  # noqa: SLF001 - all cells, without making new ones
    return sorted(cells, key=attrgetter("row", "column"))


def texts_part(cells: Sequence[Any]) -> str:
    """What the notes of these cells say, and who says it."""
    authors = {author: number for number, author in enumerate(_authors(cells))}
    named = "".join(f"<author>{escaped(author)}</author>" for author in authors)
    notes = "".join(
        f'<comment ref="{cell.coordinate}" authorId="{authors[cell.comment.author]}" shapeId="0">'
        f"<text>{words(cell.comment.text)}</text></comment>"
        for cell in cells
    )
    return (
        f"<comments xmlns={quoted(MAIN)}><authors>{named}</authors>"
        f"<commentList>{notes}</commentList></comments>"
    )


def _authors(cells: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(cell.comment.author for cell in cells))


def shapes_part(cells: Sequence[Any]) -> str:
    """The boxes of the notes of these cells."""
    boxes = [
        BOX.format(
            width=cell.comment.width,
            height=cell.comment.height,
            number=number,
            row=cell.row - 1,
            column=cell.column - 1,
        )
        for number, cell in enumerate(cells, start=FIRST)
    ]
    return "".join([BEFORE, *boxes, "</xml>"])
