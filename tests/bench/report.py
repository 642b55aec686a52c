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

from .measure import MACHINE, Result
from .processes import processes
from .recording import recording
from .waiting import waiting
from .workbooks import workbooks

PARTS = {"recording": recording, "workbooks": workbooks, "processes": processes, "waiting": waiting}

# A quiet machine does the same work in the same time, but for so much.
RESTLESS = 0.1


def table(results: list[Result]) -> Table:
    """A line for each ratio; those without a bar are limits, or for information."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("what", "against", "figure", "±", "bar", "", "measured"):
        made.add_column(head, justify="right" if head in ("figure", "±", "bar") else "left")
    for result in results:
        bar = "" if result.bar is None else f"{'≤' if result.at_most else '≥'} {result.bar:g}"
        met = {True: "met", False: "[bold]not met[/bold]", None: ""}[result.is_met]
        figure = f"{result.figure:,.3g} {result.unit}"
        known = "" if result.give_or_take is None else f"{100 * result.give_or_take:.0f} %"
        made.add_row(result.what, result.against, figure, known, bar, met, result.detail)
    return made


def said_of_machine(restless: float) -> str:
    """Whether the figures of this run can be compared with another's."""
    work = f"The same piece of work took {100 * restless:.0f} % longer at one time than at another"
    if restless > RESTLESS:
        return f"{work}: the machine was not quiet, and seconds tell little."
    return f"{work}: the machine was quiet."


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
            "restless": MACHINE.restless(),
        }
        json.dump(
            {**about, "results": [result.as_dict() for result in results]}, sys.stdout, indent=1
        )
        print()
    else:
        console = Console(width=max(Console().width, 170))
        console.print(table(results), f"\n{said_of_machine(MACHINE.restless())}")
