"""What a workbook of ours says about itself, and the values that it stores."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

import numpy as np
import numpy.typing as npt
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook.workbook import Workbook

from bpsheet.errors import ExperimentError, WorkbookError
from bpsheet.program import Role
from bpsheet.trace import Trace
from bpsheet.training import EXAMPLE
from bpsheet.workbook.about import ABOUT, DATA, FILE_NAME
from bpsheet.workbook.layout import FIRST_ROW, LAYOUTS, Layout
from bpsheet.workbook.steps import STEPS

if TYPE_CHECKING:
    from bpsheet.experiment import Experiment

__all__ = ["Stored", "experiment_in", "inputs_in", "live_cells", "read_values", "read_workbook"]

MAX_FILE = 400_000_000
NOT_OURS = "not a workbook that bpsheet made (no experiment on its sheet About)"

# A row for each iteration, a column for each column shown; None where a cell is empty.
Values = npt.NDArray[np.object_]

# What openpyxl and the libraries under it raise for a damaged file.
DAMAGE = (
    AttributeError,
    EOFError,
    IndexError,
    InvalidFileException,
    KeyError,
    NotImplementedError,
    OSError,
    ParseError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Stored:
    """What a workbook was made from: the experiment, and its layout ("full" or "book")."""

    experiment: Experiment
    kind: str


@contextmanager
def _opened(path: Path, *, formulas: bool = False) -> Iterator[Workbook]:
    """The workbook, read only. Whatever is wrong with the file becomes a WorkbookError."""
    if not path.is_file():
        raise WorkbookError(f"{path}: no such file")
    if path.stat().st_size > MAX_FILE:
        raise WorkbookError(f"{path}: more than {MAX_FILE:,} bytes")
    try:
        with path.open("rb") as stream:
            yield load_workbook(stream, read_only=True, data_only=not formulas)
    except DAMAGE as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise WorkbookError(f"{path}: not a workbook that can be read ({said})") from None


def read_workbook(path: Path) -> Stored:
    """The experiment and the layout that a workbook was made from.

    Raises WorkbookError where it is no workbook of ours.
    """
    from bpsheet.reader import from_text

    lines: list[str] = []
    kind = ""
    with _opened(path) as book:
        named = book.defined_names.get(FILE_NAME)
        place = re.fullmatch(rf"'?{ABOUT}'?!\$A\$([0-9]{{1,7}})", (named and named.attr_text) or "")
        if place is None or ABOUT not in book.sheetnames or STEPS not in book.sheetnames:
            raise WorkbookError(f"{path}: {NOT_OURS}")
        for number, row in enumerate(book[ABOUT].iter_rows(values_only=True), start=1):
            cells = [str(cell) for cell in row if cell is not None]
            if number >= int(place[1]):
                lines.append("".join(cells))
            elif cells[:1] == ["Layout"]:
                kind = cells[-1]
    if kind not in LAYOUTS:
        raise WorkbookError(f"{path}: {NOT_OURS}")
    try:
        experiment = from_text(
            "\n".join(lines) + "\n",
            base=path.parent,
            name=path.stem,
            source=f"{path} (sheet {ABOUT})",
        )
    except ExperimentError as error:
        raise WorkbookError(
            f"{path}: the experiment on its sheet About is damaged: {error}"
        ) from None
    return Stored(experiment, kind)


def experiment_in(path: Path) -> Experiment:
    """The experiment that a workbook of ours was made from."""
    return read_workbook(path).experiment


def _steps(book: Workbook, layout: Layout, iterations: int) -> Values:
    values = np.full((iterations, len(layout.shown)), None, dtype=object)
    places = [shown.place - 1 for shown in layout.shown]
    rows = book[STEPS].iter_rows(
        min_row=FIRST_ROW, max_row=layout.last_row(iterations), values_only=True
    )
    for index, row in enumerate(rows):
        values[index] = [row[place] if place < len(row) else None for place in places]
    return values


def read_values(path: Path, layout: Layout, iterations: int) -> Values:
    """What the cells of Steps store."""
    with _opened(path) as book:
        return _steps(book, layout, iterations)


def live_cells(path: Path, layout: Layout, iterations: int) -> npt.NDArray[np.bool_]:
    """Which cells of Steps hold a formula."""
    with _opened(path, formulas=True) as book:
        cells = _steps(book, layout, iterations)
    live = [[isinstance(cell, str) and cell.startswith("=") for cell in row] for row in cells]
    return np.array(live, dtype=bool).reshape(cells.shape)


def inputs_in(path: Path, layout: Layout, trace: Trace, values: Values) -> dict[str, object]:
    """The input cells, by the names that `Experiment.changed` takes."""
    inputs: dict[str, object] = {}
    with _opened(path) as book:
        for name, cell in layout.parameter_cells.items():
            inputs[name] = book[STEPS][cell].value
        if layout.kind == "full":
            names = list(layout.data_letters)
            data = book[DATA].iter_rows(
                min_row=2, max_row=layout.examples + 1, min_col=2, values_only=True
            )
            for number, row in enumerate(data, start=1):
                inputs |= {f"{n}[{number}]": cell for n, cell in zip(names, row, strict=False)}
    for index, shown in enumerate(layout.shown):
        if shown.column.role is Role.WEIGHT:
            inputs[shown.column.name] = values[0, index]
        elif shown.column.name in trace.program.tables and layout.kind == "book":
            # The first row that presents an example speaks for it.
            presented = trace.values[:, trace.program.position[EXAMPLE]]
            for number in range(1, layout.examples + 1):
                rows = np.flatnonzero(presented == number)
                if rows.size:
                    inputs[f"{shown.column.name}[{number}]"] = values[rows[0], index]
    return inputs
