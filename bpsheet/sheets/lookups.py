"""Functions that find cells: INDEX, MATCH, VLOOKUP, OFFSET, and their kin.

Which cell is found is taken as it is now: a key that moves changes it by jumps, which is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from bpsheet.errors import FormulaError
from bpsheet.formula.tree import ONE
from bpsheet.sheets.areas import MAX_COLUMNS, MAX_ROWS, Area
from bpsheet.sheets.evaluate import Evaluator, Function
from bpsheet.sheets.nodes import Fault, Missing, Tree
from bpsheet.sheets.results import Cells, Grid, Here, Result
from bpsheet.sheets.syntax import parse
from bpsheet.sheets.tape import Item, number
from bpsheet.sheets.values import Known, Unknown, compared, is_equal

__all__ = ["LOOKUPS", "wild"]

NOT_FOUND = Fault("#N/A")


def _fixed(reader: Evaluator, tree: Tree, here: Here, what: str) -> float | Fault | Unknown:
    """A number that decides about places, which must not depend on the parameters."""
    item = reader.single(tree, here)
    if item.moves:
        raise FormulaError(f"{what} depends on the parameters; a fixed number is expected")
    return number(item)


class _Places:
    """Whole numbers that decide about places. One that moves changes what is found by jumps."""

    def __init__(self, reader: Evaluator, name: str) -> None:
        self.reader = reader
        self.name = name
        self.keys: list[Item] = []
        self.fault: Item | None = None

    def whole(self, tree: Tree, here: Here, default: int) -> int:
        if isinstance(tree, Missing):
            return default
        item = self.reader.single(tree, here)
        self.keys += [item] if item.moves else []
        found = number(item)
        if isinstance(found, float):
            return int(found)
        self.fault = self.fault or self.reader.tape.failed([item])
        return default

    def found(self, result: Result) -> Result:
        """What was found; a single value where a key moves."""
        if self.fault is not None:
            return self.fault
        if not self.keys:
            return result
        found = self.reader.plain(result, Here("", 0, 0, is_array=True))
        if not isinstance(found, Item):
            raise FormulaError(
                f"the place of {self.name} depends on the parameters; a fixed number is expected"
            )
        return _jumping(self.reader, self.name, found, self.keys)


def _index(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    source = reader.result(arguments[0], here._replace(is_array=True))
    places = _Places(reader, "INDEX")
    numbers = [places.whole(tree, here, 0) for tree in arguments[1:3]]
    which = places.whole(arguments[3], here, 1) - 1 if len(arguments) == 4 else 0
    return places.found(_indexed(reader, source, numbers, which))


def _indexed(reader: Evaluator, source: Result, numbers: list[int], which: int) -> Result:
    if isinstance(source, Cells):
        if not 0 <= which < len(source.areas):
            return Item(Fault("#REF!"))
        area = source.areas[which]
        row, column = _row_and_column(numbers, area.rows)
        if not (0 <= row <= area.rows and 0 <= column <= area.columns):
            return Item(Fault("#REF!"))
        top, left = area.top + max(row, 1) - 1, area.left + max(column, 1) - 1
        return Cells((
            Area(
                area.sheet, top, left, top if row else area.bottom, left if column else area.right
            ),
        ))  # fmt: skip
    grid = reader.grid(source)
    row, column = _row_and_column(numbers, len(grid))
    if not (0 <= row <= len(grid) and 0 <= column <= len(grid[0])):
        return Item(Fault("#REF!"))
    rows = grid[row - 1 : row] if row else grid
    picked = [line[column - 1 : column] if column else line for line in rows]
    return picked[0][0] if len(picked) == 1 and len(picked[0]) == 1 else picked


def _row_and_column(numbers: list[int], rows: int) -> tuple[int, int]:
    """One number counts along a single row; else it is a row, of all columns."""
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    return (1, numbers[0]) if rows == 1 else (numbers[0], 0)


def _offset(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    source = reader.result(arguments[0], here)
    if not isinstance(source, Cells):
        raise FormulaError("OFFSET starts from a cell")
    area = source.areas[0]
    places = _Places(reader, "OFFSET")
    sizes = [0, 0, area.rows, area.columns]
    for index, tree in enumerate(arguments[1:]):
        sizes[index] = places.whole(tree, here, sizes[index])
    return places.found(_shifted(area, sizes))


def _shifted(area: Area, sizes: list[int]) -> Result:
    """The cells at some distance from an area, with a height and a width of their own."""
    down, right, rows, columns = sizes
    top, left = area.top + down, area.left + right
    if rows < 0:
        top, rows = top + rows + 1, -rows
    if columns < 0:
        left, columns = left + columns + 1, -columns
    bottom, last = top + rows - 1, left + columns - 1
    if not rows or not columns or top < 1 or left < 1 or bottom > MAX_ROWS or last > MAX_COLUMNS:
        return Item(Fault("#REF!"))
    return Cells((Area(area.sheet, top, left, bottom, last),))


def _indirect(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    item = reader.single(arguments[0], here)
    if item.moves or not isinstance(item.value, str) or len(arguments) > 1:
        raise FormulaError("INDIRECT with a fixed text such as A1 is expected")
    try:
        result = reader.result(parse(item.value), Here(here.sheet, 1, 1))
    except FormulaError:
        return Item(Fault("#REF!"))
    return result if isinstance(result, Cells) else Item(Fault("#REF!"))


def _spilled(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    """A1#: all cells that the array formula in A1 fills."""
    result = reader.result(arguments[0], here)
    if not isinstance(result, Cells):
        raise FormulaError("# stands behind a cell")
    area = result.areas[0]
    cell = reader.book.cell(area.sheet, area.top, area.left)
    if cell is None or cell.formula is None or cell.formula.area is None:
        return Item(Fault("#REF!"))
    return Cells((cell.formula.area,))


