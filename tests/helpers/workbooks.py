"""The smallest experiment, and the cells of a workbook as they are stored."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import bpsheet as bp

STEPS_PART = "xl/worksheets/sheet1.xml"
DATA_PART = "xl/worksheets/sheet2.xml"
KINDS = ("full", "book")
# Enough rows for two epochs of iris; the other templates run as long as they say.
SHORTER = {"iris": 310}
# A cell's XML in, its XML out.
CellEdit = Callable[[str], str]


def one_weight(w=0.5, rate=0.1, x=2.0, y=3.0, iterations=3, **more) -> bp.Experiment:
    """x · w → o, the smallest experiment there is."""
    return bp.Experiment(
        network=bp.Network(
            inputs=["x"],
            targets=["y"],
            loss="half_squared_error",
            layers=[bp.Layer(neurons=["o"], activation="linear", weights=[[w]], bias=False)],
        ),
        data=bp.Data(examples=[[x, y]]),
        training=bp.Training(learning_rate=rate, iterations=iterations),
        **more,
    )


def part(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as package:
        return package.read(name).decode()


def cell_xml(content: str, place: str) -> re.Match[str]:
    """A cell's element in a sheet's XML."""
    found = re.search(rf'<c r="{place}"[^>]*?(/>|>.*?</c>)', content)
    assert found, f"no cell {place}"
    return found
