"""Comparing hand calculations, or the numbers of a program, with a run: a judgement for each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bpsheet.columns.presentation import ITERATION
from bpsheet.engine.engine import run
from bpsheet.errors import HandError, InputError
from bpsheet.exercises.typed import TypedOver, typed_over
from bpsheet.guard.arrays import read_npz
from bpsheet.hand.arrays import are_arrays, batch_of, from_arrays, gradients_of
from bpsheet.hand.batches import batch_gradient, with_batches
from bpsheet.hand.judge import Basis, Judged, Judgement, judge
from bpsheet.hand.numbers import NotANumber, Written, computed
from bpsheet.hand.reading import (
    Entries,
    Hand,
    digit_count,
    digits_of,
    hand_values,
    of_experiment,
    read_csv,
)
from bpsheet.hand.report import Report
from bpsheet.hand.student import Place, Values
from bpsheet.plan.plan import Plan
from bpsheet.program.program import Program
from bpsheet.runs.run import Run
from bpsheet.words import counted, strangers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare", "first_mistake_first", "judged", "judged_gradient", "run_for"]

# The relative error that a computed number may have, by its type, and the most digits of a number
# that somebody typed.
RTOL = {"float64": 1e-9, "float32": 2e-5, "float16": 2e-2, "bfloat16": 5e-2}
TYPED_DIGITS = {"float64": 8, "float32": 6}
# The endings of workbooks.
WORKBOOKS = (".xlsx", ".ods")
# More bytes are no set of small matrices.
MAX_FILE = 100_000_000


class _Extended(NamedTuple):
    """A run with the columns of whole batches."""

    program: Program
    values: Values


def judged(
    trace: Run,
    hand: Hand | Run | TypedOver | str | Path | None,
    decimal: str = ".",
    *,
    rtol: float | None = None,
    iteration: int = 1,
) -> Judged:
    """The judgements of hand values, in the order in which they are computed.

    `hand` is a dict, a DataFrame, arrays by layer, another run, the path of a CSV file, of an .npz
    file, of a filled-in exercise (.xlsx) or of a workbook with numbers typed over its formulas, or
    None for the experiment's table [hand]. Raises HandError for hand values that cannot be read,
    that are empty, or that go beyond the run.
    """
    if hand is None:
        hand = of_experiment(trace.experiment.hand)
    elif isinstance(hand, str | Path):
        path = Path(hand)
        if path.suffix.lower() in WORKBOOKS:
            hand = typed_over(path)
            if hand is None:
                return _filled_in(trace, path, decimal)
        else:
            hand = _arrays_in(path) if path.suffix.lower() == ".npz" else read_csv(path)
    elif isinstance(hand, Run):
        hand = hand.frame
    program = with_batches(trace.program)
    whole = None
    if isinstance(hand, TypedOver):
        entries: Entries = {
            place: entry for place, entry in hand.values.items() if place[1] in program.position
        }
        notes, labels = list(hand.notes(trace.experiment)), {}
    elif are_arrays(hand):
        assert isinstance(hand, Mapping)
        whole = _Extended(program, run(program, len(trace)).values)
        found = from_arrays(trace, whole, hand, iteration)
        entries = dict(found.numbers)
        notes, labels = found.notes, found.labels
    else:
        entries, unknown = hand_values(hand, program.names)
        told = strangers(unknown, program.names)
        said = f"not compared, since the run has no such quantity: {told}"
        notes = [said] * bool(unknown)
        labels = {}
    if not entries:
        raise HandError(["there are no hand values"])
    last = max(row for row, _ in entries)
    if last > len(trace):
        raise HandError(
            [
                f"there is a value for iteration {last}; the run has {counted(len(trace), 'iteration')}"
            ]
        )
    if whole is None and any(name not in trace.program.position for _, name in entries):
        whole = _Extended(program, run(program, len(trace)).values)
    basis: Basis = trace if whole is None else whole
    made = judge(basis, _written(entries, rtol), decimal=decimal)
    return replace(made, notes=(*_first_array(made, labels), *notes))


def judged_gradient(
    trace: Run,
    theirs: Hand | str | Path,
    *,
    rtol: float | None = None,
    iteration: int = 1,
) -> Judged:
    """The judgements of somebody's gradient: arrays by layer (W1 or dW1), or values by weight.

    In batches it is the gradient of the batch that the iteration belongs to.
    """
    if isinstance(theirs, str | Path):
        path = Path(theirs)
        is_npz = path.suffix.lower() == ".npz"
        theirs = _arrays_in(path) if is_npz else _first_row(read_csv(path))
    if not isinstance(theirs, Mapping):
        raise HandError(["a dict of arrays, or of numbers by their weights, expected"])
    program = with_batches(trace.program)
    if are_arrays(theirs):
        return judged(trace, gradients_of(theirs), rtol=rtol, iteration=iteration)
    slopes = {w.name: program.derivative_of(w.name) for w in program.leaves}
    last = batch_of(trace, iteration)[-1]
    values: dict[Place, object] = {}
    for name, value in theirs.items():
        gradient = slopes.get(str(name)) or str(name)
        whole = batch_gradient(gradient)
        values[last, whole if whole in program.position else gradient] = value
    return judged(trace, values, rtol=rtol)


def _first_row(frame: pd.DataFrame) -> dict[str, object]:
    """The values of a table by quantity: `quantity, value`, or a column for each quantity."""
    if {"quantity", "value"} <= set(frame.columns):
        return dict(zip(frame["quantity"], frame["value"], strict=True))
    return {str(name): frame[name].iloc[0] for name in frame.columns if name != ITERATION}


def run_for(plan: Plan, hand: Hand | TypedOver | str | Path | None, iteration: int = 1) -> int:
    """How many iterations a run needs for some hand values: one more than they reach.

    The row after the last has the weights after its update.
    """
    if isinstance(hand, Path) and hand.suffix.lower() == ".npz":
        examples = plan.example_count
        return iteration + examples
    if isinstance(hand, TypedOver):
        return max(row for row, _ in hand.values) + 1
    if hand is None:
        hand = of_experiment(plan.hand)
    elif isinstance(hand, str | Path):
        hand = read_csv(Path(hand))
    entries, _ = hand_values(hand, with_batches(plan.program(iterations=1)).names)
    return max((row for row, _ in entries), default=1) + 1


def _arrays_in(path: Path) -> dict[str, Any]:
    """The arrays of an .npz file. Raises HandError where it cannot be read."""
    try:
        return read_npz(path, MAX_FILE)
    except InputError as error:
        raise HandError([f"cannot be read as arrays ({error})"], str(path)) from None


def _written(entries: Entries, rtol: float | None) -> dict[Place, str | Written | NotANumber]:
    """What is judged: texts by their digits, and numbers as computed ones or as typed ones.

    Numbers of few digits, all of them, were typed: 0.42 claims two digits, as a text would.
    """
    numbers = [entry for entry in entries.values() if not isinstance(entry, str)]
    is_typed = rtol is None and all(_is_short(*number) for number in numbers)

    def one(entry: str | tuple[float, str]) -> str | Written | NotANumber:
        if isinstance(entry, str):
            return entry
        number, kind = entry
        text = digits_of(number, kind)
        return text if is_typed else computed(number, text, rtol or RTOL.get(kind, RTOL["float64"]))

    return {place: one(entry) for place, entry in entries.items()}


def _is_short(number: float, kind: str) -> bool:
    return digit_count(number, kind) <= TYPED_DIGITS.get(kind, 6) and bool(np.isfinite(number))


def _first_array(made: Judged, labels: Mapping[Place, str]) -> list[str]:
    """Where the first mistake stands in the arrays."""
    first = next((one for one in made.judgements if not one.verdict.is_right), None)
    if first is None or first.place not in labels:
        return []
    return [f"the first array that differs is {labels[first.place]}, which is {first.quantity}"]


def _filled_in(trace: Run, path: Path, decimal: str) -> Judged:
    """The judgements of a filled-in exercise, over the numbers on its sheet."""
    from bpsheet.exercises.grade import numbers_on, read_filled

    task, filled = read_filled(path, trace.experiment)
    numbers, said = numbers_on(filled, decimal if decimal != "." else None)
    return replace(judge(task.trace, numbers), notes=tuple(said))


def first_mistake_first(judgements: Sequence[Judgement]) -> list[Judgement]:
    """The judgements of the mistakes, in their order, and then those of the right values."""
    return sorted(judgements, key=lambda judgement: judgement.verdict.is_right)


def compare(
    trace: Run,
    hand: Hand | Run | str | Path | None,
    decimal: str,
    *,
    rtol: float | None,
    iteration: int,
) -> Report:
    """The report of hand values: see `Trace.compare`."""
    return Report.of(judged(trace, hand, decimal, rtol=rtol, iteration=iteration))
