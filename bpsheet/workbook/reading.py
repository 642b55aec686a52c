"""Reading back a workbook that bpsheet wrote: its experiment, and what people have changed in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from bpsheet.errors import ExperimentError, WorkbookError
from bpsheet.files.ours import is_intact_package
from bpsheet.gradients.studies import STUDIES
from bpsheet.gradients.study import Settings, Study
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import Guarded, opened
from bpsheet.plan.plan import Plan
from bpsheet.plan.reader import from_text
from bpsheet.runs.run import Run
from bpsheet.workbook.about import ABOUT, FILE_NAME, FILE_TITLE, KEPT, LAYOUT, SHEETS, TESTS
from bpsheet.workbook.edits import Edit
from bpsheet.workbook.revision import Revision, recorded_run, revision_of, with_edits
from bpsheet.workbook.traits import LAYOUTS
from bpsheet.workbook.writing import sheets_of
from bpsheet.xlsx.contents import Address, Contents, read_xlsx
from bpsheet.xlsx.ods import read_ods

__all__ = [
    "Stored",
    "contents_of",
    "described",
    "experiment_in",
    "is_ours",
    "revision_in",
    "studies_of",
]

P = TypeVar("P", bound=Plan)

NOT_OURS = "not a workbook that bpsheet wrote (no experiment on its sheet About)"


@dataclass(frozen=True)
class Stored(Generic[P]):
    """What a workbook was written from.

    `kind` is the layout (a name of `LAYOUTS`), `studies` are the names of the further sheets (from
    `bpsheet.gradients.studies.STUDIES`), `keep` says which rows the workbook keeps, and `tests_follow`
    whether the tests that repeat an example refer to the sheet Data.
    """

    experiment: P
    kind: str
    studies: tuple[str, ...]
    keep: str | None
    tests_follow: bool


def contents_of(package: Guarded, *, about_only: bool = False) -> Contents:
    """What stands in a workbook. Raises WorkbookError for damage."""
    read = read_ods if package.is_ods else read_xlsx
    return read(package, lambda name: name == ABOUT) if about_only else read(package)


def _experiment_at(contents: Contents) -> Address | None:
    """The first cell of the experiment's text: by its name, or else below its heading."""
    if (named := contents.names.get(FILE_NAME)) is not None and named.sheet in contents.sheets:
        return named
    for sheet, grid in contents.sheets.items():
        for row in sorted(grid.values, reverse=True):
            for column, cell in enumerate(grid.values[row], start=1):
                if cell == FILE_TITLE:
                    return Address(sheet, row + 1, column)
    return None


def is_ours(contents: Contents) -> bool:
    """Whether bpsheet wrote the workbook, by its sheet About."""
    return _experiment_at(contents) is not None


def described(contents: Contents, made: type[P]) -> Stored[P]:
    """What a workbook was written from, its experiment as an object of the class `made`.

    Raises WorkbookError for a workbook that bpsheet did not write.
    """
    first = _experiment_at(contents)
    if first is None:
        raise WorkbookError(f"{contents.name}: {NOT_OURS}")
    about = contents.sheets[first.sheet]
    facts = {}
    for row, cells in about.values.items():
        written = [str(cell) for cell in cells if cell is not None]
        if row < first.row and written and written[0] in (KEPT, LAYOUT, SHEETS, TESTS):
            facts[written[0]] = written[-1]
    lines = [
        "".join(str(cell) for cell in about.values.get(row, ()) if cell is not None)
        for row in range(first.row, max(about.values, default=0) + 1)
    ]
    studies = tuple(re.split(r",\s*", facts[SHEETS])) if SHEETS in facts else ()
    if facts.get(LAYOUT) not in LAYOUTS or not set(studies) <= set(STUDIES):
        raise WorkbookError(f"{contents.name}: {NOT_OURS}")
    try:
        experiment = from_text(
            "\n".join(lines) + "\n",
            # A stranger may have written the workbook, so it may name no file of this machine.
            base=None,
            name=Path(contents.name).stem,
            source=f"{contents.name} (sheet {first.sheet})",
            made=made,
        )
    except ExperimentError as error:
        said = f"the experiment on its sheet {first.sheet} is damaged: {error}"
        raise WorkbookError(f"{contents.name}: {said}") from None
    return Stored(experiment, facts[LAYOUT], studies, facts.get(KEPT), TESTS in facts)


def experiment_in(
    path: Path, made: type[P], *, original: bool = False
) -> tuple[P, tuple[Edit, ...]]:
    """The experiment of a workbook as an object of the class `made`, and what was changed in it.

    The experiment has the numbers that stand in the cells now; with `original` those of its text.
    Raises WorkbookError for a workbook that cannot be read, or whose numbers do not fit.
    """
    with opened(path, OURS) as package:
        unchanged = original or (not package.is_ods and is_intact_package(package) is True)
        contents = contents_of(package, about_only=unchanged and not package.is_ods)
        if unchanged and not is_ours(contents):
            contents = contents_of(package)
    stored = described(contents, made)
    if unchanged:
        return stored.experiment, ()
    revision = revision_in(contents, stored)
    return with_edits(stored.experiment, revision), revision.edits


def revision_in(contents: Contents, stored: Stored[P]) -> Revision:
    """What was changed in a workbook since it was written. Raises LimitError, WorkbookError."""
    table = recorded_run(stored.experiment, stored.kind, stored.keep)
    studies = studies_of(table, stored.studies, {})
    sheets = sheets_of(table, stored.kind, studies, tests_follow=stored.tests_follow)
    return revision_of(contents, stored.experiment, sheets, table)


def studies_of(table: object, keys: tuple[str, ...], settings: dict[str, Settings]) -> list[Study]:
    """The studies of a whole run."""
    if not isinstance(table, Run):
        return []
    return [STUDIES[key](table, settings.get(key, {})) for key in keys]
