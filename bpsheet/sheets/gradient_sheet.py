"""The lines of the new sheet: each value on the way, its derivative, and a step for the parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bpsheet.errors import LimitError, WorkbookError
from bpsheet.formula.evaluate import evaluate
from bpsheet.formula.tree import Expr, Ref, Sum, total
from bpsheet.sheets.areas import MAX_ROWS, Area
from bpsheet.sheets.runs import LONG, Run, divided
from bpsheet.sheets.slopes import MAX_FORMULA, SLOPE, Derivative, Slopes, too_long
from bpsheet.sheets.tape import SheetPrinter
from bpsheet.sheets.way import Way
from bpsheet.words import counted
from bpsheet.xlsx.addition import AddedRow

__all__ = ["FIRST_ROW", "gradient_lines"]

# A sum that is too long for one cell is divided into parts of so many terms.
PART = 50
# The rows of the loss and the learning rate, and the first row of the table.
LOSS_ROW, RATE_ROW, FIRST_ROW = 3, 4, 8
RATE_CELL = f"$B${RATE_ROW}"
SLOPE_COLUMN = 5
NOTE = (
    "Every number except the learning rate is a formula of cells in other sheets. Which cells a "
    "look-up finds, which are empty and which sides constant tests choose is as it was when this "
    "sheet was made."
)


def gradient_lines(
    way: Way, slopes: Slopes, file: str, rate: float, *, ascent: bool
) -> list[AddedRow]:
    """All lines of the new sheet. Raises LimitError where a formula would be too long."""
    return _Table(way, slopes, rate, ascent=ascent).lines(file)


def _ordered(way: Way, slopes: Slopes) -> list[Derivative]:
    """First the parameters, then the rest from the loss backwards; cells of a column together."""
    parameters = [slopes.by_name[place.name] for place in way.parameters]
    names = {row.name for row in parameters}
    places = way.tape.places

    def order(row: Derivative) -> tuple[int, int, str, int, int]:
        place = places[row.cell]
        return row.level, row.number, place.sheet, place.column, place.row

    rest = [row for row in slopes.by_name.values() if row.name not in names]
    return [*parameters, *sorted(rest, key=order)]


class _Table:
    def __init__(self, way: Way, slopes: Slopes, rate: float, *, ascent: bool) -> None:
        self.way = way
        self.slopes = slopes
        self.rate = rate
        self.ascent = ascent
        self.order = _ordered(way, slopes)
        self.rows = {row.name: FIRST_ROW + index for index, row in enumerate(self.order)}
        self.printer = SheetPrinter(self._address)
        self.remarks: dict[str, list[str]] = {}
        for cell, text in way.tape.remarks:
            self.remarks.setdefault(cell, []).append(text)
        for name in slopes.steps:
            self.remarks.setdefault(name, []).append(
                "it moves the loss by jumps only: the slope is 0"
            )
        self.parts: list[AddedRow] = []

    def _address(self, ref: Ref) -> str:
        row = self.rows.get(ref.name.removeprefix(SLOPE)) if ref.name.startswith(SLOPE) else None
        return f"$E${row}" if row is not None else self.way.tape.places[ref.name].address

    def _area(self, ref: Ref) -> Area:
        """A reference's cell; those of the new sheet itself have no sheet's name."""
        row = self.rows.get(ref.name.removeprefix(SLOPE)) if ref.name.startswith(SLOPE) else None
        if row is not None:
            return Area("", row, SLOPE_COLUMN, row, SLOPE_COLUMN)
        place = self.way.tape.places[ref.name]
        return Area(place.sheet, place.row, place.column, place.row, place.column)

    def lines(self, file: str) -> list[AddedRow]:
        """The title, the loss, the learning rate, then a line for each row, then parts of long sums."""
        loss = self.way.loss
        heads = (
            "Cell", "What", "Formula", "Value", f"d {loss.name} / d cell", "Step", "After the step",
            "Remark",
        )  # fmt: skip
        value = self.way.items[loss].value
        lines = [self._line(row) for row in self.order]
        if FIRST_ROW + len(lines) + len(self.parts) > MAX_ROWS:
            raise LimitError(f"{counted(len(lines), 'row')}: more than a sheet has")
        return [
            AddedRow(1, (f"The derivatives of {loss.name}, in {file}",), is_title=True),
            AddedRow(2, (NOTE,)),
            AddedRow(LOSS_ROW, ("Loss", (loss.address, value))),
            AddedRow(RATE_ROW, ("Learning rate", float(self.rate))),
            AddedRow(
                FIRST_ROW - 2, ("First the parameters, then the cells from the loss backwards.",)
            ),
            AddedRow(FIRST_ROW - 1, heads, is_title=True),
            *lines,
            *self.parts,
        ]

    def _line(self, row: Derivative) -> AddedRow:
        number, way = self.rows[row.name], self.way
        is_parameter = row.item.is_cell and row.name not in way.texts
        text = self._text(row.name, row.formula)
        value = float(way.tape.numbers.get(row.name, row.item.value))  # type: ignore[arg-type]
        if row.item.is_cell:
            kind = (
                "parameter"
                if is_parameter
                else "loss"
                if row.name == way.loss.name
                else "on the way"
            )
            shown, source = way.texts.get(row.name, ""), way.tape.places[row.name].address
        else:
            kind, source = "part of a formula", self.printer.text(row.item.expr)
            _refuse_text(row.name, source)
            shown = source
        cells: tuple[object, ...] = (
            row.name, kind, shown, (source, value), (text, row.slope),
        )  # fmt: skip
        step = self.rate * row.slope * (1 if self.ascent else -1)
        if is_parameter:
            if not math.isfinite(value + step):
                raise WorkbookError(
                    f"{row.name}: its derivative, {row.slope:g}, is too large for a step"
                )
            sign = "" if self.ascent else "-"
            cells += (
                (f"{sign}{RATE_CELL}*E{number}", step),
                (f"D{number}+F{number}", value + step),
            )
        if row.item.is_cell and row.name in self.remarks:
            cells += ("",) * (7 - len(cells)) + ("; ".join(self.remarks[row.name]),)
        return AddedRow(number, cells)

    def _text(self, name: str, formula: Expr) -> str:
        """The formula of a derivative. A long sum is written over ranges, or gets lines of its own."""
        if isinstance(formula, Sum) and len(formula.terms) >= LONG:
            return self._sum(name, formula)
        text = self.printer.text(formula)
        _refuse_text(name, text)
        return text

    def _sum(self, name: str, whole: Sum) -> str:
        runs, rest = divided(whole.terms, self._area)
        texts = [self._run(run) for run in runs]
        if len(rest) <= PART:
            if rest:
                text = self.printer.text(total(rest))
                joined = "+".join(
                    [*texts, text if not (texts and text.startswith("-")) else f"({text})"]
                )
                if len(joined) <= MAX_FORMULA:
                    return joined
            elif len(joined := "+".join(texts)) <= MAX_FORMULA:
                return joined
        cells = [self._part(name, text, run.terms) for text, run in zip(texts, runs, strict=True)]
        for begin in range(0, len(rest), PART):
            terms = rest[begin : begin + PART]
            cells.append(self._part(name, self.printer.text(total(terms)), terms))
        while len(cells) > 1_000:
            cells = [
                self._cell(name, f"SUM({cells[b]}:{cells[min(b + 999, len(cells) - 1)]})", 0.0)
                for b in range(0, len(cells), 1_000)
            ]
        return f"SUM({cells[0]}:{cells[-1]})"

    def _part(self, name: str, text: str, terms: list[Expr]) -> str:
        """A line for a part of a sum, and its cell."""
        known = self.slopes.values
        value = evaluate(total(terms), lambda ref: known[ref.name], self.way.tape.known, {})
        return self._cell(name, text, value)

    def _cell(self, name: str, text: str, value: float) -> str:
        _refuse_text(name, text)
        row = FIRST_ROW + len(self.rows) + len(self.parts)
        self.parts.append(
            AddedRow(row, (f"part of {name}", "part of a sum", "", "", (text, value)))
        )
        return f"E{row}"

    def _run(self, run: Run) -> str:
        """A run of alike terms as one function of ranges."""
        names: Mapping[str, str] = {
            str(index): area.address if area.sheet else _own(area)
            for index, area in enumerate(run.areas)
        }
        text = SheetPrinter(lambda ref: names[ref.name]).text(run.shape)
        return f"SUM({text})" if isinstance(run.shape, Ref) else f"SUMPRODUCT({text})"


def _own(area: Area) -> str:
    first = f"$E${area.top}"
    return first if area.size == 1 else f"{first}:$E${area.bottom}"


def _refuse_text(name: str, text: str) -> None:
    if len(text) > MAX_FORMULA:
        raise too_long(name, f"{len(text):,}")
