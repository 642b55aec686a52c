"""What the command line prints: short tables, and a progress bar for long work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bpsheet.health.diagnosis import diagnose
from bpsheet.printers.text import formula_text
from bpsheet.program.kinds import TITLES, Phase
from bpsheet.runs.epochs import TestsRight
from bpsheet.runs.overview import (
    ends_of,
    first_error_sentence,
    main_columns,
    value_text,
    verdicts_in_words,
    verdicts_sentence,
)
from bpsheet.runs.run import Run

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.status import Status

    from bpsheet.runs.longrun import LongRun
    from bpsheet.verifying.verify import Report

__all__ = [
    "changes_in_words",
    "late_progress",
    "late_status",
    "long_summary",
    "run_table",
    "show_iteration",
    "summary",
    "verify_table",
]

# A bar that flashes by is worse than none.
PATIENCE = 1.0

# Of what went wrong in a run, and of what `verify` changed.
MOST_SENTENCES, MOST_CHANGES = 3, 3
# A longer table is not read, and takes a minute to lay out.
MOST_ROWS = 200


@contextmanager
def late_progress(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function that reports how much is done; a bar appears when the work lasts over a second."""
    began = time.monotonic()
    bar: Progress | None = None

    def done(count: int) -> None:
        nonlocal bar
        if bar is None:
            # Into a file a bar would leave an empty line.
            if time.monotonic() - began < PATIENCE or not console.is_terminal:
                return
            bar = _bar(console)
            bar.start()
            bar.add_task(what, total=total)
        bar.update(bar.task_ids[0], completed=count)

    try:
        yield done
    finally:
        if bar is not None:
            bar.stop()


def _bar(console: Console) -> Progress:
    # Loaded where somebody waits: most commands are done before.
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


@contextmanager
def late_status(console: Console, what: str) -> Iterator[None]:
    """Say what is going on, where it lasts over a second and nothing can be counted."""
    status: Status | None = None

    def begin() -> None:
        nonlocal status
        status = console.status(what)
        status.start()

    timer = Timer(PATIENCE, begin)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if status is not None:
            status.stop()


def run_table(trace: Run, width: int = 80) -> Table:
    """The first and the last iterations: what was presented, what came out, the loss."""
    wanted = main_columns(trace, width)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("iteration", justify="right")
    for column in wanted:
        table.add_column(Text(column.name), justify="right", no_wrap=True)
    for row in ends_of(trace):
        if row is None:
            table.add_row(*["…"] * (len(wanted) + 1), style="dim")
        else:
            number = f"{trace.recording.iterations[row]}"
            table.add_row(number, *(Text(value_text(trace, row, column)) for column in wanted))
    return table


def long_summary(run: LongRun) -> list[str]:
    """The summary of a run that is not in memory. The diagnosis is of its first iterations."""
    lines, beginning = [], run.beginning()
    found = diagnose(beginning).sentences[:MOST_SENTENCES]
    if run.first_error is not None and beginning.first_error is None:
        lines.append(first_error_sentence(run.first_error))
    if found:
        lines += [f"Of the first {len(beginning):,} iterations:", *found]
    tests = TestsRight(run.program)
    if tests:
        last = int(tests.count(run.ends.values[-1:])[0])
        lines.append(verdicts_in_words(last, len(tests), run.first_right))
    return lines


def summary(trace: Run) -> list[str]:
    """A few plain sentences about a run: what went wrong in it, and its tests."""
    lines = diagnose(trace).sentences[:MOST_SENTENCES]
    tests = verdicts_sentence(trace)
    return lines if tests is None else [*lines, tests]


def show_iteration(trace: Run, iteration: int) -> Iterator[Table]:
    """One iteration, a table for each phase: quantity, value, formula; of very many the first."""
    for phase in Phase:
        columns, title = trace.program.phase(phase), TITLES[phase]
        if not columns:
            continue
        table = Table(
            box=None,
            title=title,
            title_justify="left",
            title_style="bold",
            show_header=False,
            pad_edge=False,
            padding=(0, 2, 0, 0),
        )
        table.add_column("quantity", no_wrap=True)
        table.add_column("value", justify="right", no_wrap=True)
        table.add_column("formula", style="dim")
        for column in columns[:MOST_ROWS]:
            typed = column.formula is None or (iteration == 1 and column.is_state)
            formula = "" if typed or column.formula is None else formula_text(column.formula)
            value = value_text(trace, iteration - 1, column)
            table.add_row(Text(column.name), Text(value), Text(formula))
        if len(columns) > MOST_ROWS:
            table.add_row("…", "", f"and {len(columns) - MOST_ROWS:,} more")
        yield table


def changes_in_words(changes: Mapping[str, float | str]) -> str:
    """The changes that a verification made: the first few, and how many more."""
    said = [
        f"{name} = {value:.6g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in changes.items()
    ]
    more = f" and {len(said) - MOST_CHANGES:,} more" if len(said) > MOST_CHANGES else ""
    return ", ".join(said[:MOST_CHANGES]) + more


def verify_table(report: Report) -> Table:
    """The comparisons of a verification, a line each."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("compared with a fresh run", "cells", "largest difference", "at", ""):
        table.add_column(head, justify="left" if head in ("", "at") else "right")
    table.columns[0].justify = "left"
    for comparison in report.comparisons:
        verdict = (
            Text(comparison.note or "passed", "yellow" if comparison.note else "green")
            if comparison.passed
            else Text(f"{len(comparison.wrong):,} wrong", "bold red")
        )
        table.add_row(
            comparison.what,
            f"{comparison.cells:,}",
            f"{comparison.largest:.1e} (allowed {comparison.tolerance:.0e})",
            comparison.where or "-",
            verdict,
        )
    return table