def _single(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    """@A1:A9: the cell of the formula's own row or column."""
    return reader.single(arguments[0], here)


def _choose(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    item = reader.single(arguments[0], here)
    found = number(item)
    if not isinstance(found, float):
        return reader.tape.failed([item])
    if not 1 <= int(found) < len(arguments):
        return reader.tape.failed([item], Fault("#VALUE!"))
    result = reader.result(arguments[int(found)], here)
    if not item.moves:
        return result
    return _jumping(reader, "CHOOSE", reader.single(arguments[int(found)], here), [item])


def _jumping(reader: Evaluator, name: str, found: Item, keys: Sequence[Item]) -> Item:
    """What a moving key has found: it is found until the key jumps to another."""
    steps = reader.tape.steps(*keys)
    if not steps:
        return found
    reader.tape.remark(f"what {name} finds depends on the parameters: it changes by jumps")
    edges = ((found, ONE), *steps) if found.moves else steps
    return reader.tape.made(found.value, lambda: found.expr, edges)


def _line(reader: Evaluator, tree: Tree, here: Here) -> list[Item]:
    """The values of a single row or column."""
    grid = reader.grid(_used(reader, reader.result(tree, here._replace(is_array=True))))
    return [item for row in grid for item in row]


def _used(reader: Evaluator, result: Result) -> Result:
    """Of a long range, the part that may hold something."""
    if isinstance(result, Cells) and result.areas[0].size > 1_000:
        area = result.areas[0]
        return Cells((reader.book.sheet(area.sheet).used(area),))
    return result


def wild(text: str) -> re.Pattern[str] | None:
    """A pattern for a text with * and ?, in which ~ takes their meaning away; None without them."""
    if not any(sign in text for sign in "*?~"):
        return None
    pattern, index = "", 0
    while index < len(text):
        sign = text[index]
        if sign == "~" and text[index + 1 : index + 2] in ("*", "?", "~"):
            index += 1
            pattern += re.escape(text[index])
        else:
            pattern += ".*" if sign == "*" else "." if sign == "?" else re.escape(sign)
        index += 1
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _exactly(key: Item, items: Sequence[Item], *, with_signs: bool = True) -> int | None:
    value = _asked(key)
    pattern = wild(value) if isinstance(value, str) and with_signs else None
    for index, item in enumerate(items):
        other = item.value
        if other is None or isinstance(other, Fault | Unknown):
            continue
        if pattern is not None:
            if isinstance(other, str) and pattern.fullmatch(other):
                return index
        elif _is_like(value, other) and is_equal(value, other):  # type: ignore[arg-type]
            return index
    return None


def _asked(key: Item) -> Known | Unknown:
    if key.value is None:
        raise FormulaError(
            f"the key of a look-up{f', {key.name},' if key.name else ''} is empty: programs "
            "find different things then; write a key there"
        )
    return key.value


def _is_like(left: object, right: object) -> bool:
    """Whether two values are of one kind. Only they are compared in a look-up."""
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool)
    return isinstance(left, str) == isinstance(right, str)


def _nearest(key: Item, items: Sequence[Item], sign: str) -> int | None:
    """The last place in sorted values that is no further than the key."""
    found = None
    value = _asked(key)
    for index, item in enumerate(items):
        other = item.value
        if other is None or isinstance(other, Fault | Unknown) or not _is_like(value, other):
            continue
        if not compared(sign, other, value):  # type: ignore[arg-type]
            break
        found = index
    return found


def _match(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    key = reader.single(arguments[0], here)
    items = _line(reader, arguments[1], here)
    kind = 1.0
    if len(arguments) == 3:
        found = _fixed(reader, arguments[2], here, "the kind of MATCH")
        if not isinstance(found, float):
            return reader.tape.failed([Item(found)])
        kind = found
    if key.fault:
        return reader.tape.failed([key])
    index = _exactly(key, items) if not kind else _nearest(key, items, "<=" if kind > 0 else ">=")
    steps = reader.tape.steps(key, *items)
    if steps:
        reader.tape.remark("MATCH changes by jumps: its slope is taken as 0")
    value = NOT_FOUND if index is None else float(index + 1)
    return reader.tape.made(value, None, steps)


def _table_lookup(name: str, *, across: bool) -> Function:
    """VLOOKUP and HLOOKUP."""

    def make(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
        key = reader.single(arguments[0], here)
        source = reader.result(arguments[1], here._replace(is_array=True))
        number_of = _fixed(reader, arguments[2], here, f"the column of {name}")
        nearest: float | Fault | Unknown = 1.0
        if len(arguments) == 4:
            is_missing = isinstance(arguments[3], Missing)
            nearest = (
                0.0 if is_missing else _fixed(reader, arguments[3], here, f"the kind of {name}")
            )
        for item in (key, Item(number_of), Item(nearest)):
            if item.fault:
                return reader.tape.failed([item])
        lines, at = _lines(reader, source, across=across)
        keys = at(0)
        index = _exactly(key, keys) if not nearest else _nearest(key, keys, "<=")
        steps = [key, *keys]
        if index is None:
            return reader.tape.failed(steps, NOT_FOUND)
        which = int(number_of)  # type: ignore[arg-type]
        if not 1 <= which <= lines:
            return reader.tape.failed(steps, Fault("#REF!" if which > lines else "#VALUE!"))
        return _jumping(reader, name, at(which - 1)[index], steps)

    return Function(3, 4, make)


def _lines(
    reader: Evaluator, source: Result, *, across: bool
) -> tuple[int, Callable[[int], list[Item]]]:
    """How many columns (or rows) there are, and the items of one. Others are not even read."""
    grid: Grid | None = None
    source = _used(reader, source)
    if not isinstance(source, Cells):
        grid = reader.grid(source)
        lines = len(grid) if across else len(grid[0])
        return lines, lambda line: grid[line] if across else [row[line] for row in grid]
    area = source.areas[0]

    def at(line: int) -> list[Item]:
        part = (
            area._replace(top=area.top + line, bottom=area.top + line)
            if across
            else area._replace(left=area.left + line, right=area.left + line)
        )
        return [item for row in reader.grid(Cells((part,))) for item in row]

    return (area.rows if across else area.columns), at


def _lookup(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    key = reader.single(arguments[0], here)
    keys = _line(reader, arguments[1], here)
    if key.fault:
        return reader.tape.failed([key])
    results = _line(reader, arguments[-1], here) if len(arguments) == 3 else keys
    index = _nearest(key, keys, "<=")
    if index is None or index >= len(results):
        return reader.tape.failed([key, *keys], NOT_FOUND)
    return _jumping(reader, "LOOKUP", results[index], [key, *keys])


def _xlookup(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
    wanted = arguments[2]
    key = reader.single(arguments[0], here)
    keys = _line(reader, arguments[1], here)
    if key.fault:
        return reader.tape.failed([key])
    mode = 0.0
    if len(arguments) > 4 and not isinstance(arguments[4], Missing):
        found = _fixed(reader, arguments[4], here, "the kind of XLOOKUP")
        mode = found if isinstance(found, float) else 9.0
    if mode not in (0.0, 2.0) or len(arguments) > 5:
        raise FormulaError("XLOOKUP is read with an exact match from the first to the last only")
    index = _exactly(key, keys, with_signs=mode == 2)
    if index is None:
        if len(arguments) > 3 and not isinstance(arguments[3], Missing):
            return _jumping(reader, "XLOOKUP", reader.single(arguments[3], here), [key, *keys])
        return reader.tape.failed([key, *keys], NOT_FOUND)
    grid = reader.grid(_used(reader, reader.result(wanted, here._replace(is_array=True))))
    if len(grid) == 1 or len(grid[0]) == 1:
        line = [item for row in grid for item in row]
        if index < len(line):
            return _jumping(reader, "XLOOKUP", line[index], [key, *keys])
    raise FormulaError("XLOOKUP is read with a single row or column of results only")


def _place_of(name: str) -> Function:
    """ROW and COLUMN, ROWS and COLUMNS."""

    def make(reader: Evaluator, arguments: tuple[Tree, ...], here: Here) -> Result:
        if not arguments:
            if name in ("ROWS", "COLUMNS"):
                raise FormulaError(f"{name} cannot take 0 arguments")
            return Item(float(here.row if name == "ROW" else here.column))
        result = reader.result(arguments[0], here._replace(is_array=True))
        if not isinstance(result, Cells):
            if name in ("ROW", "COLUMN"):
                raise FormulaError(f"{name} takes a reference")
            grid = reader.grid(result)
            return Item(float(len(grid) if name == "ROWS" else len(grid[0])))
        area = result.areas[0]
        match name:
            case "ROWS":
                return Item(float(area.rows))
            case "COLUMNS":
                return Item(float(area.columns))
            case "ROW" if here.is_array and area.rows > 1:
                area = reader.within(area)
                return [[Item(float(row))] for row in range(area.top, area.bottom + 1)]
            case "COLUMN" if here.is_array and area.columns > 1:
                area = reader.within(area)
                return [[Item(float(column)) for column in range(area.left, area.right + 1)]]
        return Item(float(area.top if name == "ROW" else area.left))

    return Function(0, 1, make)


LOOKUPS: Mapping[str, Function] = {
    # The names of `#` and `@` in the file.
    "ANCHORARRAY": Function(1, 1, _spilled),
    "SINGLE": Function(1, 1, _single),
    "CHOOSE": Function(2, 255, _choose),
    "COLUMN": _place_of("COLUMN"),
    "COLUMNS": _place_of("COLUMNS"),
    "HLOOKUP": _table_lookup("HLOOKUP", across=True),
    "INDEX": Function(2, 4, _index),
    "INDIRECT": Function(1, 2, _indirect),
    "LOOKUP": Function(2, 3, _lookup),
    "MATCH": Function(2, 3, _match),
    "OFFSET": Function(3, 5, _offset),
    "ROW": _place_of("ROW"),
    "ROWS": _place_of("ROWS"),
    "VLOOKUP": _table_lookup("VLOOKUP", across=False),
    "XLOOKUP": Function(3, 6, _xlookup),
}
