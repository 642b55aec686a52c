"""Exercises: an experiment with questions, and each student's copy of it.

An exercise is an experiment with a choice of questions. A task is one student's copy, which may
have its own numbers. The same parts give the same exercise and the same task again. So a filled-in
sheet carries no answers: its identity is enough to mark it.

>>> from bpsheet.api.opening import load
>>> task = Exercise(load("two-neuron"), ask=("forward",)).task("Ada")
>>> [line.name for line in task.lines if line.is_asked]
['z_g', 'g', 'z_f', 'f', 'MSE']
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bpsheet.engine.engine import run
from bpsheet.errors import ExperimentError, LimitError, Problem
from bpsheet.exercises.identity import FORMAT, Identity
from bpsheet.exercises.questions import Line, lines_of
from bpsheet.exercises.variants import varied
from bpsheet.hand.readings import in_textbook_form
from bpsheet.plan.plan import Plan
from bpsheet.program.kinds import STEPS, Phase
from bpsheet.runs.run import Run
from bpsheet.words import nearest, shown

__all__ = ["Exercise", "Task"]

MAX_ASKED = 1_000
MAX_ITERATIONS = 50
MAX_DIGITS = 10
VARIABLE = ("weights", "data")


@dataclass(frozen=True)
class Exercise:
    """An experiment and its questions.

    ask:        "forward", "backward", "update", or names of quantities
    iterations: the number of iterations that are asked, from the first
    digits:     the number of significant digits that each value needs
    vary:       the numbers that differ between students: "weights", "data" (the inputs)
    seed:       another seed gives other numbers

    Raises ExperimentError, with every problem, for choices that do not fit the experiment, and
    LimitError for a sheet that would be too long to fill in.
    """

    experiment: Plan
    ask: tuple[str, ...] = tuple(STEPS)
    iterations: int = 1
    digits: int = 3
    vary: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        program = in_textbook_form(self.experiment.program(iterations=1))
        names = [column.name for column in program if _may_be_asked(column.phase)]
        problems = [
            Problem("ask", f"{shown(name)} cannot be asked; {nearest(name, [*STEPS, *names])}")
            for name in self.ask
            if name not in STEPS and name not in names
        ]
        problems += [
            Problem("vary", f"{shown(name)} cannot be varied; known are weights, data")
            for name in self.vary
            if name not in VARIABLE
        ]
        if not self.ask:
            problems.append(Problem("ask", "nothing is asked"))
        for place, value, largest in (
            ("iterations", self.iterations, MAX_ITERATIONS),
            ("digits", self.digits, MAX_DIGITS),
        ):
            if not 1 <= value <= largest:
                problems.append(Problem(place, f"1 to {largest} expected; got {shown(value)}"))
        if not 0 <= self.seed < 2**63:
            problems.append(Problem("seed", "a whole number from 0 to 2^63 - 1 expected"))
        if problems:
            raise ExperimentError(problems, "exercise")

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that depend on the experiment and on the questions."""
        tables = self.experiment.to_dict()
        parts = {key: tables.get(key) for key in ("network", "data", "training", "initial")}
        for key in ("iterations", "epochs"):
            parts["training"] = {k: v for k, v in (parts["training"] or {}).items() if k != key}
        parts["notation"] = tables.get("notation")
        parts["exercise"] = [
            FORMAT,
            list(self.ask),
            self.iterations,
            self.digits,
            list(self.vary),
            self.seed,
        ]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def identity(self, student: str) -> Identity:
        """The identity that a sheet carries, by which it is recognised."""
        return Identity(
            exercise=self.experiment.name,
            student=student,
            ask=self.ask,
            iterations=self.iterations,
            digits=self.digits,
            vary=self.vary,
            seed=self.seed,
            fingerprint=self.fingerprint,
        )

    def task(self, student: str = "") -> Task:
        """One student's copy. A student gets the same copy again, whoever else is on the list."""
        # One row more: the weights after the last update.
        longer = self.experiment.changed({"iterations": self.iterations + 1})
        if self.vary and student:
            # Numbers are drawn only for a sheet that is short enough to fill in.
            _ = self._unvaried.lines
            key = f"{FORMAT}|{self.fingerprint}|{self.seed}|{student}"
            changes = varied(longer, self.vary, self.iterations, key)
            longer = longer.changed(changes)
        return Task(self, student, _in_textbook_form(Run.of(longer)))

    @cached_property
    def _unvaried(self) -> Task:
        return self.task()


def _in_textbook_form(trace: Run) -> Run:
    """The run with softmax as it is worked by hand, unless e^z is too large for that."""
    program = in_textbook_form(trace.program)
    if program is trace.program:
        return trace
    recording = run(program, len(trace))
    if not np.isfinite(recording.values).all():
        return trace
    return Run(trace.experiment, program, recording)


def _may_be_asked(phase: Phase) -> bool:
    return phase not in (Phase.INPUT, Phase.TEST)


@dataclass(frozen=True)
class Task:
    """One student's copy: the run with their numbers, and the lines of the sheet."""

    exercise: Exercise
    student: str
    trace: Run

    @property
    def identity(self) -> Identity:
        """The identity that the sheet carries, by which it is recognised."""
        return self.exercise.identity(self.student)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The sheet's lines, from the top: headings, given values, questions."""
        made = tuple(lines_of(self.trace, self.exercise.ask, self.exercise.iterations))
        asked = [line for line in made if line.is_asked]
        if len(asked) > MAX_ASKED:
            raise LimitError(
                f"{len(asked):,} values would be asked; a sheet asks for at most {MAX_ASKED:,}. "
                "Ask for fewer quantities, or fewer iterations"
            )
        if not asked:
            raise ExperimentError([Problem("ask", "this asks for nothing here")], "exercise")
        errors = [line for line in asked if not math.isfinite(self.exact(line))]
        if errors:
            first = errors[0]
            raise ExperimentError(
                [
                    Problem(
                        "ask",
                        f"{first.name} has no value in iteration {first.iteration}: it overflows",
                    )
                ],
                "exercise",
            )
        return made

    def exact(self, line: Line) -> float:
        """The value of a line's quantity."""
        place = self.trace.program.position[line.name]
        return float(self.trace.values[line.iteration - 1, place])
