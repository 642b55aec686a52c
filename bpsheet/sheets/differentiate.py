"""A copy of a workbook with one more sheet, which has the derivatives of one cell.

The user's own formulas are differentiated in reverse mode, cell by cell: ∂L/∂c is the sum over
the cells u that use c of ∂L/∂u · ∂u/∂c.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bpsheet.errors import FormulaError, OutputError, WorkbookError
from bpsheet.files.paths import is_file, is_same_file
from bpsheet.files.whole import replacing
from bpsheet.guard.limits import OWN, OWN_MACROS
from bpsheet.guard.package import opened
from bpsheet.sheets.areas import MAX_COLUMNS, MAX_ROWS, Area, Place
from bpsheet.sheets.book import Book
from bpsheet.sheets.evaluate import MAX_CELLS, Evaluator
from bpsheet.sheets.excel import read_own_xlsx
from bpsheet.sheets.gradient_sheet import gradient_lines
from bpsheet.sheets.opendocument import read_own_ods, with_ods_sheet
from bpsheet.sheets.results import Cells, Here
from bpsheet.sheets.slopes import slopes_of
from bpsheet.sheets.syntax import parse
from bpsheet.sheets.tape import Tape
from bpsheet.sheets.way import Way, way_of
from bpsheet.words import shown
from bpsheet.xlsx.addition import with_sheet

__all__ = ["Differentiated", "differentiate_workbook"]

MAX_RATE = 1e100
TITLE = "Gradient"
ENDINGS = (".xlsx", MACROS := ".xlsm", ".ods")


@dataclass(frozen=True)
class Differentiated:
    """The result of `differentiate_workbook`.

    path:     the copy
    sheet:    the name of the new sheet
    loss:     the value of the loss
    gradient: the derivative of the loss with respect to each parameter, by its address
    cells:    the number of cells on the way from the parameters to the loss
    apart:    the parameters on which the loss does not depend
    steps:    the parameters that change the loss by jumps only, so that the derivative is 0
    remarks:  what is to be known of the derivatives, such as jumps and kinks, with the cells
    """

    path: Path
    sheet: str
    loss: float
    gradient: dict[str, float]
    cells: int
    apart: tuple[str, ...]
    steps: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def differentiate_workbook(
    path: str | Path,
    loss: str,
    parameters: Sequence[str],
    output: str | Path,
    learning_rate: float = 0.1,
    *,
    ascent: bool = False,
) -> Differentiated:
    """Write a copy of a workbook with the live derivatives of one of its cells.

    `loss` is a cell (`Sheet1!D9`), `parameters` are cells and ranges of numbers (`Sheet1!B2:B6`): a
    number that a formula gives is taken as if it were typed, and that is among the remarks. The new sheet has every cell on the way from the parameters to the loss, its
    value, its derivative, and for each parameter a step of gradient descent, or of `ascent`, where
    the cell is to be maximised. All other sheets of the copy are unchanged; macros are kept, and
    never run.
    Raises WorkbookError for a workbook that cannot be read or differentiated, with all problems and
    their cells, OutputError where the copy cannot be written, and LimitError where a formula would
    be too long.
    """
    path, output = Path(path), Path(output)
    _refuse_names(path, output, learning_rate)
    with opened(path, OWN_MACROS if path.suffix.lower() == MACROS else OWN) as package:
        package.check()
        data = package.content
        try:
            book = read_own_ods(package) if package.is_ods else read_own_xlsx(package)
        except (FormulaError, WorkbookError) as error:
            raise _error(path, str(error).removeprefix(f"{path}: ")) from None
        is_ods = package.is_ods
    try:
        loss_cell, parameter_cells = _named(book, loss, parameters)
        with _uncollected():
            way = way_of(book, loss_cell, parameter_cells)
            _refuse_problems(way)
            slopes = slopes_of(way)
            lines = gradient_lines(way, slopes, path.name, learning_rate, ascent=ascent)
    except (FormulaError, WorkbookError) as error:
        raise _error(path, str(error)) from None
    title = _free(book)
    content = (with_ods_sheet if is_ods else with_sheet)(data, title, lines)
    with replacing(output) as stream:
        stream.write(content)
    remarks = [f"{cell}: {said}" for cell, said in way.tape.remarks if cell in slopes.reached]
    value = way.items[loss_cell].value
    assert isinstance(value, float)
    return Differentiated(
        output,
        title,
        value,
        {place.name: slopes.by_name[place.name].slope for place in parameter_cells},
        sum(name in way.texts for name in slopes.by_name),
        slopes.apart,
        slopes.steps,
        tuple(remarks),
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for circles among objects.

    Millions of small objects are made and kept; to look through them again and again would take a
    quarter of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _refuse_problems(way: Way) -> None:
    if way.problems:
        raise WorkbookError("\n".join(f"{cell}: {said}" for cell, said in way.problems))


def _error(path: Path, said: str) -> WorkbookError:
    """An error with its problems, one a line where there are several."""
    problems = said.splitlines()
    if len(problems) < 2:
        return WorkbookError(f"{path}: {said}")
    lines = "\n".join(f"  {problem}" for problem in problems)
    return WorkbookError(f"{path}: {len(problems)} problems\n{lines}")


def _refuse_names(path: Path, output: Path, learning_rate: float) -> None:
    ending = path.suffix.lower() if path.suffix.lower() in ENDINGS else ENDINGS[0]
    if output.suffix.lower() != ending:
        raise OutputError(f"{output}: a name that ends in {ending} expected")
    if is_same_file(output, path):
        raise OutputError(f"{output} is the workbook itself; give another name")
    if not is_file(path):
        raise WorkbookError(f"{path}: no such file")
    if not abs(learning_rate) < MAX_RATE:
        got = shown(learning_rate)
        raise WorkbookError(f"rate: a number below {MAX_RATE:g} expected; got {got}")


def _named(book: Book, loss: str, parameters: Sequence[str]) -> tuple[Place, list[Place]]:
    """The cells of the loss and the parameters. Without a sheet's name, the first is meant."""
    problems: list[str] = []
    losses = _places(book, loss, "loss", problems)
    if losses is not None and len(losses) != 1:
        problems.append(f"loss: one cell expected; got {loss}")
    cells = [
        place for text in parameters for place in _places(book, text, "parameters", problems) or ()
    ]
    if not parameters:
        problems.append("parameters: at least one cell expected")
    if problems or not losses:
        raise WorkbookError("\n".join(problems))
    return losses[0], list(dict.fromkeys(cells))


def _places(book: Book, text: str, what: str, problems: list[str]) -> list[Place] | None:
    """The cells of a reference that the user gave; None, and a problem noted, for anything else."""
    try:
        areas = _areas(book, text)
    except FormulaError as error:
        problems.append(f"{what}: {error}")
        return None
    return [place for area in areas for place in area.places()]


def _areas(book: Book, text: str) -> tuple[Area, ...]:
    here = next((sheet.name for sheet in book.sheets.values()), "")
    result = Evaluator(book, Tape(), {}).result(parse(text), Here(here, 1, 1))
    if not isinstance(result, Cells):
        raise FormulaError(f"{text} is neither a cell nor a plain range nor the name of one")
    if sum(area.size for area in result.areas) > MAX_CELLS:
        raise FormulaError(f"{text} has more than {MAX_CELLS:,} cells")
    for area in result.areas:
        book.sheet(area.sheet)
        if area.rows == MAX_ROWS or area.columns == MAX_COLUMNS:
            raise FormulaError(f"{text} is no plain range")
    return result.areas


def _free(book: Book) -> str:
    taken = {name.lower() for name in book.titles}
    number = 1
    while (name := TITLE if number == 1 else f"{TITLE} {number}").lower() in taken:
        number += 1
    return name
