"""The sheet that looks into the rows of Steps, whose cells are compared, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from openpyxl.utils.cell import coordinate_to_tuple

from bpsheet.runs.run import Run
from bpsheet.verifying.comparison import Comparison, with_cells
from bpsheet.verifying.engine import Block
from bpsheet.workbook.companions.choice import COMPANIONS
from bpsheet.workbook.companions.chosen import CHOICE
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.placing import StoredCells
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.contents import Contents

__all__ = ["Further"]


@dataclass(frozen=True)
class Further:
    """A sheet that looks into the rows of Steps: its cells, and their numbers before and after changes."""

    block: Block
    before: Mapping[str, float]
    after: Mapping[str, float]

    @classmethod
    def of(
        cls, contents: Contents, runs: tuple[Run, Run], steps: tuple[Sheet, Sheet]
    ) -> Further | None:
        """The sheet whose numbers are compared, as it shows the iteration that a reader chose."""
        companion = _companion(contents, steps[0])
        if companion is None or companion.numbers is None:
            return None
        row, column = coordinate_to_tuple(CHOICE)
        grid = contents.sheets.get(companion.name)
        chosen = None if grid is None else grid.value(row, column)
        is_one = isinstance(chosen, int) and 1 <= chosen <= len(runs[0])
        iteration = chosen if isinstance(chosen, int) and is_one else 1
        before, after = (
            companion.numbers(run, sheet, iteration) for run, sheet in zip(runs, steps, strict=True)
        )
        places = [coordinate_to_tuple(address) for address in before]
        rows = range(1, max(row for row, _ in places) + 1)
        columns = range(1, max(column for _, column in places) + 1)
        return cls(Block(companion.name, rows, columns), before, after)

    def compared(
        self, comparison: Comparison, values: StoredCells, *, is_changed: bool
    ) -> Comparison:
        """A comparison, with the cells of this sheet."""
        # With changes a run may overflow later: the sheet has the cells that it was written with.
        after = {
            address: number for address, number in self.after.items() if address in self.before
        }
        expected = after if is_changed else self.before
        found = {}
        for address in expected:
            row, column = coordinate_to_tuple(address)
            found[address] = values[row - 1, column - 1]
        return with_cells(comparison, self.block.sheet, expected, found)


def _companion(contents: Contents, steps: Sheet) -> Companion | None:
    """The companion whose numbers are compared: one that the layout needs, or that is there."""
    return next(
        (
            companion
            for key, companion in COMPANIONS.items()
            if companion.numbers is not None
            and (companion.name in contents.sheets or key == steps.layout.traits.first)
        ),
        None,
    )
