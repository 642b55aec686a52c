"""The program that recalculates a student's sheet, in a process of its own.

It runs as a file and imports very little. For each draw all given numbers and all right values are
typed into their cells. Then one formula after another takes the place of its right value, is computed,
and leaves again: so each formula is judged by itself.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

__all__: list[str] = []


def main() -> int:
    # The engine may print to standard output; its prints go to standard error, not to the answer.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import ironcalc

    asked = json.load(sys.stdin)
    formulas: list[list[Any]] = asked["formulas"]
    try:
        model = ironcalc.load_from_xlsx(asked["path"], "en", "UTC", "en")
        column = asked["column"]

        def computed(row: int, formula: str) -> object:
            model.set_user_input(0, row, column, formula)
            model.evaluate()
            return model.get_cell_value(0, row, column)

        values = []
        for typed in asked["draws"]:
            right = dict(map(tuple, typed))
            for row, value in right.items():
                model.update_cell_with_number(0, row, column, value)
            found = []
            for row, formula in formulas:
                found.append(computed(row, formula))
                model.update_cell_with_number(0, row, column, right[row])
            values.append(found)
        moved = []
        for (row, formula), sources in zip(formulas, asked["sources"], strict=True):
            found = []
            for source, value in sources:
                model.update_cell_with_number(0, source, column, value)
                found.append(computed(row, formula))
                model.update_cell_with_number(0, source, column, right[source])
            model.update_cell_with_number(0, row, column, right[row])
            moved.append(found)
    except ironcalc.WorkbookError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    json.dump({"draws": values, "moved": moved}, out)
    out.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
