"""The way from the parameters to the loss: every cell that the loss needs, in an order to compute it.

A cell on the way is computed and compared with the value that the file stores. A cell beside the way
does not depend on the parameters: it is a constant, whatever function it uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bpsheet.errors import FormulaError
from bpsheet.sheets.aggregates import AGGREGATES
from bpsheet.sheets.areas import Area, Place
from bpsheet.sheets.book import Book, Cell, Formula
from bpsheet.sheets.counting import COUNTING
from bpsheet.sheets.evaluate import MAX_NAMES, Evaluator
from bpsheet.sheets.lookups import LOOKUPS
from bpsheet.sheets.nodes import (
    Binary,
    Braces,
    Call,
    Fault,
    Name,
    Reference,
    Structured,
    Tree,
    children,
)
from bpsheet.sheets.products import PRODUCTS
from bpsheet.sheets.results import Cells, Grid, Here, Result
from bpsheet.sheets.syntax import TOKEN, parse
from bpsheet.sheets.tape import Item, Tape
from bpsheet.sheets.values import Known, Unknown, is_close

__all__ = ["Way", "way_of"]

TAKEN = (
    "a parameter with a formula; its value is taken as if it were typed, and no cell moves the loss "
    "through that formula"
)
FUNCTIONS = {**AGGREGATES, **COUNTING, **LOOKUPS, **PRODUCTS}
# Functions whose cells are known only when their arguments are.
FINDS_CELLS = frozenset({"ANCHORARRAY", "INDIRECT", "OFFSET"})
MOST_PROBLEMS = 20


@dataclass
class Way:
    """What leads from the parameters to the loss.

    tape:       every value that moves, the loss among the last
    items:      the items of cells
    parameters: the cells of the parameters
    loss:       the cell of the loss
    texts:      the formulas of the cells that move, as the file has them
    problems:   cells that stop the way, each with its reason
    """

    tape: Tape
    items: dict[Place, Item]
    parameters: list[Place]
    loss: Place
    texts: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


def way_of(book: Book, loss: Place, parameters: Sequence[Place]) -> Way:
    """Every cell on the way, computed. What is wrong stands in `problems`, all of it."""
    return _Walk(book, loss, parameters).done()


class _Walk:
    def __init__(self, book: Book, loss: Place, parameters: Sequence[Place]) -> None:
        self.book = book
        self.tape = Tape()
        self.reader = Evaluator(book, self.tape, FUNCTIONS)
        self.way = Way(self.tape, self.reader.items, list(parameters), loss)
        self.items = self.reader.items
        # Cells that are being read, and areas whose cells were all read.
        self.begun: set[Place] = set()
        self.read: dict[Area, bool] = {}
        # Whether a formula may depend on the parameters, and the cells that it waited for in vain.
        self.moving: dict[Place, bool] = {}
        self.circles: list[tuple[Place, Place]] = []
        self.leaves: dict[int, tuple[Tree, list[Tree], list[Tree]]] = {}
        self.grids: dict[Area, Result] = {}

    def done(self) -> Way:
        problems = self.way.problems
        for place in self.way.parameters:
            self._parameter(place)
        if not problems:
            self._to(self.way.loss)
            for place, other in self.circles:
                if self.moving.get(other):
                    problems.append((place.name, f"it depends on itself, through {other.name}"))
            self._judge_loss()
        return self.way

    def _parameter(self, place: Place) -> None:
        """Note a parameter: a typed number, or the number that a formula last gave."""
        cell = self.book.cell(*place) or Cell(None)
        value = cell.value
        if isinstance(value, float):
            if cell.formula is not None:
                self.tape.here = place.name
                self.tape.remark(TAKEN)
            item = self.items[place] = self.tape.cell(place, value)
            item.moves = True
            self.tape.items.append(item)
            self.moving[place] = True
            return
        if value is None:
            what = "is empty" if cell.formula is None else "has a formula without a stored value"
            said = f"a parameter is a typed number; this cell {what}"
        else:
            shown = repr(value)[:40] if not isinstance(value, Fault) else value
            said = f"a parameter is a typed number; it holds {shown}"
        self.way.problems.append((place.name, said))

    def _judge_loss(self) -> None:
        """What is wrong with the value of the loss, said of the cells where it begins."""
        problems, loss = self.way.problems, self.way.loss
        item = self.items.get(loss)
        if item is None:
            # A loss that is no formula: what is typed there, or nothing.
            cell = self.book.cell(*loss)
            item = self.reader.constant(loss, cell.value if cell is not None else None)
        match item.value:
            case Unknown(reasons):
                problems += [reason for reason in reasons if reason not in problems]
            case Fault() as fault:
                where = fault.where or loss.name
                said = fault.why or f"its value is {fault}, which has no derivative"
                problems.append((where, said))
            case float():
                if not item.moves and not problems:
                    some = ", ".join(place.name for place in self.way.parameters[:5])
                    problems.append((loss.name, f"no formula leads there from {some}"))
            case value:
                held = "nothing" if value is None else repr(value)[:40]
                problems.append((loss.name, f"a number is expected there; it holds {held}"))
        del problems[MOST_PROBLEMS:]

    def _to(self, target: Place) -> None:
        """Read all cells that the target needs. A chain may be thousands of cells long."""
        waiting: list[tuple[Place, Iterator[Place] | None]] = [(target, None)]
        while waiting:
            place, needed = waiting[-1]
            if needed is None:
                formula = self._formula(place)
                if formula is None or place in self.begun:
                    waiting.pop()
                    continue
                self.begun.add(place)
                needed = self._needed(place, formula)
                waiting[-1] = place, needed
            other = next(needed, None)
            if other is None:
                waiting.pop()
                continue
            if other in self.begun and other not in self.items:
                self.circles.append((place, other))
            elif other not in self.items:
                waiting.append((other, None))

    def _formula(self, place: Place) -> Formula | None:
        if place in self.items:
            return None
        cell = self.book.cell(*place)
        return cell.formula if cell is not None else None

    def _needed(self, place: Place, formula: Formula) -> Iterator[Place]:
        """The cells that a formula needs, one by one; then the formula is computed."""
        self.tape.here = place.name
        here = Here(place.sheet, place.row, place.column, formula.area is not None)
        if formula.area is not None:
            here = here._replace(row=formula.row, column=formula.column)
        areas: list[Area] = []
        tree, problem = None, ""
        try:
            tree = formula.tree
            areas, finding = self._areas(tree, here)
        except FormulaError as error:
            problem = str(error)
            areas, finding = self._mentioned(formula, here), []
        yield from self._unread(areas)
        for call in finding:
            found = self._found(call, here)
            areas += found
            yield from self._unread(found)
        is_moving = any(list(map(self._moves, areas)))
        self.moving[place] = is_moving
        self.tape.here = place.name
        stored = self.book.cell(*place)
        assert stored is not None
        if not is_moving and stored.value is not None:
            self.reader.constant(place, stored.value)
        elif tree is None:
            self.items[place] = self.tape.cell(place, Unknown(((place.name, problem),)))
        else:
            self._compute(place, formula, tree, here, stored)

    def _unread(self, areas: Sequence[Area]) -> Iterator[Place]:
        """The formulas of areas that were not read yet."""
        for area in areas:
            if area in self.read:
                continue
            sheet = self.book.sheets[area.sheet.lower()]
            cells = sheet.cells
            if area.size == 1:
                key = area.top, area.left
                if key in cells and cells[key].formula is not None:
                    yield Place(area.sheet, *key)
                continue
            used = sheet.used(area)
            for row in range(used.top, used.bottom + 1):
                for column in range(used.left, used.right + 1):
                    cell = cells.get((row, column))
                    if cell is not None and cell.formula is not None:
                        yield Place(area.sheet, row, column)

    def _moves(self, area: Area) -> bool:
        """Whether a cell of an area, which was read, depends on the parameters."""
        if area.size == 1:
            return self.moving.get(Place(area.sheet, area.top, area.left), False)
        known = self.read.get(area)
        if known is None:
            used = self.book.sheets[area.sheet.lower()].used(area)
            known = self.read[area] = any(self.moving.get(place, False) for place in used.places())
        return known

    def _areas(self, tree: Tree, here: Here, depth: int = 0) -> tuple[list[Area], list[Tree]]:
        """The areas that a formula names, and its parts that find cells."""
        if depth > MAX_NAMES:
            raise FormulaError("a name depends on itself")
        key = id(tree)
        if key not in self.leaves:
            # The tree is kept, so that no other one gets its id.
            self.leaves[key] = tree, *_leaves(tree)
        _, leaves, finding = self.leaves[key]
        areas: list[Area] = []
        calls = list(finding)
        for leaf in leaves:
            if isinstance(leaf, Reference):
                areas.append(self.reader.area(leaf, here))
            elif isinstance(leaf, Structured):
                found = self.reader.result(leaf, here)
                areas += found.areas if isinstance(found, Cells) else ()
            elif isinstance(leaf, Name):
                named = self.reader.named_tree(leaf, here.sheet)
                more, finds = self._areas(named, here, depth + 1)
                areas += more
                calls += finds
        return areas, calls

    def _mentioned(self, formula: Formula, here: Here) -> list[Area]:
        """The areas in the text of a formula that cannot be read."""
        areas, sheet = [], ""
        for match in TOKEN.finditer(formula.text):
            if match.lastgroup == "range":
                try:
                    tree = parse(sheet + match[0], formula.row, formula.column)
                    areas.append(self.reader.area(tree, here))  # type: ignore[arg-type]
                except FormulaError:
                    pass
            sheet = match[0] if match.lastgroup == "sheet" else ""
        return areas

    def _found(self, call: Tree, here: Here) -> list[Area]:
        """The cells that a function finds, with those that it looked at for that."""
        reader, tape = self.reader, self.tape
        tape.here = Place(here.sheet, here.row, here.column).name
        remarks = dict(tape.remarks)
        reader.early.clear()
        result = reader.formula(call, here)
        tape.remarks = remarks
        early = [Area(*place, *place[1:]) for place in reader.early]
        return [*(result.areas if isinstance(result, Cells) else ()), *early]

    def _compute(
        self, place: Place, formula: Formula, tree: Tree, here: Here, stored: Cell
    ) -> None:
        before = len(self.tape.items)
        area = formula.area
        if area is not None and area.size > 1:
            result = self.grids.get(area)
            if result is None:
                result = self.grids[area] = self._plain(tree, here)
            item = _part(result, place.row - area.top, place.column - area.left)  # type: ignore[arg-type]
        else:
            value = self._plain(tree, here)
            item = value if isinstance(value, Item) else value[0][0]
        found: Known | Unknown = 0.0 if item.value is None else item.value
        if isinstance(found, Fault) and not found.where:
            found = Fault.at(found, place.name, found.why)
        if not isinstance(found, Unknown) and stored.value is not None:
            # What the file has is a spreadsheet's own last digit.
            found = self._compared(place, stored, found, before)
        self.items[place] = self.tape.cell(place, found, item if item.moves else None)
        if item.moves:
            self.way.texts[place.name] = formula.shown(place)

    def _plain(self, tree: Tree, here: Here) -> Item | Grid:
        try:
            return self.reader.plain(self.reader.result(tree, here), here)
        except FormulaError as error:
            return Item(Unknown(((self.tape.here, str(error)),)))

    def _compared(self, place: Place, stored: Cell, value: Known, before: int) -> Known:
        """The stored value. One that differs stops the way: ours would be silently wrong."""
        if is_close(value, stored.value, 0.0) or is_close(
            value, stored.value, self._size(place, stored, before)
        ):
            return stored.value
        said = (
            f"its formula gives {_said(value)} here, and the file has {_said(stored.value)}. "
            "Recalculate and save it in a spreadsheet program; if both stay, the formula is read "
            "differently there"
        )
        self.way.problems.append((place.name, said))
        return value

    def _size(self, place: Place, stored: Cell, before: int) -> float:
        """The largest number that a formula computes with: so many digits of a sum may differ."""
        values = [item.value for item in self.tape.items[before:]]
        formula = stored.formula
        assert formula is not None
        for area in self._areas(formula.tree, Here(*place))[0]:
            used = self.book.sheets[area.sheet.lower()].used(area)
            values += [self.reader.item(place).value for place in used.places()]
        return max((abs(value) for value in values if isinstance(value, float)), default=0.0)


def _said(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)[:40]


def _leaves(tree: Tree) -> tuple[list[Tree], list[Tree]]:
    """The references and names in a formula, and its functions that find cells."""
    leaves: list[Tree] = []
    finding: list[Tree] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Reference | Name | Structured):
            leaves.append(node)
        elif isinstance(node, Braces):
            continue
        else:
            is_joined = isinstance(node, Binary) and node.sign == ":"
            if is_joined or (isinstance(node, Call) and node.name in FINDS_CELLS):
                finding.append(node)
            waiting.extend(children(node)[::-1])
    return leaves, finding


def _part(result: Item | Grid, row: int, column: int) -> Item:
    """A cell's item of what an array formula gives. Cells beyond it are #N/A."""
    if isinstance(result, Item):
        return result
    row = 0 if len(result) == 1 else row
    column = 0 if len(result[0]) == 1 else column
    if row < len(result) and column < len(result[0]):
        return result[row][column]
    return Item(Fault("#N/A"))
