"""Somebody's .xlsx workbook as data: cells, names and tables."""

from __future__ import annotations

from bpsheet.errors import FormulaError
from bpsheet.guard.package import Guarded
from bpsheet.sheets.areas import Area, Place
from bpsheet.sheets.book import Book, Cell, Formula, Sheet, Table, Value, area_of
from bpsheet.sheets.nodes import Fault
from bpsheet.xlsx import contents
from bpsheet.xlsx.parts import damage, elements, related

__all__ = ["read_own_xlsx"]

# The most cells of array formulas.
MOST_ARRAY_CELLS = 500_000


class _Filling:
    """Fills a sheet with the cells of the file."""

    def __init__(self, title: str) -> None:
        self.hidden: set[int] = set()
        self.sheet = Sheet(title, hidden=self.hidden)
        self.array_cells = 0

    def put(
        self, row: int, column: int, value: object, formula: contents.Formula | None = None
    ) -> None:
        own = None
        if formula is not None:
            area = self._area(formula.area) if formula.area else None
            own = Formula(formula.text, formula.row, formula.column, area)
        self.sheet.cells[row, column] = Cell(self._value(row, column, value), own)

    def _area(self, text: str) -> Area:
        area = area_of(text, self.sheet.name)
        self.array_cells += area.size
        if self.array_cells > MOST_ARRAY_CELLS:
            raise FormulaError(
                f"{self.sheet.name}: its array formulas have more than {MOST_ARRAY_CELLS:,} cells"
            )
        return area

    def _value(self, row: int, column: int, value: object) -> Value:
        match value:
            case None | bool() | float():
                return value
            case int():
                return float(value)
            case contents.Error():
                return Fault(value)
            case contents.NoNumber():
                raise FormulaError(
                    f"{Place(self.sheet.name, row, column).name}: it holds a number that is too "
                    "large for a spreadsheet"
                )
        return str(value)


def read_own_xlsx(package: Guarded) -> Book:
    """The workbook in an .xlsx package.

    Raises WorkbookError for damage, and FormulaError for what no spreadsheet holds.
    """
    stored = contents.read_stored(package, _Filling)
    book = Book(titles=list(stored.sheets))
    for title, part in stored.parts.items():
        sheet = stored.sheets[title].sheet
        sheet.finish()
        book.add([sheet])
        with damage(package, part):
            _add_tables(book, package, title, part)
    for name, text, scope in stored.names:
        own = book.sheets.get(scope.lower()) if scope is not None else None
        (own.names if own is not None else book.names)[name.lower()] = text
    return book


def _add_tables(book: Book, package: Guarded, title: str, part: str) -> None:
    for kind, target in related(package, part).values():
        if not kind.endswith("/table"):
            continue
        for about, _ in elements(package, target, "table"):
            columns = elements(package, target, "tableColumn")
            table = Table(
                area_of(about.get("ref", ""), title),
                tuple(contents.spelled(column.get("name", "")) for column, _ in columns),
                int(about.get("headerRowCount", 1)),
                int(about.get("totalsRowCount", 0)),
            )
            for key in ("displayName", "name"):
                book.tables.setdefault(about.get(key, "").lower(), table)
