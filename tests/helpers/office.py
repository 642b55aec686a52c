"""Workbooks that other programs have edited: LibreOffice by a macro, Gnumeric by ssconvert."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["gnumeric", "in_libreoffice"]

# A line for each step: what to do, the sheet, and more words. `\t` parts them.
MACRO = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Edits" script:language="StarBasic">
Sub Make(steps As String)
  Dim words, doc, sheet, hidden(0) As New com.sun.star.beans.PropertyValue
  Dim saved(0) As New com.sun.star.beans.PropertyValue
  hidden(0).Name = "Hidden" : hidden(0).Value = True
  saved(0).Name = "FilterName"
  file = FreeFile
  Open steps For Input As #file
  While Not Eof(file)
    Line Input #file, text
    words = Split(text, Chr(9))
    If words(0) = "open" Then
      doc = StarDesktop.loadComponentFromURL(words(1), "_blank", 0, hidden())
    ElseIf words(0) = "save" Then
      doc.calculateAll()
      saved(0).Value = IIf(Right(words(1), 4) = ".ods", "calc8", "Calc MS Excel 2007 XML")
      doc.storeToURL(words(1), saved())
      doc.close(True)
    ElseIf words(0) = "new sheet" Then
      doc.Sheets.insertNewByName(words(1), 0)
    Else
      sheet = doc.Sheets.getByName(words(1))
      Select Case words(0)
      Case "value" : sheet.getCellRangeByName(words(2)).Value = Val(words(3))
      Case "text" : sheet.getCellRangeByName(words(2)).String = words(3)
      Case "formula" : sheet.getCellRangeByName(words(2)).Formula = words(3)
      Case "empty" : sheet.getCellRangeByName(words(2)).clearContents(23)
      Case "rename" : sheet.Name = words(2)
      Case "insert column" : sheet.Columns.insertByIndex(CLng(words(2)) - 1, 1)
      Case "delete column" : sheet.Columns.removeByIndex(CLng(words(2)) - 1, 1)
      Case "insert row" : sheet.Rows.insertByIndex(CLng(words(2)) - 1, 1)
      Case "delete rows" : sheet.Rows.removeByIndex(CLng(words(2)) - 1, CLng(words(3)))
      Case "fill" : sheet.getCellRangeByName(words(2)).fillAuto(com.sun.star.sheet.FillDirection.TO_BOTTOM, CLng(words(3)))
      End Select
    End If
  Wend
  Close #file
  StarDesktop.terminate()
End Sub
</script:module>
"""
LIBRARY = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE library:library PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "library.dtd">
<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard" library:readonly="false" library:passwordprotected="false">
 <library:element library:name="Edits"/>
</library:library>
"""
Step = Sequence[object]


def in_libreoffice(
    command: str, folder: Path, source: Path, edits: Mapping[str, Sequence[Step]]
) -> dict[str, Path]:
    """The workbooks that LibreOffice makes of one, each by some steps; by the names of the edits.

    A step is ("value", "Steps", "H8", 0.9), ("insert column", "Steps", 3) and so on: see `MACRO`. A name
    that ends in .ods is saved as such. One process makes all of them.
    """
    office = [command, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
    # The first start fills the profile, and would replace a macro that is there already.
    subprocess.run(
        [*office, "--terminate_after_init"], check=True, capture_output=True, timeout=120
    )
    standard = folder / "profile" / "user" / "basic" / "Standard"
    (standard / "script.xlb").write_text(LIBRARY)
    (standard / "Edits.xba").write_text(MACRO)
    targets = {}
    lines = []
    for number, (name, steps) in enumerate(edits.items()):
        target = folder / f"edited-{number}{'.ods' if name.endswith('.ods') else '.xlsx'}"
        targets[name] = target
        lines.append(f"open\t{source.as_uri()}")
        lines += ["\t".join(map(str, step)) for step in steps]
        lines.append(f"save\t{target.as_uri()}")
    (folder / "steps.txt").write_text("\n".join(lines) + "\n")
    subprocess.run(
        [*office, "--norestore", f'macro:///Standard.Edits.Make("{folder / "steps.txt"}")'],
        check=True,
        capture_output=True,
        timeout=300,
    )
    missing = [name for name, target in targets.items() if not target.exists()]
    assert not missing, f"LibreOffice has not made {missing}"
    return targets


def gnumeric(source: Path, target: Path, *cells: str) -> Path:
    """A workbook that Gnumeric has opened, changed (`Steps!H8=0.9`), calculated and saved."""
    command = shutil.which("ssconvert")
    assert command is not None
    given = [f"--set={cell}" for cell in cells]
    subprocess.run(
        [command, *given, *(["--recalc"] if given else []), str(source), str(target)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return target
