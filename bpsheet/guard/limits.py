"""The limits of each kind of workbook that comes in."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXERCISE", "OURS", "OWN", "Limits", "RefusedError"]


class RefusedError(Exception):
    """A limit that a file breaks."""


@dataclass(frozen=True)
class Limits:
    """What a workbook may have. Sizes are in bytes.

    file, parts: the file, and how many parts are packed in it
    part, sheet: one part unpacked, and one of the parts with cells
    unpacked, grid: all parts unpacked but those with cells, and those
    ratio: how many times larger than packed a part may be that is larger than `part`, and the
        whole where it is larger than `unpacked`
    cells: cells with an entry in the file, on all sheets
    area: places in the rectangle that the cells of a sheet span; more where it is full of cells
    elements: elements of XML beyond plain rows of cells, in all parts together
    depth, attributes: how deep elements are nested, and how many attributes one has
    sheets, merged: sheets, and cells in merged areas
    run: bytes between one element and the next, or from one row to the next
    foreign: whether it may lead to other files, or hold objects of other programs
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
    linked: bool = False


# A sheet that a stranger has filled in.
EXERCISE = Limits()
# Somebody's own workbook, to be copied with one sheet more; larger than exercises are.
OWN = Limits(cells=350_000, elements=300_000, foreign=True)
# One that says it is ours: a million iterations are 26 million cells, of some ten bytes each when
# packed and some fifty unpacked. No part is as large as the zip format can say without its
# extension (see `bpsheet.xlsx.package`). A column of a sheet of 16,384 has 44 elements, most
# of them of its note and of its line on About, and each of 30,000 lines of notes is five merged cells.
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
