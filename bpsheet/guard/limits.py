"""The limits for each kind of workbook that comes in."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["EXERCISE", "OURS", "OWN", "OWN_MACROS", "Limits", "RefusedError"]


class RefusedError(Exception):
    """A file breaks a limit."""


@dataclass(frozen=True)
class Limits:
    """The largest sizes that a workbook may have. Sizes are in bytes.

    file: the file
    parts: the number of packed parts
    part: an unpacked part without cells
    sheet: an unpacked part with cells (a sheet)
    unpacked: all unpacked parts without cells together
    grid: all unpacked sheets together
    ratio: unpacked over packed size, for a part larger than `part` and for all parts together if
        they are larger than `unpacked`
    cells: cells with an entry in the file, on all sheets
    area: cells in the rectangle that a sheet spans; a sheet full of cells may span more
    elements: elements of XML outside of plain rows of cells, in all parts together
    depth: how deep elements are nested
    attributes: attributes of one element
    sheets: sheets
    merged: cells in merged areas
    run: bytes between two elements, or between two rows
    foreign: whether links to other files and objects of other programs are allowed
    macros: whether macros are allowed, which are never run
    linked: whether the file may be a symbolic link
    """

    file: int = 8_000_000
    parts: int = 200
    part: int = 16_000_000
    sheet: int = 16_000_000
    unpacked: int = 40_000_000
    grid: int = 40_000_000
    ratio: int = 100
    cells: int = 100_000
    area: int = 100_000_000
    elements: int = 100_000
    depth: int = 64
    attributes: int = 200
    sheets: int = 50
    merged: int = 20_000
    run: int = 16_000_000
    foreign: bool = False
    macros: bool = False
    linked: bool = False


# An exercise that a stranger has filled in.
EXERCISE = Limits()
# Somebody's own workbook, which gets one more sheet in a copy. It is larger than an exercise.
OWN = Limits(cells=350_000, elements=300_000, foreign=True)
# The same with macros (.xlsm), which the copy keeps.
OWN_MACROS = replace(OWN, macros=True)
# A workbook that bpsheet made. A million iterations are 26 million cells, of about ten bytes each
# packed and fifty unpacked. A part stays below the size that needs the zip format's extension (see
# `bpsheet.xlsx.package`). A sheet has up to 16,384 columns with 44 elements each, most of them in
# the column's note and its line on About. Each of 30,000 lines of notes is five merged cells.
OURS = Limits(
    file=2_400_000_000,
    sheet=(1 << 32) - 1,
    grid=12_000_000_000,
    cells=200_000_000,
    elements=1_000_000,
    merged=200_000,
    sheets=200,
    linked=True,
)
