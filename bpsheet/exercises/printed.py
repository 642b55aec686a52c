"""A class's sheets in one file to print, and the solutions in another.

An installed browser prints them as pages. Without one LibreOffice prints them as a workbook.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from bpsheet.errors import EngineError, OutputError
from bpsheet.exercises.banks.picture import picture
from bpsheet.exercises.banks.question import table
from bpsheet.exercises.exercise import Exercise, Task
from bpsheet.exercises.fillin import printable_workbook
from bpsheet.files.ours import refuse_others
from bpsheet.files.seals import sealed_picture
from bpsheet.files.whole import replacing
from bpsheet.outside.browser import browser_command, page_as_pdf
from bpsheet.outside.office import as_pdf, libreoffice_command

__all__ = ["printable_page", "write_printed"]

LOOK = """
@page { size: A4; margin: 12mm }
body { font: 8.5pt sans-serif; color: #1f2937 }
section { break-after: page }
section:last-child { break-after: auto }
h1 { font-size: 14pt; margin: 0 0 1mm }
p { margin: 0 0 2mm }
.name { display: flex; justify-content: space-between }
svg { display: block; margin: 0 auto 2mm; max-width: 100%; max-height: 45mm }
table { border-collapse: collapse; width: 100% }
tr { break-inside: avoid }
th { text-align: left; background: #e2e8f0; padding: 0.4mm 2mm }
td { padding: 0.3mm 2mm }
td:first-child { font-weight: bold; white-space: nowrap }
td:nth-child(2) { width: 29mm; text-align: right }
.blank { display: inline-block; width: 26mm; min-height: 3.8mm; border: 0.3mm solid #64748b; padding: 0 1mm;
  text-align: right }
"""


def write_printed(
    exercise: Exercise, path: Path, names: Sequence[str] = (), *, force: bool = False
) -> tuple[Path, Path]:
    """Write a PDF file with a sheet for each student, and one with the solutions. Returns the paths.

    The second file is named after the first: sheets.pdf, sheets-solutions.pdf. Raises OutputError for
    a file of another name, NotReplacedError for a file that somebody has changed (`force` replaces
    it), and EngineError where neither a browser nor LibreOffice is installed.
    """
    if path.suffix.lower() != ".pdf":
        raise OutputError(f"{path}: the name of a file to print ends in .pdf")
    paths = path, path.with_name(f"{path.stem}-solutions.pdf")
    for target in paths:
        refuse_others(target, force=force)
    tasks = [exercise.task(name) for name in names or [""]]
    contents = [_pdf(tasks, target.name, solved=target is paths[1]) for target in paths]
    for target, content in zip(paths, contents, strict=True):
        with replacing(target) as stream:
            stream.write(sealed_picture(content, ".pdf"))
    return paths


def _pdf(tasks: Sequence[Task], name: str, *, solved: bool) -> bytes:
    if browser_command() is not None:
        return page_as_pdf(printable_page(tasks, solved=solved), name)
    if libreoffice_command() is not None:
        return as_pdf(printable_workbook(tasks, solved=solved), name)
    raise EngineError(
        f"{name}: a browser (Chrome, Edge or Chromium) or LibreOffice prints the sheets, and none of "
        "them is installed. Install one, or write workbooks and print those"
    )


def printable_page(tasks: Iterable[Task], *, solved: bool = False) -> str:
    """Tasks as one page for a browser, a section for each. `solved` fills them in."""
    sections = "\n".join(_section(task, solved=solved) for task in tasks)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Exercise</title>'
        f"<style>{LOOK}</style></head><body>\n{sections}\n</body></html>\n"
    )


def _section(task: Task, *, solved: bool) -> str:
    exercise = task.exercise
    title = exercise.experiment.title or exercise.experiment.name
    digits = exercise.digits
    shown = table(
        task.lines,
        lambda line: f'<span class="blank">{task.rounded(line) if solved else ""}</span>',
    )
    asked = f"Fill in the framed cells with at least {digits} significant digits."
    return (
        f"<section><h1>{escape(title)}{': solution' if solved else ''}</h1>"
        f'<p class="name"><span>Name: {escape(task.student) or "." * 60}</span>'
        f"<span>Exercise {escape(exercise.experiment.name)} {exercise.fingerprint}</span></p>"
        f"<p>{'' if solved else asked}</p>{picture(task) or ''}{shown}</section>"
    )
