"""Boxes of cells: a line around them, and a look for each column."""

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
    """How a cell of a box looks: its font, where its content stands, its fill (RRGGBB)."""

    font: Font
    across: str
    fill: str | None = None

    def filled(self, colour: str) -> Kind:
        return self._replace(fill=colour)


HEAD = Kind(style.LABEL, "centerContinuous")
NAME = Kind(style.BODY, "left")
SOURCE = Kind(style.NOTE, "left")
VALUE = Kind(style.BODY, "right")

# The box of a neuron, an input or a target; and the one around the weights that lead to a neuron.
STRONG, FINE = Side("medium", color="64748B"), Side("thin", color="CBD5E1")


class Boxes:
    """Draws boxes on a sheet."""

    def __init__(self, sheet: Worksheet) -> None:
        self._sheet = sheet
        self._looks = Looks()

    def draw(
        self, row: int, column: int, lines: Sequence[Sequence[Kind]], *, strong: bool = True
    ) -> None:
        """A box whose upper left cell is there, and whose lines have cells of these kinds."""
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
