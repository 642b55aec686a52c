"""The program that runs a package with an engine in a separate process, since a signal may kill it.

It runs as a file and imports very little. The task comes as JSON on standard input. The values
of the cells go to standard output, column by column: numbers as eight bytes, so that no bit is
lost, and other values as JSON. A package that is slow to ask for cells saves the workbook instead.
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

__all__ = ["columns_of"]

# The value of a cell, by the number of its sheet, its row and its column, the sheet from 0.
Cells = Callable[[int, int, int], object]
PASSES = 4


def main() -> int:
    # The engine may print to standard output; its prints go to standard error, not to the values.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asked = json.load(sys.stdin)
    try:
        for book in asked["books"]:
            if "target" in book:
                SAVING[asked["engine"]](book["path"], book["target"])
                continue
            cell = READING[asked["engine"]](book["path"], book["names"], book["arrays"])
            for sheet, rows, columns in book["sheets"]:
                for column in columns:
                    _write(out, [cell(sheet, row, column) for row in rows])
    # A panic of Rust is no Exception.
    except BaseException as error:  # noqa: BLE001
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    out.close()
    return 0


def _ironcalc(path: str, _names: Sequence[str], arrays: bool) -> Cells:  # noqa: FBT001
    import ironcalc

    model = ironcalc.load_from_xlsx(path, "en", "UTC", "en")
    # Arrays that look at arrays further down are right from a second pass on.
    for _ in range(PASSES if arrays else 1):
        model.evaluate()
    cells: Cells = model.get_cell_value
    return cells


def _betteroffice(path: str, _names: Sequence[str], _arrays: bool) -> Cells:  # noqa: FBT001
    from betteroffice_xlsx import CellError, Workbook

    book = Workbook.open_recalculated(Path(path).read_bytes())
    letters: dict[int, str] = {}

    def cell(sheet: int, row: int, column: int) -> object:
        if column not in letters:
            letters[column] = _letters(column)
        value = book.value(sheet, f"{letters[column]}{row}")
        return str(value) if isinstance(value, CellError) else value

    return cell


def _formualizer(path: str, names: Sequence[str], _arrays: bool) -> Cells:  # noqa: FBT001
    import formualizer

    book = formualizer.load_workbook(path)
    book.evaluate_all()

    def cell(sheet: int, row: int, column: int) -> object:
        value = book.get_value(names[sheet], row, column)
        return f"#{value['kind']}" if isinstance(value, dict) else value

    return cell


def _save_formulon(path: str, target: str) -> None:
    import formulon

    with formulon.Workbook.load(Path(path).read_bytes()) as book:
        book.recalc()
        Path(target).write_bytes(book.save())


READING: dict[str, Callable[[str, Sequence[str], bool], Cells]] = {
    "ironcalc": _ironcalc,
    "betteroffice": _betteroffice,
    "formualizer": _formualizer,
}
SAVING: dict[str, Callable[[str, str], None]] = {"formulon": _save_formulon}


def _letters(column: int) -> str:
    text = ""
    while column:
        column, letter = divmod(column - 1, 26)
        text = chr(ord("A") + letter) + text
    return text


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
