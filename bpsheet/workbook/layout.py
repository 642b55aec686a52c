"""The columns that a sheet shows, where they stand, and the formulas of their cells.

A layout is a choice among the columns of one program. A hidden column is written into the one
formula that uses it. A column is shown after all where several formulas or the next row use it,
or where the formula would become too long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from openpyxl.utils.cell import absolute_coordinate, coordinate_to_tuple, get_column_letter

from bpsheet.errors import LimitError
from bpsheet.formula.statistics import STATISTICS
from bpsheet.formula.tree import (
    Div,
    Expr,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Ref,
    Sub,
    Sum,
    replace_refs,
    size,
)
from bpsheet.printers.excel import Cell, ColumnCell, ExcelPrinter
from bpsheet.program.column import Column, Uses, uses_of
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program
from bpsheet.workbook.inlining import MAX_INLINED, to_inline
from bpsheet.workbook.traits import LAYOUTS, Traits
from bpsheet.xlsx.cells import FIRST_ROW, PARAMETER_ROW
from bpsheet.xlsx.markup import escaped

__all__ = ["STEPS", "Layout", "Shown", "full_layout", "make_layout", "quoted"]

# The name of the sheet with the run.
STEPS = "Steps"


# The rows of Data that look-ups cover at the least. Gnumeric takes a range of a single cell for an error.
LEAST_DATA = 2

# So many columns of an example may stay in view: the book has two inputs and a target.
MOST_FROZEN = 3

# What a worksheet holds.
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
MAX_FORMULA = 8_192

# These nodes are printed once each, with fewer characters of their own than LONGEST_NODE: the longest
# is a look-up in a column of Data. A function may repeat its argument.
PLAIN = frozenset({Num, Param, Ref, Lookup, Neg, Sum, Sub, Mul, Div})
LONGEST_NODE = 80

# A part of the zip file of 2 GiB or more would need the extension for large files. The cells
# above and below the rows take less than 1 MiB.
MAX_PART = (1 << 31) - (1 << 20)
# The lengths of the XML of an empty row, cell and formula, and of the longest number.
EMPTY_ROW = len('<row r="1048576"></row>')
EMPTY_CELL = len('<c r="1048576" s="12"><v></v></c>')
EMPTY_FORMULA, EMPTY_SHARED, OF_WORDS = map(len, ("<f></f>", '<f t="shared" si=""/>', ' t="str"'))
NUMBER = len("-1.2345678901234567e-100")


def quoted(sheet: str) -> str:
    """A sheet's name as a formula writes it."""
    return sheet if sheet.isalnum() else f"'{sheet}'"


@dataclass(frozen=True)
class Shown:
    """A column on the sheet.

    `place` is its number on the sheet, from 1. `formula` has the hidden columns written in; it
    is None where the values are typed: given columns and, in the layout book, the data.
    """

    column: Column
    place: int
    formula: Expr | None

    @cached_property
    def letter(self) -> str:
        return get_column_letter(self.place)

    @cached_property
    def uses(self) -> Uses:
        """What is in its formula."""
        return self.column.uses if self.formula is self.column.formula else uses_of(self.formula)

    @property
    def looks_back(self) -> bool:
        """Whether its formula refers to the row before."""
        return any(ref.lag for ref in self.uses.references)

    @property
    def is_shared(self) -> bool:
        """Whether its formula is stored once, for all rows.

        Excel never shares formulas that look into another sheet.
        """
        return self.formula is not None and Lookup not in self.uses.kinds

    @property
    def is_surely_short(self) -> bool:
        """Whether a cell holds its formula, however its names are spelled.

        A wide network has thousands of short formulas, so that this saves printing each one twice.
        """
        return self.uses.size * LONGEST_NODE <= MAX_FORMULA and self.uses.kinds <= PLAIN

    @property
    def starts_typed(self) -> bool:
        """Whether the first row is a typed number: an initial weight."""
        return self.formula is None or self.column.start is not None


