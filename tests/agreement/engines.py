"""Every case through every engine, by `verify`; files go to LibreOffice many at a time."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bpsheet.guard import OURS, Guarded, opened
from bpsheet.verifying.engines import ENGINES, Recalculate, _strip, libreoffice_command
from bpsheet.verifying.verify import Report, verify
from bpsheet.workbook.reading import read_values
from bpsheet.xlsx.cells import FIRST_ROW

from .draw import Case, three_changes

__all__ = ["KNOWN", "engine_version", "reports"]

# formualizer is here as a third witness, with nothing in common with the other two.
KNOWN = ("ironcalc", "libreoffice", "formualizer")
# So many files does one process of LibreOffice open, one after another.
BATCH = 100


def engine_version(engine: str) -> str:
    """The engine's version, as it tells it."""
    if engine != "libreoffice":
        return version(engine)
    command = libreoffice_command()
    assert command, "LibreOffice is not installed"
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[1]


def reports(
    cases: Sequence[Case], engine: str, progress: Callable[[], None] = lambda: None
) -> Iterator[tuple[Case, Report]]:
    """What `verify` finds in the workbook of each case."""
    size = BATCH if engine == "libreoffice" else 1
    for first in range(0, len(cases), size):
        batch = cases[first : first + size]
        with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
            files = [Path(folder) / f"{number}.xlsx" for number in range(len(batch))]
            for case, file in zip(batch, files, strict=True):
                case.trace.to_excel(file, case.kind)
            if engine == "libreoffice":
                _ask_libreoffice(batch, files, Path(folder))
            with _answering(engine, Path(folder) / "done"):
                for case, file in zip(batch, files, strict=True):
                    yield case, verify(file, engine, three_changes(case.trace))
                    progress()


def _named(package: Guarded, changes: object) -> str:
    return f"{Path(package.name).stem}-{'changed' if changes else 'same'}.xlsx"


@contextmanager
def _engine(name: str, recalculate: Recalculate) -> Iterator[None]:
    assert isinstance(ENGINES, dict)
    before = ENGINES.get(name)
    ENGINES[name] = recalculate
    try:
        yield
    finally:
        del ENGINES[name]
        if before is not None:
            ENGINES[name] = before


def _ask_libreoffice(cases: Sequence[Case], files: Sequence[Path], folder: Path) -> None:
    """`verify` once, only to see which files it wants calculated; then all of them at once."""
    asked = folder / "asked"
    asked.mkdir()

    def asking(package, sheets, changes):
        _strip(package, asked / _named(package, changes), changes)
        return [np.full((len(s), len(s.layout.shown)), None, dtype=object) for s in sheets]

    with _engine("libreoffice", asking):
        for case, file in zip(cases, files, strict=True):
            verify(file, "libreoffice", three_changes(case.trace))
    command = libreoffice_command()
    assert command, "LibreOffice is not installed"
    profile = (folder / "profile").as_uri()
    subprocess.run(
        [command, f"-env:UserInstallation={profile}", "--headless", "--convert-to"]
        + ["xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "done")]
        + [str(file) for file in sorted(asked.iterdir())],
        capture_output=True,
        check=True,
        timeout=3600,
    )


@contextmanager
def _answering(engine: str, folder: Path) -> Iterator[None]:
    """With the engine among those that `verify` knows; LibreOffice's answers lie in a folder."""

    def answering(package, sheets, changes):
        with opened(folder / _named(package, changes), OURS) as saved:
            return [read_values(saved, sheet) for sheet in sheets]

    if engine == "ironcalc":
        yield
    else:
        with _engine(engine, answering if engine == "libreoffice" else _formualizer):
            yield


def _formualizer(package, sheets, changes):
    import formualizer

    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        bare = Path(folder) / "workbook.xlsx"
        _strip(package, bare, changes)
        book = formualizer.load_workbook(str(bare))
    book.evaluate_all()
    found = []
    for sheet in sheets:
        values = np.full((len(sheet), len(sheet.layout.shown)), None, dtype=object)
        for index, shown in enumerate(sheet.layout.shown):
            for row in range(len(sheet)):
                value = book.get_value(sheet.name, row + FIRST_ROW, shown.place)
                values[row, index] = f"#{value['kind']}" if isinstance(value, dict) else value
        found.append(values)
    return found
