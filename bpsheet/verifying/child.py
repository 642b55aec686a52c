"""The program that runs ironcalc in a separate process, since a signal may kill the engine.

It runs as a file and imports very little. The task comes as JSON on standard input. The values
of the cells go to standard output, column by column: numbers as eight bytes, so that no bit is
lost, and other values as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Any

__all__ = ["columns_of"]


def main() -> int:
    # The engine may print to standard output; its prints go to standard error, not to the values.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    import ironcalc

    asked = json.load(sys.stdin)
    try:
        model = ironcalc.load_from_xlsx(asked["path"], "en", "UTC", "en")
        for sheet, row, column, value in asked["changes"]:
            if isinstance(value, str):
                model.update_cell_with_text(sheet, row, column, value)
            else:
                model.update_cell_with_number(sheet, row, column, value)
        model.evaluate()
        for sheet, first, rows, columns in asked["sheets"]:
            for column in columns:
                cells = [model.get_cell_value(sheet, first + row, column) for row in range(rows)]
                _write(out, cells)
    except ironcalc.WorkbookError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    out.close()
    return 0


def _write(stream: IO[bytes], cells: Sequence[object]) -> None:
    others = {row: cell for row, cell in enumerate(cells) if not isinstance(cell, float)}
    numbers = array("d", [cell if isinstance(cell, float) else 0.0 for cell in cells])
    stream.write(json.dumps([len(numbers), others]).encode() + b"\n")
    stream.write(numbers.tobytes())


def columns_of(stream: IO[bytes]) -> Iterator[list[Any]]:
    """The columns in a stream, each a list of the values of its cells."""
    while head := stream.readline():
        rows, others = json.loads(head)
        numbers = array("d", stream.read(8 * rows))
        cells: list[Any] = numbers.tolist()
        for row, cell in others.items():
            cells[int(row)] = cell
        yield cells


if __name__ == "__main__":
    sys.exit(main())
