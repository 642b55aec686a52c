"""Boxes of cells: a line around the cells, and a look for each column."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.workbook import style
from bpsheet.xlsx.cells import Looks

__all__ = ["HEAD", "NAME", "SOURCE", "VALUE", "Boxes", "Kind"]


class Kind(NamedTuple):
    """The look of a cell in a box: its font, horizontal alignment and fill (RRGGBB)."""

    font: Font
    across: str
    fill: str | None = None

    def filled(self, colour: str) -> Kind:
        return self._replace(fill=colour)


HEAD = Kind(style.LABEL, "centerContinuous")
NAME = Kind(style.BODY, "left")
SOURCE = Kind(style.NOTE, "left")
VALUE = Kind(style.BODY, "right")

# STRONG is the box of a neuron, an input or a target; FINE the box of the weights of a neuron.
STRONG, FINE = Side("medium", color="64748B"), Side("thin", color="CBD5E1")


class Boxes:
    """Draws boxes on a sheet."""

    def __init__(self, sheet: Worksheet) -> None:
        self._sheet = sheet
        self._looks = Looks()

    def draw(
        self, row: int, column: int, lines: Sequence[Sequence[Kind]], *, strong: bool = True
    ) -> None:
        """Draw a box from its upper left cell. Each line gives the kinds of its cells."""
        for down, kinds in enumerate(lines):
            for across, kind in enumerate(kinds):
                ends = (across == 0, across == len(kinds) - 1, down == 0, down == len(lines) - 1)
                cell = self._sheet.cell(row + down, column + across)
                dress = partial(_dress, kind=kind, ends=ends, side=STRONG if strong else FINE)
                self._looks.give(cell, (id(kind.font), kind[1:], ends, strong), dress)


def _dress(cell: Any, kind: Kind, ends: tuple[bool, bool, bool, bool], side: Side) -> None:
    cell.font = kind.font
    indent = 0 if kind.across == HEAD.across else 1
    cell.alignment = Alignment(horizontal=kind.across, vertical="center", indent=indent)
    if kind.fill is not None:
        cell.fill = style.solid(kind.fill)
    left, right, top, bottom = (side if at_end else None for at_end in ends)
    cell.border = Border(left=left, right=right, top=top, bottom=bottom)
