"""Draws: the right values of a sheet for other given numbers, so that a formula can be told from a number."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from bpsheet.engine.rows import Cells
from bpsheet.exercises.exercise import Task
from bpsheet.exercises.questions import Line, Place
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Expr, Param, Ref, walk
from bpsheet.program.kinds import Role

__all__ = ["DRAWS", "Draw", "Sheet"]

DRAWS = 20
# The most times that numbers are drawn which do not overflow.
MOST_TRIES = 400


@dataclass(frozen=True)
class Draw:
    """The cells of a program for some given numbers, and all values by place."""

    cells: Cells
    values: Mapping[Place, float]

    def value(self, row: int, formula: Expr) -> float | None:
        """What a formula gives in a row; None for an error, or a row that is not there."""

        def look(ref: Ref) -> float:
            return self.values[row - ref.lag, ref.name]

        try:
            return self.cells.formula(formula, look)
        except (CellError, KeyError):
            return None


@dataclass(frozen=True)
class Sheet:
    """A task as its lines stand on a sheet: what a line's value is in a draw, and what it comes from."""

    task: Task

    @cached_property
    def own(self) -> Draw:
        """The task's own numbers."""
        trace = self.task.trace
        places = (
            (row, name) for row in range(1, len(trace.values) + 1) for name in trace.program.names
        )
        values = {
            (row, name): float(trace.values[row - 1, trace.program.position[name]])
            for row, name in places
        }
        return Draw(Cells.of(trace.program), values)

    @cached_property
    def draws(self) -> list[Draw]:
        """The same draws for the same task: other weights, data and hyper-parameters."""
        rng = random.Random(f"{self.task.exercise.fingerprint}|{self.task.student}")  # noqa: S311
        tries = (self._drawn(rng) for _ in range(MOST_TRIES))
        found = (draw for draw in tries if draw is not None)
        return [draw for draw, _ in zip(found, range(DRAWS), strict=False)]

    def _drawn(self, rng: random.Random) -> Draw | None:
        program = self.task.trace.program

        def moved(value: float) -> float:
            """A number that is not far from another one. What is 0 or 1 stays between them."""
            part = rng.uniform(0.1, 0.4)
            if value in (0, 1, -1):
                return part if value == 0 else value * (1 - part)
            return value * (1 + rng.choice((-1, 1)) * part)

        tables = {name: [moved(value) for value in table] for name, table in program.tables.items()}
        cells = Cells.of(program, tables)
        parameters = {
            name: moved(value) if isinstance(value, float) and value % 1 else value
            for name, value in cells.parameters.items()
        }
        cells = replace(cells, parameters=parameters)
        # The values before the first iteration that the sheet prints, such as a state of 0.
        given = {line.name for line in self.task.lines if line.iteration == 1 and not line.is_asked}
        values: dict[Place, float] = {}
        for row in range(1, self.task.exercise.iterations + 2):

            def look(ref: Ref, row: int = row) -> float:
                return values[row - ref.lag, ref.name]

            for column in program:
                if column.role in (Role.TEST_SUM, Role.TEST_OUTPUT, Role.VERDICT):
                    continue
                is_start = row == 1 and column.start is not None
                try:
                    if is_start and (column.role is Role.WEIGHT or column.name in given):
                        values[row, column.name] = moved(column.start or 0.0)
                    else:
                        values[row, column.name] = cells.value(column, row - 1, look)
                except (CellError, KeyError, IndexError):
                    return None
        return Draw(cells, values)

    def value(self, line: Line, draw: Draw) -> float | None:
        """The value of a line in a draw; None for a text, which no draw changes."""
        if line.iteration:
            return draw.values.get(line.place)
        by_label = {
            parameter.label: parameter.name for parameter in self.task.trace.program.parameters
        }
        value = draw.cells.parameters.get(by_label.get(line.name, ""))
        return value if isinstance(value, float) else None

    def sources(self, line: Line) -> list[Line]:
        """The lines that stand in the formula of an asked one. What is no line of the sheet is
        replaced by what it comes from.
        """
        program = self.task.trace.program
        lines = {line.place: line for line in self.task.lines if line.iteration}
        labels = {parameter.name: parameter.label for parameter in program.parameters}
        given = {line.name: line for line in self.task.lines if not line.iteration}
        found: dict[Line, None] = {}
        waiting, seen = [line.place], {line.place}
        while waiting:
            row, name = waiting.pop(0)
            formula = program[name].formula
            if formula is None or (program[name].is_state and row == 1):
                continue
            for node in walk(formula):
                if isinstance(node, Param) and labels.get(node.name) in given:
                    found[given[labels[node.name]]] = None
                if not isinstance(node, Ref) or (row - node.lag, node.name) in seen:
                    continue
                place = row - node.lag, node.name
                seen.add(place)
                if place[0] < 1:
                    continue
                if place in lines:
                    found[lines[place]] = None
                else:
                    waiting.append(place)
        return list(found)
