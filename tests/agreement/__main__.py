"""The report: `python -m tests.agreement`; see the package's docstring."""

from __future__ import annotations

import argparse
import datetime as dt
import platform
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from bpsheet import __version__
from bpsheet.plan.templates import template_names
from bpsheet.verifying.engines import ENGINES
from tests.helpers.layers_at_random import layered
from tests.helpers.strategies import experiments, graphs

from . import __doc__ as about
from .draw import MOST_CELLS, Case, drawn, of_templates
from .engines import engine_version, reports
from .tally import Line

TESTS = Path(__file__).parents[1]
HEADS = ("", "workbooks", "cells", "errors among them", "largest difference", "after changes")
HEADS += ("beyond tolerance", "errors apart", "known")
NOTES = f"""
- *cells*: all cells of the rows, and of the sheet Matrices in the layout matrix, twice: recalculated
  as they are, and with three cells changed. A template has at most {MOST_CELLS:,} cells a time.
- *errors among them*: those that should hold an error.
- *largest difference*: relative, or to a thousandth of 1 or of the largest number of the column
  where that is more; *after changes*, with the three cells changed.
- *beyond tolerance*: cells that differ by more than 1e-12 (1e-10 after changes, and in gnumeric and formulon).
- *errors apart*: cells of which one side holds an error and the other a number.
- *known*: workbooks, whose cells are counted, that differ only as the engine is known to.

## What engines are known to do otherwise

The table is in `bpsheet/verifying/deviations.py`; `tests/agreement/known.py` tells where it applies.

"""


def deviations(engines: Sequence[str]) -> str:
    """The table of what the engines do otherwise than Excel."""
    rows = [("engine", "what it does", "why"), ("---",) * 3]
    rows += [(name, d.what, d.why) for name in engines for d in ENGINES[name].deviations]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def markdown(lines: dict[str, Line]) -> str:
    """The table of one engine."""
    total = Line()
    rows = [HEADS, ("---", *("---:",) * (len(HEADS) - 1))]
    for name, line in lines.items():
        rows.append((name, *_figures(line)))
        total += line
    rows.append(("**all**", *_figures(total)))
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
    return text + "".join(f"\nNot explained: {wrong}\n" for wrong in total.wrong)


def _figures(line: Line) -> tuple[str, ...]:
    counts = (line.workbooks, line.cells, line.errors)
    largest = (line.unchanged, line.changed)
    rest = (line.apart, line.on_errors, line.explained)
    return (
        *(f"{count:,}" for count in counts),
        *(f"{size:.1e}" if size else "0" for size in largest),
        *(str(count) for count in rest),
    )


def report(cases: Sequence[Case], engines: Sequence[str], asked: str) -> tuple[str, bool]:
    """The whole report, and whether nothing is wrong."""
    today = dt.datetime.now(dt.UTC).date()
    text = f"# Agreement of spreadsheet engines\n\nMade by `{asked}` on {today}: bpsheet "
    text += f"{__version__}, Python {platform.python_version()}, NumPy {np.__version__}.\n{NOTES}"
    text += deviations(engines)
    tables: dict[str, defaultdict[str, Line]] = {name: defaultdict(Line) for name in engines}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("engines", total=len(cases) * len(engines))
        for case, name, found in reports(cases, engines, lambda: progress.advance(task)):
            tables[name][case.group].add(case, name, found)
    for name, lines in tables.items():
        text += f"\n## {name} {engine_version(name)}\n\n{markdown(lines)}"
    return text, not any(line.wrong for lines in tables.values() for line in lines.values())


def main() -> None:
    """Draw, recalculate, compare, and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.agreement",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=500, help="experiments drawn (500)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws others (1)")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--templates", nargs="*", default=template_names(), help="default: all")
    parser.add_argument("-o", "--output", type=Path, default=TESTS / "agreement.md")
    chosen = parser.parse_args()
    strategies = {
        "random networks": experiments(),
        "random graphs": graphs(),
        "random layers": layered(),
    }
    cases = of_templates(chosen.templates) + drawn(strategies, chosen.count, chosen.seed)
    asked = f"python -m tests.agreement --count {chosen.count} --seed {chosen.seed} "
    asked += f"--engines {' '.join(chosen.engines)}"
    text, is_right = report(cases, chosen.engines, asked)
    chosen.output.write_text(text)
    print(f"Wrote {chosen.output}")
    sys.exit(not is_right)


if __name__ == "__main__":
    main()
