"""The value of a formula by a spreadsheet's rules, on the tape.

Where a plain formula has a range in the place of a single value, a spreadsheet takes the cell in the
formula's own row or column. In an array formula, and inside functions such as SUMPRODUCT,
arithmetic goes cell by cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bpsheet.errors import FormulaError
from bpsheet.formula.tree import ONE, ZERO, Div, Neg, Num
from bpsheet.formula.tree import Call as FunctionOf
from bpsheet.sheets.areas import MAX_COLUMNS, MAX_ROWS, Area, Place
from bpsheet.sheets.book import Book, Value
from bpsheet.sheets.elementwise import ELEMENTWISE, chosen, numeric, operated
from bpsheet.sheets.nodes import (
    Binary,
    Braces,
    Call,
    Constant,
    Fault,
    Minus,
    Missing,
    Name,
    Percent,
    Reference,
    Structured,
    Tree,
)
from bpsheet.sheets.results import Cells, Grid, Here, Result
from bpsheet.sheets.structured import table_area
from bpsheet.sheets.syntax import parse
from bpsheet.sheets.tape import MINUS, Item, Tape
from bpsheet.sheets.values import Unknown

__all__ = ["MAX_CELLS", "MAX_NAMES", "Evaluator", "Function"]

MAX_CELLS = 200_000
# The most cells that all formulas together may look at, each as often as it is looked at.
MOST_LOOKS = 10_000_000
MAX_NAMES = 64
# So many signs of % make 0 of every number.
MOST_PERCENTS = 150
RANGE = (
    "a range stands where a single value is expected, and none of its cells is in this row or column; "
    "enter it as an array formula (Ctrl-Shift-Enter) or use SUMPRODUCT"
)


class Evaluator:
    """Evaluates formulas of a workbook. `items` has the cells that were computed already."""

    def __init__(self, book: Book, tape: Tape, functions: dict[str, Function]) -> None:
        self.book = book
        self.tape = tape
        self.functions = functions
        self.items: dict[Place, Item] = {}
        # Items of functions of whole areas, by function and areas: each is computed once.
        self.shared: dict[tuple[str, tuple[Area, ...]], Item] = {}
        self._names = 0
        self._looked_at = 0
        # Cells with formulas that were asked for before they were computed.
        self.early: list[Place] = []

    def item(self, place: Place) -> Item:
        """The item of a cell. One with a formula that was not computed yet is noted as `early`."""
        item = self.items.get(place)
        if item is None:
            cell = self.book.cell(*place)
            if cell is not None and cell.formula is not None:
                self.early.append(place)
                return Item(Unknown(((place.name, "it depends on itself"),)), name=place.name)
            item = self.constant(place, cell.value if cell is not None else None)
        return item

    def constant(self, place: Place, value: Value) -> Item:
        """The item of a cell that does not move."""
        if isinstance(value, Fault):
            value = Fault.at(value, place.name)
        item = self.items[place] = self.tape.cell(place, value)
        return item

    def formula(self, tree: Tree, here: Here) -> Result:
        """A formula's result. Its problems become a value, too, and no exception."""
        try:
            return self.result(tree, here)
        except FormulaError as error:
            return Item(Unknown(((self.tape.here, str(error)),)))

    def result(self, tree: Tree, here: Here) -> Result:
        """The result of a part of a formula. Raises FormulaError where it cannot be read."""
        kind = type(tree)
        if kind is Reference:
            return Cells((self.area(tree, here),))  # type: ignore[arg-type]
        if kind is Constant:
            return Item(tree.value)  # type: ignore[union-attr]
        match tree:
            case Binary(sign, _, _):
                return self._binary(sign, tree, here)
            case Call(name, arguments):
                return self.call(name, arguments, here)
            case Minus(operand):
                return self.lift(self._negative, [self.result(operand, here)], here)
            case Percent(operand, count):
                return self.lift(
                    lambda items: self._percent(items, count), [self.result(operand, here)], here
                )
            case Missing():
                return Item(None)
            case Name():
                return self._named(tree, here)
            case Structured(text):
                found = table_area(text, self.book.tables, here.sheet, here.row, here.column)
                return Cells((found,))
            case Braces(rows):
                return [[self.single(cell, here) for cell in row] for row in rows]
        raise TypeError(f"no formula: {tree!r}")

    def area(self, tree: Reference, here: Here) -> Area:
        """The cells of a reference."""
        sheet = here.sheet
        if tree.sheet is not None:
            if "[" in tree.sheet:
                raise FormulaError(f"{tree.sheet}! is in another workbook")
            sheet = self.book.sheet(tree.sheet).name
        rows = tree.top.at(here.row, MAX_ROWS), tree.bottom.at(here.row, MAX_ROWS)
        columns = tree.left.at(here.column, MAX_COLUMNS), tree.right.at(here.column, MAX_COLUMNS)
        return Area(sheet, min(rows), min(columns), max(rows), max(columns))

    def _named(self, name: Name, here: Here) -> Result:
        tree = self.named_tree(name, here.sheet)
        self._names += 1
        if self._names > MAX_NAMES:
            raise FormulaError(f"the name {name.text} depends on itself")
        try:
            return self.result(tree, here._replace(is_array=True))
        finally:
            self._names -= 1

    def named_tree(self, name: Name, sheet: str) -> Tree:
        """What a name stands for. Raises FormulaError for an unknown one."""
        text = self.book.named(name.text, name.sheet or sheet)
        if text is None and name.text.lower() in self.book.tables:
            return Structured(f"{name.text}[]")
        if text is None:
            raise FormulaError(
                f"{name.text} is neither a cell nor a plain range nor the name of one"
            )
        return parse(text)

    def _binary(self, sign: str, tree: Binary, here: Here) -> Result:
        if sign in (":", ",", " "):
            return self._joined(sign, self.result(tree.left, here), self.result(tree.right, here))
        # A formula may join thousands of values: its left side is not descended by recursion.
        chain: list[Binary] = []
        node: Tree = tree
        while isinstance(node, Binary) and node.sign not in (":", ",", " "):
            chain.append(node)
            node = node.left
        left = self.result(node, here)
        for part in reversed(chain):
            right = self.result(part.right, here)
            left = self.lift(
                lambda items, sign=part.sign: operated(self.tape, sign, *items),  # type: ignore[misc]
                [left, right],
                here,
            )
        return left

    def _joined(self, sign: str, left: Result, right: Result) -> Result:
        if not (isinstance(left, Cells) and isinstance(right, Cells)):
            raise FormulaError(f"{sign!r} joins cells only")
        if sign == ",":
            return Cells((*left.areas, *right.areas))
        first, second = left.areas[0], right.areas[0]
        if sign == ":":
            return Cells((
                Area(
                    first.sheet, min(first.top, second.top), min(first.left, second.left),
                    max(first.bottom, second.bottom), max(first.right, second.right),
                ),
            ))  # fmt: skip
        both = Area(
            first.sheet, max(first.top, second.top), max(first.left, second.left),
            min(first.bottom, second.bottom), min(first.right, second.right),
        )  # fmt: skip
        if both.rows < 1 or both.columns < 1 or first.sheet != second.sheet:
            return Item(Fault("#NULL!"))
        return Cells((both,))

    def _negative(self, items: list[Item]) -> Item:
        return numeric(self.tape, items, lambda a: -a, lambda: Neg(items[0].expr), lambda: (MINUS,))

    def _percent(self, items: list[Item], count: int) -> Item:
        if count > MOST_PERCENTS:
            return numeric(self.tape, items, lambda _: 0.0, lambda: ZERO, lambda: (ZERO,))
        scale = Num(100.0**count)
        return numeric(
            self.tape, items, lambda a: a / scale.value, lambda: Div(items[0].expr, scale),
            lambda: (Div(ONE, scale),),
        )  # fmt: skip

    def plain(self, result: Result, here: Here) -> Item | Grid:
        """A value, or an array of values in an array formula."""
        if isinstance(result, Cells):
            area, others = result.areas[0], result.areas[1:]
            if not others and area.top == area.bottom and area.left == area.right:
                return self.item(Place(area.sheet, area.top, area.left))
            if others:
                return Item(Fault.at("#VALUE!", self.tape.here, RANGE))
            return self.grid(result) if here.is_array else self._crossing(area, here)
        return result

    def _crossing(self, area: Area, here: Here) -> Item:
        """The cell of a range in the formula's own row or column."""
        if area.columns == 1 and area.top <= here.row <= area.bottom:
            place = Place(area.sheet, here.row, area.left)
        elif area.rows == 1 and area.left <= here.column <= area.right:
            place = Place(area.sheet, area.top, here.column)
        else:
            return Item(Fault.at("#VALUE!", self.tape.here, RANGE))
        self.tape.remark(
            f"of {area.name} only {Area(*place, *place[1:]).name} counts: this is no array formula"
        )
        return self.item(place)

    def grid(self, result: Result) -> Grid:
        """The values of a result, row by row. An empty cell keeps its place."""
        if isinstance(result, Item):
            return [[result]]
        if not isinstance(result, Cells):
            return result
        area = result.areas[0]
        if result.areas != (area,):
            raise FormulaError("several ranges stand where one is expected")
        area = self.within(area)
        return [
            [
                self.item(Place(area.sheet, row, column))
                for column in range(area.left, area.right + 1)
            ]
            for row in range(area.top, area.bottom + 1)
        ]

    def look_at(self, cells: int) -> None:
        """Count the cells that formulas look at. Raises FormulaError for too many."""
        self._looked_at += cells
        if self._looked_at > MOST_LOOKS:
            raise FormulaError(f"the formulas on the way look at more than {MOST_LOOKS:,} cells")

    def within(self, area: Area) -> Area:
        """The area itself, or the used part of whole rows and columns."""
        if area.rows == MAX_ROWS or area.columns == MAX_COLUMNS:
            area = self.book.sheet(area.sheet).used(area)
        if area.size > MAX_CELLS:
            raise FormulaError(f"{area.name} has more than {MAX_CELLS:,} cells")
        self.look_at(area.size)
        return area

    def single(self, tree: Tree, here: Here) -> Item:
        """One value, where a function takes no others."""
        found = self.plain(
            self.result(tree, here._replace(is_array=False)), here._replace(is_array=False)
        )
        return found if isinstance(found, Item) else found[0][0]

    def lift(
        self, apply: Callable[[list[Item]], Item], results: Sequence[Result], here: Here
    ) -> Item | Grid:
        """Something that is done to single values, also to each cell of arrays.

        A single row, column or value is repeated; cells that have no partner are #N/A.
        """
        values = [self.plain(result, here) for result in results]
        grids = [value for value in values if not isinstance(value, Item)]
        if not grids:
            return apply(values)  # type: ignore[arg-type]
        rows, columns = max(map(len, grids)), max(len(grid[0]) for grid in grids)
        if rows * columns > MAX_CELLS:
            raise FormulaError(f"an array of more than {MAX_CELLS:,} cells")
        self.look_at(rows * columns)
        return [
            [apply([_cell(value, row, column) for value in values]) for column in range(columns)]
            for row in range(rows)
        ]

    def call(self, name: str, arguments: tuple[Tree, ...], here: Here) -> Result:
        """A function's result."""
        if (simple := ELEMENTWISE.get(name)) is not None:
            if not simple.least <= len(arguments) <= simple.most:
                raise _wrong(name, arguments)
            results = [self.result(argument, here) for argument in arguments]
            return self.lift(lambda items: simple.apply(self.tape, items), results, here)
        if name == "IF":
            return self._if(arguments, here)
        if name == "PI":
            if arguments:
                raise _wrong(name, arguments)
            return Item(3.141592653589793, FunctionOf("pi", ()))
        function = self.functions.get(name)
        if function is None:
            raise FormulaError(
                f"the function {name} is not known here. In a cell of its own that does not depend on "
                "the parameters, its stored value would do"
            )
        if not function.least <= len(arguments) <= function.most:
            raise _wrong(name, arguments)
        return function.make(self, arguments, here)

    def _if(self, arguments: tuple[Tree, ...], here: Here) -> Result:
        if not 2 <= len(arguments) <= 3:
            raise _wrong("IF", arguments)
        test = self.plain(self.result(arguments[0], here), here)

        def side(number: int) -> Result:
            if number >= len(arguments):
                return Item(value=False)
            try:
                found = self.result(arguments[number], here)
                return Item(0.0) if isinstance(found, Item) and found.value is None else found
            except FormulaError as error:
                return Item(Unknown(((self.tape.here, str(error)),)))

        if isinstance(test, Item):
            if not test.moves and not test.fault:
                # References stay references: SUM(IF(TRUE, A1:A9)).
                picked: list[Result] = []

                def pick(number: int) -> Item:
                    picked.append(side(number))
                    return Item(None)

                found = chosen(self.tape, test, lambda: pick(1), lambda: pick(2))
                return picked[0] if picked else found
            sides = [self.plain(side(1), here), self.plain(side(2), here)]
            if all(isinstance(s, Item) for s in sides):
                then, otherwise = sides
                return chosen(self.tape, test, lambda: then, lambda: otherwise)  # type: ignore[arg-type,return-value]
        return self.lift(
            lambda items: chosen(self.tape, items[0], lambda: items[1], lambda: items[2]),
            [test, side(1), side(2)],
            here,
        )


def _cell(value: Item | Grid, row: int, column: int) -> Item:
    if isinstance(value, Item):
        return value
    row = 0 if len(value) == 1 else row
    column = 0 if len(value[0]) == 1 else column
    if row < len(value) and column < len(value[0]):
        return value[row][column]
    return Item(Fault("#N/A"))


def _wrong(name: str, arguments: Sequence[Tree]) -> FormulaError:
    return FormulaError(f"{name} cannot take {len(arguments)} arguments")


class Function:
    """A function of whole arguments: ranges, arrays, values.

    least, most: the number of its arguments
    make:        makes its result
    """

    def __init__(
        self,
        least: int,
        most: int,
        make: Callable[[Evaluator, tuple[Tree, ...], Here], Result],
    ) -> None:
        self.least = least
        self.most = most
        self.make = make
