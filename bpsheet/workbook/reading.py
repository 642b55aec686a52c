"""Reading back a workbook that bpsheet wrote: its experiment and its stored values."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.escape import unescape
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook.workbook import Workbook

from bpsheet.errors import ExperimentError, WorkbookError
from bpsheet.gradients.studies import STUDIES
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import Guarded, opened
from bpsheet.plan.plan import Plan
from bpsheet.plan.reader import from_text
from bpsheet.program.kinds import EXAMPLE, Role
from bpsheet.workbook.about import ABOUT, DATA, FILE_NAME, KEPT, LAYOUT, SHEETS
from bpsheet.workbook.companions.chosen import CHOICE
from bpsheet.workbook.layout import STEPS
from bpsheet.workbook.sheet import Readable, Sheet
from bpsheet.workbook.traits import LAYOUTS
from bpsheet.xlsx.cells import FIRST_ROW

__all__ = [
    "Stored",
    "chosen_in",
    "experiment_in",
    "inputs_in",
    "live_cells",
    "read_values",
    "read_workbook",
    "settings_in",
    "sheet_names",
]

P = TypeVar("P", bound=Plan)

NOT_OURS = "not a workbook that bpsheet wrote (no experiment on its sheet About)"

# A row for each iteration, a column for each shown column; None for an empty cell.
StoredCells = npt.NDArray[np.object_]

# The exceptions that openpyxl and the libraries under it raise for a damaged file.
DAMAGE = (
    AttributeError,
    EOFError,
    IndexError,
    InvalidFileException,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,  # of XML: ParseError of ElementTree, XMLSyntaxError of lxml
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Stored(Generic[P]):
    """What a workbook was written from.

    `kind` is the layout (a name of `LAYOUTS`), `studies` are the names of the further sheets (from
    `bpsheet.gradients.studies.STUDIES`), and `keep` says which rows the workbook keeps.
    """

    experiment: P
    kind: str
    studies: tuple[str, ...]
    keep: str | None


@contextmanager
def _opened(package: Guarded, *, formulas: bool = False) -> Iterator[Workbook]:
    """The workbook, read only. Any damage to the file becomes a WorkbookError."""
    try:
        reader = ExcelReader(
            io.BytesIO(package.content), read_only=True, data_only=not formulas, keep_links=False
        )
        # The reader reads everything through the guarded package.
        reader.archive = package
        reader.read()
        yield reader.wb
    except DAMAGE as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise WorkbookError(f"{package.name}: not a readable workbook ({reason})") from None


def read_workbook(package: Guarded) -> Stored[Plan]:
    """What a workbook was written from.

    Raises WorkbookError for a workbook that bpsheet did not write.
    """
    return _stored(package, Plan)


def _stored(package: Guarded, kind: type[P]) -> Stored[P]:
    lines: list[str] = []
    facts: dict[str, str] = {}
    with _opened(package) as book:
        named = book.defined_names.get(FILE_NAME)
        first = re.fullmatch(rf"'?{ABOUT}'?!\$A\$([0-9]{{1,7}})", (named and named.attr_text) or "")
        if first is None or ABOUT not in book.sheetnames or STEPS not in book.sheetnames:
            raise WorkbookError(f"{package.name}: {NOT_OURS}")
        for number, row in enumerate(book[ABOUT].iter_rows(values_only=True), start=1):
            cells = [str(cell) for cell in row if cell is not None]
            if number >= int(first[1]):
                lines.append(unescape("".join(cells)))
            elif cells and cells[0] in (KEPT, LAYOUT, SHEETS):
                facts[cells[0]] = cells[-1]
    studies = tuple(facts[SHEETS].split(", ")) if SHEETS in facts else ()
    if facts.get(LAYOUT) not in LAYOUTS or not set(studies) <= set(STUDIES):
        raise WorkbookError(f"{package.name}: {NOT_OURS}")
    try:
        experiment = from_text(
            "\n".join(lines) + "\n",
            # A stranger may have written the workbook, so it may name no file of this machine.
            base=None,
            name=Path(package.name).stem,
            source=f"{package.name} (sheet {ABOUT})",
            made=kind,
        )
    except ExperimentError as error:
        raise WorkbookError(
            f"{package.name}: the experiment on its sheet About is damaged: {error}"
        ) from None
    return Stored(experiment, facts[LAYOUT], studies, facts.get(KEPT))


def experiment_in(path: Path, kind: type[P]) -> P:
    """The experiment from which bpsheet wrote a workbook, as an object of the class `kind`."""
    with opened(path, OURS) as package:
        return _stored(package, kind).experiment


def sheet_names(package: Guarded) -> list[str]:
    """The names of a workbook's sheets, in order."""
    with _opened(package) as book:
        return book.sheetnames


def _rows(book: Workbook, sheet: Readable) -> StoredCells:
    values = np.full((len(sheet), len(sheet.places)), None, dtype=object)
    if sheet.name not in book.sheetnames:
        return values
    indices = [place - 1 for place in sheet.places]
    last = FIRST_ROW + len(sheet) - 1
    rows = book[sheet.name].iter_rows(min_row=FIRST_ROW, max_row=last, values_only=True)
    for index, row in enumerate(rows):
        values[index] = [row[i] if i < len(row) else None for i in indices]
    return values


def read_values(package: Guarded, sheet: Readable) -> StoredCells:
    """What the cells of a sheet's rows store."""
    with _opened(package) as book:
        return _rows(book, sheet)


def live_cells(package: Guarded, sheet: Sheet) -> npt.NDArray[np.bool_]:
    """Whether each cell of a sheet's rows holds a formula."""
    with _opened(package, formulas=True) as book:
        cells = _rows(book, sheet)
    live = [[isinstance(cell, str) and cell.startswith("=") for cell in row] for row in cells]
    return np.array(live, dtype=bool).reshape(cells.shape)


def chosen_in(package: Guarded, sheet: str) -> object:
    """What stands in the cell that chooses the iteration of a sheet; None without the sheet."""
    with _opened(package) as book:
        return book[sheet][CHOICE].value if sheet in book.sheetnames else None


def settings_in(package: Guarded, sheet: Sheet) -> dict[str, object]:
    """The values of a sheet's hyper-parameters, by their names."""
    with _opened(package) as book:
        cells = book[sheet.name]
        return {name: cells[cell].value for name, cell in sheet.layout.parameter_cells.items()}


def inputs_in(package: Guarded, steps: Sheet, values: StoredCells) -> dict[str, object]:
    """The input cells of Steps and Data, by the names that `Experiment.changed` takes."""
    layout = steps.layout
    inputs = settings_in(package, steps)
    if layout.traits.data_sheet:
        names = list(layout.data_letters)
        with _opened(package) as book:
            data = book[DATA].iter_rows(
                min_row=2, max_row=layout.examples + 1, min_col=2, values_only=True
            )
            for number, row in enumerate(data, start=1):
                inputs |= {f"{n}[{number}]": cell for n, cell in zip(names, row, strict=False)}
    for index, shown in enumerate(layout.shown):
        if shown.column.role is Role.WEIGHT:
            inputs[shown.column.name] = values[0, index]
        elif shown.column.name in layout.program.tables and not layout.traits.data_sheet:
            # The first row that presents an example speaks for it.
            presented = steps.values[:, layout.program.position[EXAMPLE]]
            for number in range(1, layout.examples + 1):
                rows = np.flatnonzero(presented == number)
                if rows.size:
                    inputs[f"{shown.column.name}[{number}]"] = values[rows[0], index]
    return inputs
