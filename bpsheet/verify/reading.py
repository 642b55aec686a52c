"""What a workbook of ours says about itself, and the values that it stores."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

import numpy as np
import numpy.typing as npt
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook.workbook import Workbook

from bpsheet.errors import BpsheetError, WorkbookError
from bpsheet.workbook.about import ABOUT, DATA, FILE_HEADING
from bpsheet.workbook.layout import FIRST_ROW, LAYOUTS, Layout
from bpsheet.workbook.steps import STEPS

if TYPE_CHECKING:
    from bpsheet.experiment import Experiment

__all__ = ["Stored", "experiment_in", "read_values", "read_workbook"]

MAX_FILE = 400_000_000
NOT_OURS = "not a workbook that bpsheet made (no experiment on its sheet About)"

Values = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Stored:
    """What a workbook was made from.

    kind: its layout, "full" or "book"
    """

    experiment: Experiment
    kind: str


def _open(path: Path) -> Workbook:
    try:
        if not path.is_file():
            raise WorkbookError(f"{path}: no such file")
        if path.stat().st_size > MAX_FILE:
            raise WorkbookError(f"{path}: more than {MAX_FILE:,} bytes")
        return load_workbook(path, read_only=True, data_only=True)
    except (
        OSError,
        zipfile.BadZipFile,
        InvalidFileException,
        KeyError,
        ValueError,
        ParseError,
    ) as error:
        raise WorkbookError(f"{path}: not a workbook that can be read ({error})") from None


def read_workbook(path: Path) -> Stored:
    """The experiment and the layout that a workbook was made from.

    Raises WorkbookError where it is no workbook of ours.
    """
    from bpsheet.reader import from_text

    book = _open(path)
    try:
        if ABOUT not in book.sheetnames or STEPS not in book.sheetnames:
            raise WorkbookError(f"{path}: {NOT_OURS}")
        lines: list[str] | None = None
        kind = ""
        for row in book[ABOUT].iter_rows(values_only=True):
            cells = [str(cell) for cell in row if cell is not None]
            if lines is not None:
                lines.append("".join(cells))
            elif cells[:1] == [FILE_HEADING]:
                lines = []
            elif cells[:1] == ["Layout"]:
                kind = cells[-1]
    finally:
        book.close()
    if lines is None or kind not in LAYOUTS:
        raise WorkbookError(f"{path}: {NOT_OURS}")
    try:
        experiment = from_text(
            "\n".join(lines) + "\n",
            base=path.parent,
            name=path.stem,
            source=f"{path} (sheet {ABOUT})",
        )
    except BpsheetError as error:
        raise WorkbookError(
            f"{path}: the experiment on its sheet About is damaged: {error}"
        ) from None
    return Stored(experiment, kind)


def experiment_in(path: Path) -> Experiment:
    """The experiment that a workbook of ours was made from."""
    return read_workbook(path).experiment


def read_values(path: Path, layout: Layout, iterations: int) -> tuple[Values, dict[str, object]]:
    """The stored values of Steps (a row for each iteration, a column for each one shown).

    The second part are the input cells, by the names that `Experiment.changed` takes.
    """
    book = _open(path)
    try:
        values = np.full((iterations, len(layout.shown)), None, dtype=object)
        places = [shown.place - 1 for shown in layout.shown]
        rows = book[STEPS].iter_rows(
            min_row=FIRST_ROW, max_row=layout.last_row(iterations), values_only=True
        )
        for index, row in enumerate(rows):
            values[index] = [row[place] if place < len(row) else None for place in places]
        inputs: dict[str, object] = {
            name: book[STEPS][cell].value for name, cell in layout.parameter_cells.items()
        }
        for shown, value in zip(layout.shown, values[0], strict=True):
            if shown.column.is_state and shown.starts_typed and shown.column.name != "iteration":
                inputs[shown.column.name] = value
        if layout.kind == "full":
            names = list(layout.data_letters)
            data = book[DATA].iter_rows(
                min_row=2, max_row=layout.examples + 1, min_col=2, values_only=True
            )
            for number, row in enumerate(data, start=1):
                inputs |= {
                    f"{name}[{number}]": cell for name, cell in zip(names, row, strict=False)
                }
    except (KeyError, ValueError, ParseError, zipfile.BadZipFile) as error:
        raise WorkbookError(f"{path}: damaged ({error})") from None
    finally:
        book.close()
    return values, inputs
