"""The smallest experiment, and the cells of a workbook as they are stored."""

from __future__ import annotations

import functools
import itertools
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from openpyxl import Workbook, load_workbook

import bpsheet as bp
from tests.helpers.samples import sampled, small_templates

STEPS_PART = "xl/worksheets/sheet1.xml"
DATA_PART = "xl/worksheets/sheet2.xml"
KINDS = ("full", "book")
# Each template in each layout; by default in one or the other.
WORKBOOKS = sampled(
    itertools.product(small_templates(), KINDS),
    ("two-neuron", "full"),
    ("two-neuron", "book"),
    ("multiway-classification", "full"),
    ("exploding", "book"),
    ("line-adam", "full"),
    ("n-samples", "book"),
    ("book-perceptron", "book"),
)
# Enough rows for more than an epoch of iris; most other templates run as long as they say.
SHORTER = {"iris": 160, "two-neuron": 40}
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


@functools.lru_cache(maxsize=16)
def book_of(path: Path, *, data_only: bool = False) -> Workbook:
    """A workbook that no test changes, read once for several."""
    return load_workbook(path, data_only=data_only)


def part(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as package:
        return package.read(name).decode()


def cell_xml(content: str, place: str) -> re.Match[str]:
    """A cell's element in a sheet's XML."""
    found = re.search(rf'<c r="{place}"[^>]*?(/>|>.*?</c>)', content)
    assert found, f"no cell {place}"
    return found
