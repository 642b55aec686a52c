"""LibreOffice, where it is installed: it turns other programs' workbooks into .xlsx, and any into PDF."""

from __future__ import annotations

import shutil

from bpsheet.errors import EngineError
from bpsheet.files.whole import temporary_folder
from bpsheet.outside.process import Task, run_engine

__all__ = ["as_pdf", "as_xlsx", "libreoffice_command"]

MEMORY = 4_000_000_000
# What LibreOffice may take for a small workbook, in seconds.
TIMEOUT = 60


def libreoffice_command() -> str | None:
    """The path of LibreOffice's program, or None."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def as_xlsx(content: bytes, ending: str, name: str) -> bytes:
    """A workbook in another format (such as `.xls`), saved as .xlsx by LibreOffice.

    `name` is the file's name in messages. Raises EngineError where LibreOffice is not installed, or
    cannot open the workbook. Macros are not run.
    """
    if libreoffice_command() is None:
        raise EngineError(
            f"{name}: {ending} is read through LibreOffice, which is not installed; save it as .xlsx"
        )
    return _converted(content, ending, "xlsx:Calc MS Excel 2007 XML", name)


def as_pdf(content: bytes, name: str) -> bytes:
    """A workbook (.xlsx) printed as PDF, sheet after sheet.

    Raises EngineError where LibreOffice is not installed, or cannot open the workbook.
    """
    if libreoffice_command() is None:
        raise EngineError(f"{name}: LibreOffice is not installed")
    return _converted(content, ".xlsx", "pdf:calc_pdf_Export", name)


def _converted(content: bytes, ending: str, target: str, name: str) -> bytes:
    command = libreoffice_command()
    assert command is not None
    with temporary_folder() as folder:
        source = folder / "in" / f"workbook{ending}"
        source.parent.mkdir()
        source.write_bytes(content)
        task = Task("LibreOffice", name, memory=MEMORY)
        output = run_engine(
            [
                command,
                f"-env:UserInstallation={(folder / 'profile').as_uri()}",
                "--headless",
                "--convert-to",
                target,
                "--outdir",
                str(folder),
                str(source),
            ],
            task,
            temporary=folder,
            timeout=TIMEOUT,
        )
        made = folder / f"workbook.{target.partition(':')[0]}"
        if not made.exists():
            raise task.failed(output)
        return made.read_bytes()
