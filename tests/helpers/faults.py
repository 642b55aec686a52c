"""Faults planted in a cell's XML, and what verification says of them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import bpsheet as bp
from bpsheet.verifying.verify import Report
from tests.helpers.workbooks import DATA_PART, STEPS_PART


def wrong_in(report: Report) -> dict[str, tuple[str, ...]]:
    """The comparisons that failed, and what they say."""
    return {c.what: c.wrong for c in report.comparisons if not c.passed}


def cells_in(report: Report, stage: str) -> list[str]:
    return [line.split(" ")[0] for line in wrong_in(report).get(stage, ())]


def with_value(text: str) -> Callable[[str], str]:
    """The cell with another stored value."""
    return lambda xml: re.sub(r"<v>[^<]*</v>", f"<v>{text}</v>", xml)


def with_formula(text: str) -> Callable[[str], str]:
    """The cell with a formula of its own instead of its shared one, its value as it was."""
    return lambda xml: re.sub(r"<f[^>]*/>|<f[^>]*>[^<]*</f>", f"<f>{text}</f>", xml)


def recalculated(edited: Path, target: Path, changes: dict[str, float]) -> Path:
    """The edited workbook as a spreadsheet would save it: with the values that follow."""
    fresh = bp.load(edited).changed(changes).run().to_excel(target.with_name("fresh.xlsx"))
    with (
        zipfile.ZipFile(edited) as old,
        zipfile.ZipFile(fresh) as new,
        zipfile.ZipFile(target, "w") as package,
    ):
        for info in old.infolist():
            source = new if info.filename in (STEPS_PART, DATA_PART) else old
            package.writestr(info, source.read(info.filename))
    return target
