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
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from bpsheet.engine.engine import run
from bpsheet.errors import BpsheetError, ExperimentError, LimitError, Problem
from bpsheet.exercises.identity import FORMAT, Identity
from bpsheet.exercises.questions import Line, lines_of
from bpsheet.exercises.variants import Start, are_codes, is_telling, start_of, varied
from bpsheet.hand.numbers import decimals_needed
from bpsheet.hand.readings import in_textbook_form
from bpsheet.plan.plan import Plan
from bpsheet.program.kinds import STEPS, Phase
from bpsheet.runs.run import Run
from bpsheet.words import among, nearest, shown

__all__ = ["Exercise", "Task", "worked_by_hand"]

EXAMPLE_SAID = "The number of the first example"
ITERATION_SAID = "The first weights are those of this iteration, rounded"
MAX_ASKED = 1_000
MAX_ITERATIONS = 50
MAX_DIGITS = 10
ANSWERS = ("values", "formulas")
VARIABLE = ("weights", "data", "example", "iteration")
# The latest iteration whose weights are taken: its run is short.
MAX_ITERATION = 1_000


@dataclass(frozen=True)
class Exercise:
    """An experiment and its questions.

    ask:        "forward", "backward", "update", or names of quantities
    iterations: the number of iterations that are asked, from the first
    digits:     the number of significant digits that each value needs
    vary:       what differs between students: "weights", "data" (the inputs; another example where
                they are codes such as 0 and 1), "example", "iteration"
    seed:       another seed gives other numbers
    example:    the number of the example that comes first
    iteration:  the iteration whose weights, rounded to three digits, are the first ones
    answers:    "values" (numbers as text), or "formulas" (formulas of the spreadsheet)

    Raises ExperimentError, with every problem, for choices that do not fit the experiment, and
    LimitError for a sheet that would be too long to fill in.
    """

    experiment: Plan
    ask: tuple[str, ...] = tuple(STEPS)
    iterations: int = 1
    digits: int = 3
    vary: tuple[str, ...] = ()
    seed: int = 0
    example: int | None = None
    iteration: int = 1
    answers: str = ANSWERS[0]

    def __post_init__(self) -> None:
        program = in_textbook_form(self.experiment.program(iterations=1))
        names = [column.name for column in program if _may_be_asked(column.phase)]
        problems = [
            Problem("ask", f"{shown(name)} cannot be asked; {nearest(name, [*STEPS, *names])}")
            for name in self.ask
            if name not in STEPS and name not in names
        ]
        problems += [
            Problem("vary", f"{shown(name)} cannot be varied; {among(name, VARIABLE)}")
            for name in self.vary
            if name not in VARIABLE
        ]
        problems += self._example_problems()
        if self.answers not in ANSWERS:
            said = f"{' or '.join(ANSWERS)} expected; got {shown(self.answers)}"
            problems.append(Problem("answers", said))
        if not self.ask:
            problems.append(Problem("ask", "nothing is asked"))
        for place, value, largest in (
            ("iterations", self.iterations, MAX_ITERATIONS),
            ("digits", self.digits, MAX_DIGITS),
            ("iteration", self.iteration, MAX_ITERATION),
        ):
            if not 1 <= value <= largest:
                problems.append(Problem(place, f"1 to {largest} expected; got {shown(value)}"))
        if not 0 <= self.seed < 2**63:
            problems.append(Problem("seed", "a whole number from 0 to 2^63 - 1 expected"))
        if problems:
            raise ExperimentError(problems, "exercise")

    @classmethod
    def of(cls, plan: Plan, identity: Identity) -> Exercise | None:
        """The exercise that an identity names; None where it is that of another experiment."""
        try:
            made = cls(
                plan,
                ask=identity.ask,
                iterations=identity.iterations,
                digits=identity.digits,
                vary=identity.vary,
                seed=identity.seed,
                example=identity.example,
                iteration=identity.iteration,
                answers=identity.answers,
            )
        except BpsheetError:
            return None
        return made if made.fingerprint == identity.fingerprint else None

    def _example_problems(self) -> list[Problem]:
        """What does not fit the experiment's data."""
        plan = self.experiment
        if not plan.has_data:
            chosen = {"data", "example"} & set(self.vary)
            problems = [Problem("vary", "these formulas have no data; vary the weights")] * bool(
                chosen
            )
            if self.example is not None:
                problems.append(Problem("example", "these formulas have no data"))
            return problems
        problems = []
        count = plan.example_count
        if self.example is not None and not 1 <= self.example <= count:
            said = f"1 to {count} expected; got {shown(self.example)}"
            problems.append(Problem("example", said))
        if self.draws_example and (self.example is not None or count == 1):
            reason = (
                "there is one example" if count == 1 else f"the sheet is on example {self.example}"
            )
            what = "example" if "example" in self.vary else "data"
            codes = "" if what == "example" else "the inputs are codes such as 0 and 1, and "
            said = f"{what} cannot vary: {codes}{reason}; vary the weights or the iteration"
            problems.append(Problem("vary", said))
        return problems

    @cached_property
    def draws_example(self) -> bool:
        """Whether each student gets an example: on request, or as the inputs have no other numbers."""
        has_codes = "data" in self.vary and self.experiment.has_data and are_codes(self.experiment)
        return "example" in self.vary or has_codes

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that depend on the experiment and on the questions."""
        tables = self.experiment.to_dict()
        parts = {key: tables.get(key) for key in ("network", "data", "training", "initial")}
        for key in ("iterations", "epochs"):
            parts["training"] = {k: v for k, v in (parts["training"] or {}).items() if k != key}
        parts |= {key: tables[key] for key in ("graph", "functions") if tables.get(key)}
        parts["notation"] = tables.get("notation")
        parts["exercise"] = [
            FORMAT,
            list(self.ask),
            self.iterations,
            self.digits,
            list(self.vary),
            self.seed,
            self.example,
            self.iteration,
            self.answers,
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
            example=self.example,
            iteration=self.iteration,
            answers=self.answers,
            fingerprint=self.fingerprint,
        )

    def task(self, student: str = "") -> Task:
        """One student's copy. A student gets the same copy again, whoever else is on the list."""
        return self._kept(student)

    @cached_property
    def _kept(self) -> Callable[[str], Task]:
        """The copies that were made last: a sheet's is asked for when it is read and when it is marked."""
        return lru_cache(maxsize=64)(self._made)

    def _made(self, student: str) -> Task:
        # One row more: the weights after the last update.
        length = {"iterations": self.iterations + 1}
        if self.vary and student:
            # Numbers are drawn only for a sheet that is short enough to fill in.
            _ = self._unvaried.lines
            start = varied(
                self.experiment,
                self.vary,
                self.iterations,
                f"{FORMAT}|{self.fingerprint}|{self.seed}|{student}",
                example=self.example,
                iteration=self.iteration,
            )
        else:
            start = self._start
        longer = self.experiment.changed({**start.changes, **length})
        return Task(self, student, worked_by_hand(Run.of(longer)), start)

    @property
    def remark(self) -> str:
        """What a teacher should know of the example that was chosen; nothing where all is as said."""
        start = self._start
        if self.draws_example or not self.experiment.has_data:
            return ""
        if self.example is None and start.example is not None and self.iteration == 1:
            return f"The sheet is on example {start.example}, as all inputs of the first one are 0."
        if self.example is not None and not is_telling(self.experiment, self.example):
            return f"All inputs of example {self.example} are 0, so most gradients are 0, too."
        return ""

    @cached_property
    def _start(self) -> Start:
        return start_of(self.experiment, self.example, self.iteration)

    @cached_property
    def _unvaried(self) -> Task:
        return self.task()