@dataclass(frozen=True)
class Layout:
    """The columns of a sheet.

    `guarded` names the columns whose functions are written in their safe form, since the plain
    form would overflow in this run. (The safe form repeats its argument, which may be long.)
    `ranges` gives the cells of the tables that formulas look up; by default they are on the
    sheet Data. `above` is the sheet that this sheet continues, and the last row there. `tests_follow`
    says that tests which repeat an example of the data have its cells on the sheet Data.
    """

    traits: Traits
    program: Program
    shown: tuple[Shown, ...]
    examples: int
    guarded: frozenset[str] = frozenset()
    ranges: Mapping[str, str] | None = None
    above: tuple[str, int] | None = None
    tests_follow: bool = False

    first_row = FIRST_ROW

    @cached_property
    def by_name(self) -> Mapping[str, Shown]:
        return {entry.column.name: entry for entry in self.shown}

    @cached_property
    def parameter_cells(self) -> Mapping[str, str]:
        """The cell of each hyper-parameter's value: B5, D5, …"""
        return {
            parameter.name: f"{get_column_letter(2 * index)}{PARAMETER_ROW}"
            for index, parameter in enumerate(self.program.parameters, start=1)
        }

    def parameter_place(self, parameter: str) -> int:
        """The column of a hyper-parameter's value, from 1. Its label stands to the left of it."""
        return coordinate_to_tuple(self.parameter_cells[parameter])[1]

    def absolute_cell(self, parameter: str) -> str:
        """A hyper-parameter's cell as a formula writes it: $B$5."""
        return absolute_coordinate(self.parameter_cells[parameter])

    @cached_property
    def data_ranges(self) -> Mapping[str, str]:
        """The cells of each table: the inputs and targets on the sheet Data."""
        if self.ranges is not None:
            return self.ranges
        last = max(self.examples, LEAST_DATA) + 1
        return {
            name: f"Data!${letter}$2:${letter}${last}" for name, letter in self.data_letters.items()
        }

    @cached_property
    def data_letters(self) -> Mapping[str, str]:
        return {
            name: get_column_letter(index)
            for index, name in enumerate(self.program.tables, start=2)
        }

    @property
    def following(self) -> dict[str, str]:
        """The formulas of the hyper-parameters that follow from the data, by their names.

        They look at the sheet Data; in the layout book at the first rows, which show each example once.
        """
        ranges = self.data_ranges
        if not self.traits.data_sheet and self.ranges is None:
            last = FIRST_ROW + self.examples - 1
            ranges = {
                name: f"${shown.letter}${FIRST_ROW}:${shown.letter}${last}"
                for name, shown in self.by_name.items()
            }
        return {
            p.name: STATISTICS[p.follows[0]].excel.format(ranges[p.follows[1]])
            for p in self.program.parameters
            if p.follows is not None
        }

    @cached_property
    def rows_per_sheet(self) -> int:
        """The number of iterations that a worksheet of this layout holds."""
        size = EMPTY_ROW
        for number, shown in enumerate(self.shown):
            size += EMPTY_CELL + len(shown.letter) + NUMBER
            if shown.is_shared:
                size += EMPTY_SHARED + len(str(number))
            elif shown.formula is not None:
                size += EMPTY_FORMULA
                size += len(escaped(self.formula(shown.column.name, MAX_ROWS) or ""))
            if shown.column.labels:
                size += OF_WORDS + max(len(escaped(label)) for label in shown.column.labels)
        return min(MAX_ROWS - FIRST_ROW + 1, MAX_PART // size)

    def block(self, first: str, last: str, iterations: int) -> str:
        """The cells of the columns from `first` to `last` in all rows, as another sheet's formula
        writes them.
        """
        left, right = self.by_name[first].letter, self.by_name[last].letter
        return f"{STEPS}!${left}${FIRST_ROW}:${right}${self.last_row(iterations)}"

    @property
    def has_data_sheet(self) -> bool:
        """Whether the workbook has the sheet Data: not where the examples hold no numbers."""
        return self.traits.data_sheet and bool(self.program.tables)

    @property
    def frozen(self) -> int:
        """The number of columns that stay in view: the iteration's, or a short example's without it."""
        first = self.shown[0].column
        if first.role is Role.ITERATION:
            return 1
        presented = [s.place for s in self.shown if s.column.phase is Phase.INPUT]
        return presented[-1] if presented and presented[-1] <= MOST_FROZEN else 0

    def last_row(self, iterations: int) -> int:
        return FIRST_ROW + iterations - 1

    def starts_typed(self, shown: Shown) -> bool:
        """Whether a column's cell in the first row is a typed number."""
        return shown.formula is None or (shown.starts_typed and self.above is None)

    def formula(self, name: str, row: int | str) -> str | None:
        """The formula of a column's cell in a row, without the leading `=`; None for a typed cell.

        `row` may be a mark that the row's number replaces later, for a formula of one row alone.
        """
        entry = self.by_name.get(name)
        if entry is None or entry.formula is None:
            return None
        if row == FIRST_ROW and self.starts_typed(entry):
            return None

        text = self.text(entry.formula, row, guard=self.traits.safe_forms or name in self.guarded)
        if entry.column.labels is not None:
            no, yes = entry.column.labels
            return f'IF({text},"{yes}","{no}")'
        return text

    def condition(self, formula: Expr) -> str:
        """A formula over the cells of the first row, on which the look of other cells depends."""
        return self.text(formula, FIRST_ROW, kind=ColumnCell)

    def text(
        self, formula: Expr, row: int | str, *, guard: bool = False, kind: type[Cell] = Cell
    ) -> str:
        """A formula over the cells of a row."""
        return self._printer(row, kind, guard=guard).text(formula)

    @cached_property
    def _printer(self) -> Callable[..., ExcelPrinter]:
        """Gives the printer for the cells of a row, the same for all of its formulas."""
        places = {name: entry.place for name, entry in self.by_name.items()}

        @lru_cache(maxsize=8)
        def printer(row: int | str, kind: type[Cell], *, guard: bool) -> ExcelPrinter:
            def cell(ref: Ref) -> Cell:
                place = places[ref.name]
                if not ref.lag:
                    return kind(place, row)
                if self.above is not None and row == FIRST_ROW:
                    sheet, last = self.above
                    return kind(place, last, f"{quoted(sheet)}!")
                return kind(place, int(row) - 1)

            return ExcelPrinter(
                cell, self.absolute_cell, lambda table: self.data_ranges[table], guard=guard
            )

        return printer

    def check(self, instead: str = "write a .csv or .parquet file instead") -> None:
        """Refuse what a worksheet cannot hold. Raises LimitError, with the numbers."""
        columns = self.shown[-1].place
        if columns > MAX_COLUMNS:
            raise LimitError(
                f"{columns:,} columns; a worksheet holds {MAX_COLUMNS:,}. Use fewer neurons, "
                f"or {instead}"
            )
        if self.traits.data_sheet and self.examples + 1 > MAX_ROWS:
            raise LimitError(
                f"{self.examples:,} examples; a worksheet holds {MAX_ROWS - 1:,}. {instead}"
            )
        for entry in self.shown:
            if entry.formula is None or entry.is_surely_short:
                continue
            text = self.formula(entry.column.name, MAX_ROWS) or ""
            if len(text) > MAX_FORMULA:
                raise LimitError(
                    f"the formula of {entry.column.name} has {len(text):,} characters; a cell "
                    f"holds {MAX_FORMULA:,}. Use fewer neurons, or {instead}"
                )


def make_layout(
    program: Program,
    examples: int,
    kind: str,
    *,
    gap: bool = False,
    guarded: frozenset[str] = frozenset(),
    ranges: Mapping[str, str] | None = None,
    tests_follow: bool = True,
) -> Layout:
    """The layout of that kind, a name of `LAYOUTS`.

    `gap` asks for an empty column before the tests. Where the data stand on a sheet of their own,
    `tests_follow` lets the tests that repeat an example refer to its cells there.
    """
    traits = LAYOUTS[kind]
    follows = tests_follow and traits.data_sheet and any(c.from_data for c in program)
    typed = {
        column.name
        for column in program
        if column.formula is None or (not traits.data_sheet and isinstance(column.formula, Lookup))
    }
    inlined = to_inline(program, traits.hides, typed)
    written: dict[Ref, Expr] = {}
    to_guard = set(guarded)
    shown: list[Shown] = []
    place = 0
    for own in program:
        column = own.from_data if follows and own.from_data is not None else own
        if column.name in inlined.unused:
            continue
        formula = None if column.name in typed else column.formula
        if formula is not None:
            inside = [ref for ref in column.references if ref in written] if written else []
            # A formula needs the safe form where a column that is written into it needs it.
            if any(ref.name in to_guard for ref in inside):
                to_guard.add(column.name)
            if inside:
                formula = replace_refs(formula, written)
        is_inner = column.name in inlined.once
        if is_inner and formula is not None and size(formula) <= MAX_INLINED:
            written[Ref(column.name)] = formula
            continue
        place += 1
        starts_tests = column.phase is Phase.TEST and (
            not shown or shown[-1].column.phase is not Phase.TEST
        )
        if gap and traits.test_gap and starts_tests:
            place += 1
        shown.append(Shown(column, place, formula))
    return Layout(
        traits,
        program,
        tuple(shown),
        examples,
        frozenset(to_guard),
        ranges,
        tests_follow=follows,
    )


def full_layout(program: Program, examples: int) -> Layout:
    """The layout that shows everything: iterations, weighted sums, the data on their own sheet."""
    return make_layout(program, examples, "full")
