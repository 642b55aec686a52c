"""Comparing hand calculations with a run: a judgement for each value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bpsheet.errors import HandError
from bpsheet.hand.judge import Judged, Judgement, judge
from bpsheet.hand.reading import Hand, hand_values, of_experiment, read_csv
from bpsheet.hand.report import Report
from bpsheet.runs.run import Run

__all__ = ["compare", "first_mistake_first", "judged"]


def judged(trace: Run, hand: Hand | str | Path | None, decimal: str) -> Judged:
    """The judgements of hand values, in the order in which they are computed.

    `hand` is a dict, a DataFrame, the path of a CSV file or of a filled-in exercise (.xlsx), or
    None for the experiment's table [hand]. Raises HandError for hand values that cannot be read,
    that are empty, or that go beyond the run.
    """
    if hand is None:
        hand = of_experiment(trace.experiment.hand)
    elif isinstance(hand, str | Path):
        if Path(hand).suffix.lower() == ".xlsx":
            return _filled_in(trace, Path(hand), decimal)
        hand = read_csv(Path(hand))
    values = hand_values(hand, trace.program.names)
    if not values:
        raise HandError(["there are no hand values"])
    last = max(iteration for iteration, _ in values)
    if last > len(trace):
        raise HandError(
            [f"there is a value for iteration {last}, but the run has {len(trace)} iterations"]
        )
    return judge(trace, values, decimal=decimal)


def _filled_in(trace: Run, path: Path, decimal: str) -> Judged:
    """The judgements of a filled-in exercise, over the numbers on its sheet."""
    from bpsheet.exercises.grade import read_filled

    task, filled = read_filled(path, trace.experiment)
    return judge(task.trace, filled.answers, decimal=decimal)


def first_mistake_first(judgements: Sequence[Judgement]) -> list[Judgement]:
    """The judgements of the mistakes, in their order, and then those of the right values."""
    return sorted(judgements, key=lambda judgement: judgement.verdict.is_right)


def compare(trace: Run, hand: Hand | str | Path | None, decimal: str) -> Report:
    """The report of hand values: see `Trace.compare`."""
    return Report.of(judged(trace, hand, decimal))
