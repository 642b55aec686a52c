"""Every case through every engine, by what `verify` is made of; many workbooks go to one process."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import bpsheet as bp
from bpsheet.verifying.engine import Package, Program
from bpsheet.verifying.engines import ENGINES
from bpsheet.verifying.verify import Prepared, Report

from .draw import Case, three_changes

__all__ = ["engine_version", "reports"]

# The cells of a workbook as it is, and with changes.
Values = tuple[object, object]
# So many workbooks are calculated together.
BATCH = 25
DISTRIBUTIONS = {"betteroffice": "betteroffice-xlsx"}


def engine_version(name: str) -> str:
    """The engine's version, as it tells it."""
    engine = ENGINES[name]
    if isinstance(engine, Package):
        return version(DISTRIBUTIONS.get(name, name))
    assert isinstance(engine, Program)
    engine.require()
    said = subprocess.run([engine.found, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"[0-9]+(?:\.[0-9]+)+", said.stdout)
    assert found, said
    return found[0]


def reports(
    cases: Sequence[Case], engines: Sequence[str], progress: Callable[[], None] = lambda: None
) -> Iterator[tuple[Case, str, Report | bp.EngineError]]:
    """What `verify` finds in the workbook of each case, in each engine; or that the engine fails."""
    for first in range(0, len(cases), BATCH):
        batch = cases[first : first + BATCH]
        with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
            prepared = []
            for number, case in enumerate(batch):
                file = Path(folder) / f"{number}.xlsx"
                case.trace.to_excel(file, case.kind)
                prepared.append(Prepared.of(file, three_changes(case.trace)))
        for name in engines:
            for case, each, found in zip(batch, prepared, _calculated(prepared, name), strict=True):
                is_there = not isinstance(found, bp.EngineError)
                yield case, name, each.report(ENGINES[name], found) if is_there else found
                progress()


def _calculated(prepared: Sequence[Prepared], name: str) -> list[Values | bp.EngineError]:
    """What the engine makes of each workbook; one that ends it ends none of the others."""
    try:
        values = ENGINES[name].recalculated([one for each in prepared for one in each.asked])
    except bp.EngineError as error:
        if len(prepared) == 1:
            return [error]
        return [found for each in prepared for found in _calculated([each], name)]
    return list(zip(values[::2], values[1::2], strict=True))
