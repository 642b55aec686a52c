"""What follows from the answers that are typed, as live formulas on the sheet of answers.

The columns of the program run over the typed numbers there, as they do in the judge: in the line
`typed` each number stands for itself, in the line `own` for what it was without its rounding. A
width beside them says by how much the rounding of what is typed may move each value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from openpyxl.utils.cell import column_index_from_string

from bpsheet.exercises.exercise import Task
from bpsheet.exercises.livemarks import CANDIDATES
from bpsheet.exercises.livewidth import followed_width, typed_width
from bpsheet.exercises.questions import Place
from bpsheet.formula.tree import Expr, Ref
from bpsheet.printers.excel import Cell, ExcelPrinter
from bpsheet.program.column import Column

__all__ = ["FOLLOWED", "LINES", "Followed", "follow"]

# The columns of each line: of what follows from the answers, and of what is used from there on.
LINES = {"L": "M", "N": "O"}
FOLLOWED = tuple(LINES)
# The columns of half the width of what follows, and of what an answer stands for.
WIDTH, TYPED_WIDTH = "Y", "Z"
# An empty row of the sheet: what a formula refers to before the first iteration.
BEFORE = 1


@dataclass
class Followed:
    """Cells of the sheet of answers: formulas, typed numbers and words, by their addresses."""

    # The rows of the nearest earlier answers, by the row of each answer.
    sources: dict[int, list[int]] = field(default_factory=dict)
    formulas: dict[str, str] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    typed: dict[str, float | str] = field(default_factory=dict)


def follow(task: Task, rows: Mapping[Place, int], free: int) -> Followed:
    """The cells for what follows from answers. `rows` has the rows of the answers, `free` is the
    first row below them.
    """
    return _Follower(task, rows, free).followed


class _Follower:
    def __init__(self, task: Task, rows: Mapping[Place, int], free: int) -> None:
        self.trace = task.trace
        self.program = task.trace.program
        self.answers = rows
        self.rows = dict(rows)
        self.free = free
        self.parameters: dict[str, int] = {}
        self.moving = self._moving()
        self.followed = Followed()
        waiting = list(rows)
        seen = set(waiting)
        while waiting:
            place = waiting.pop()
            for source in self._sources(place) if place in self.moving else ():
                if source not in seen:
                    seen.add(source)
                    self.rows.setdefault(source, self._next())
                    waiting.append(source)
        for place, row in self.rows.items():
            self._write(place, row)
        for place, row in rows.items():
            self.followed.sources[row] = self._nearest(place)

    def _next(self) -> int:
        self.free += 1
        return self.free - 1

    def _column(self, place: Place) -> Column:
        return self.program[place[1]]

    def _sources(self, place: Place) -> list[Place]:
        row, column = place[0], self._column(place)
        if column.formula is None or (column.is_state and row == 1):
            return []
        return [(row - ref.lag, ref.name) for ref in column.references if row > ref.lag]

    def _moving(self) -> set[Place]:
        """The answers that use other answers, and all that stands between them."""
        found: set[Place] = set()
        last = max(row for row, _ in self.answers)
        for row in range(1, last + 1):
            for column in self.program:
                place = (row, column.name)
                sources = self._sources(place)
                if any(source in self.answers or source in found for source in sources):
                    found.add(place)
        return found

    def _nearest(self, place: Place) -> list[int]:
        """The rows of the answers that lead to a place, directly or through no other answer."""
        found: set[int] = set()
        waiting, seen = [place], {place}
        while waiting:
            for source in self._sources(waiting.pop()):
                if source in self.answers:
                    found.add(self.answers[source])
                elif source in self.moving and source not in seen:
                    seen.add(source)
                    waiting.append(source)
        return sorted(found)

    def _exact(self, place: Place) -> float:
        return float(self.trace.values[place[0] - 1, self.program.position[place[1]]])

    def _write(self, place: Place, row: int) -> None:
        exact = self._exact(place)
        for line, used in LINES.items():
            if place in self.moving:
                self._formula(f"{line}{row}", self._text(place, used), exact)
            if place in self.answers:
                otherwise = f"{line}{row}" if place in self.moving else f"A{row}"
                self._formula(f"{used}{row}", self._answer(row, line, otherwise), exact)
            elif place in self.moving:
                self._formula(f"{used}{row}", f"{line}{row}", exact)
            else:
                self.followed.typed[f"{used}{row}"] = exact
        if place in self.moving:
            self._formula(f"{WIDTH}{row}", self._width(place), 0.0)
        if place in self.answers:
            candidates = CANDIDATES if place in self.moving else CANDIDATES[:1]
            otherwise = f"{WIDTH}{row}" if place in self.moving else "0"
            self._formula(f"{TYPED_WIDTH}{row}", typed_width(row, candidates, otherwise), 0.0)

    def _formula(self, address: str, text: str, value: float) -> None:
        """Put a formula into a cell, with its value before any answer."""
        self.followed.formulas[address] = f"={text}"
        self.followed.values[address] = value

    @staticmethod
    def _answer(row: int, line: str, otherwise: str) -> str:
        """The number that an answer stands for: itself, or what it was without its rounding."""
        number = f"J{row}/10^I{row}"
        if line == FOLLOWED[1]:
            exact = f"IF(R{row},A{row},{number})"
            number = f"IF(T{row},{line}{row},{exact})" if otherwise != f"A{row}" else exact
        return f"IF(H{row},{number},{otherwise})"

    def _width(self, place: Place) -> str:
        """Half the width of what follows, over the numbers as they are typed."""
        widths: dict[Ref, str] = {}
        for ref in self._column(place).references:
            source = place[0] - ref.lag, ref.name
            if source in self.answers:
                widths[ref] = f"{TYPED_WIDTH}{self.rows[source]}"
            elif source in self.moving:
                widths[ref] = f"{WIDTH}{self.rows[source]}"
        printer = self._printer(place, LINES[FOLLOWED[0]])
        return followed_width(self._form(place), widths, printer.text)

    def _text(self, place: Place, used: str) -> str:
        return self._printer(place, used).text(self._form(place))

    def _form(self, place: Place) -> Expr:
        formula = self._column(place).formula
        assert formula is not None
        return formula

    def _printer(self, place: Place, used: str) -> ExcelPrinter:
        """The printer of a place's formula over the values in a column."""
        at = column_index_from_string(used)

        def cell(ref: Ref) -> Cell:
            source = place[0] - ref.lag, ref.name
            return Cell(at, self.rows[source] if source[0] > 0 else BEFORE)

        return ExcelPrinter(cell, self._parameter, lambda name: name, guard=True)

    def _parameter(self, name: str) -> str:
        """The address of a hyper-parameter's cell."""
        if name not in self.parameters:
            row = self.parameters[name] = self._next()
            value = next(p.value for p in self.program.parameters if p.name == name)
            self.followed.typed[f"M{row}"] = value
        return f"$M${self.parameters[name]}"
