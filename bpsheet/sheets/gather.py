"""The numbers that a function such as SUM takes from its arguments.

From references and arrays it takes numbers only: texts, truths and empty cells are left out. An
argument that is a value of its own counts as arithmetic takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bpsheet.sheets.areas import Area, Place
from bpsheet.sheets.evaluate import Evaluator
from bpsheet.sheets.nodes import Fault, Tree
from bpsheet.sheets.results import Cells, Here
from bpsheet.sheets.tape import Item, number
from bpsheet.sheets.values import Unknown

__all__ = ["Numbers", "gathered", "listed", "values_of"]


@dataclass
class Numbers:
    """The numbers of some arguments.

    items: the numbers
    fault: the items that are errors, if there are any
    areas: the areas, if the arguments are nothing else
    """

    items: list[Item]
    fault: list[Item]
    areas: tuple[Area, ...] | None

    @property
    def values(self) -> list[float]:
        return [item.value for item in self.items]  # type: ignore[misc]


def values_of(reader: Evaluator, area: Area) -> list[Item]:
    """The items of an area's cells that hold something."""
    sheet = reader.book.sheet(area.sheet)
    cells = sheet.cells
    used = sheet.used(area)
    reader.look_at(used.size)
    return [
        reader.item(Place(area.sheet, row, column))
        for row in range(used.top, used.bottom + 1)
        for column in range(used.left, used.right + 1)
        if (row, column) in cells
    ]


def gathered(reader: Evaluator, arguments: Sequence[Tree], here: Here) -> Numbers:
    """The numbers of a function's arguments."""
    found = Numbers([], [], ())
    for argument in arguments:
        result = reader.result(argument, here)
        if isinstance(result, Item):
            value = number(result)
            found.areas = None
            if not isinstance(value, float):
                found.fault.append(result)
            else:
                is_number = isinstance(result.value, float)
                found.items.append(result if is_number else _plain(result, value))
            continue
        if isinstance(result, Cells):
            inside = [item for area in result.areas for item in values_of(reader, area)]
            if found.areas is not None:
                found.areas += result.areas
        else:
            inside = [item for row in result for item in row]
            found.areas = None
        for item in inside:
            if isinstance(item.value, Fault | Unknown):
                found.fault.append(item)
            elif isinstance(item.value, float):
                found.items.append(item)
    return found


def _plain(item: Item, value: float) -> Item:
    """A truth, or a text that stands for a number, as a number."""
    return Item(value, item.expr, ((item, None),) if item.moves else ())


def listed(reader: Evaluator, numbers: Numbers) -> str:
    """The arguments as a formula on another sheet has them."""
    if numbers.areas:
        return ",".join(area.address for area in numbers.areas)
    return ",".join(reader.tape.text(item) for item in numbers.items)
