"""The report: `python -m tests.bench [recording] [workbooks] [processes] [waiting] [--json]`."""

from __future__ import annotations

import argparse
import json
import platform
import sys

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from .measure import Result
from .processes import processes
from .recording import recording
from .waiting import waiting
from .workbooks import workbooks

PARTS = {"recording": recording, "workbooks": workbooks, "processes": processes, "waiting": waiting}


def table(results: list[Result]) -> Table:
    """A line for each ratio; those without a bar are limits, or for information."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("what", "against", "figure", "bar", "", "measured"):
        made.add_column(head, justify="right" if head in ("figure", "bar") else "left")
    for result in results:
        bar = "" if result.bar is None else f"{'≤' if result.at_most else '≥'} {result.bar:g}"
        met = {True: "met", False: "[bold]not met[/bold]", None: ""}[result.is_met]
        figure = f"{result.figure:,.3g} {result.unit}"
        made.add_row(result.what, result.against, figure, bar, met, result.detail)
    return made


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args()
    results: list[Result] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Measuring", total=None)
        for name in chosen.parts or PARTS:
            for result in PARTS[name]():
                results.append(result)
                progress.update(task, description=f"Measured {result.what}, {result.against}")
    if chosen.json:
        about = {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "machine": platform.machine(),
        }
        json.dump(
            {**about, "results": [result.as_dict() for result in results]}, sys.stdout, indent=1
        )
        print()
    else:
        Console(width=max(Console().width, 170)).print(table(results))


main()