def worked_by_hand(trace: Run) -> Run:
    """The run with softmax as it is worked by hand, unless e^z is too large for that."""
    program = in_textbook_form(trace.program)
    if program is trace.program:
        return trace
    recording = run(program, len(trace))
    if not np.isfinite(recording.values).all():
        return trace
    return Run(trace.experiment, program, recording)


def _may_be_asked(phase: Phase) -> bool:
    return phase not in (Phase.INPUT, Phase.VALIDATION, Phase.TEST)


@dataclass(frozen=True)
class Task:
    """One student's copy: the run with their numbers, and the lines of the sheet."""

    exercise: Exercise
    student: str
    trace: Run
    start: Start

    @property
    def identity(self) -> Identity:
        """The identity that the sheet carries, by which it is recognised."""
        return self.exercise.identity(self.student)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The sheet's lines, from the top: headings, given values, questions."""
        made = tuple(
            lines_of(self.trace, self.exercise.ask, self.exercise.iterations, self._about_start)
        )
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

    @property
    def _about_start(self) -> list[Line]:
        """The lines that say which example and iteration the sheet is on."""
        made = []
        if self.start.example is not None:
            made.append(Line("example", meaning=EXAMPLE_SAID, value=float(self.start.example)))
        if self.start.iteration is not None:
            made.append(
                Line("iteration", meaning=ITERATION_SAID, value=float(self.start.iteration))
            )
        return made

    def exact(self, line: Line) -> float:
        """The value of a line's quantity."""
        place = self.trace.program.position[line.name]
        return float(self.trace.values[line.iteration - 1, place])

    def rounded(self, line: Line) -> str:
        """The value of a line's quantity with the digits that are asked."""
        exact = self.exact(line)
        return f"{exact:.{decimals_needed(exact, self.exercise.digits)}f}"
