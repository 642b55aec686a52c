"""References to a table's columns, such as Sales[Price] and [@Price]."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bpsheet.errors import FormulaError
from bpsheet.sheets.areas import Area
from bpsheet.sheets.book import Table
from bpsheet.words import nearest

__all__ = ["table_area"]

WHOLE = re.compile(r"(?P<table>[^\[]*)\[(?P<inside>.*)\]", re.DOTALL)
# A part in brackets of its own: a column, or words such as #Headers; ' escapes a character.
PART = re.compile(r"\[((?:'.|[^\[\]'])*)\]")


def table_area(text: str, tables: Mapping[str, Table], sheet: str, row: int, column: int) -> Area:
    """The cells of a reference in a formula of the cell in `row` and `column`.

    Raises FormulaError for a table or a column that is not there.
    """
    match = WHOLE.fullmatch(text)
    if match is None:
        raise FormulaError(f"{text} is no reference to a table")
    table = _table(match["table"], tables, sheet, row, column)
    inside = match["inside"].strip()
    only_row = inside.startswith("@")
    inside = inside.removeprefix("@")
    parts = PART.findall(inside) if inside.startswith("[") else [inside] if inside else []
    words = {part.lower() for part in parts if part.startswith("#")}
    columns = [re.sub("'(.)", r"\1", part) for part in parts if not part.startswith("#")]
    only_row = only_row or "#this row" in words
    area = _rows(table, words, text) if not only_row else _this_row(table, sheet, row, text)
    if not columns:
        return area
    known = [name.lower() for name in table.columns]
    numbers = []
    for name in columns:
        if name.lower() not in known:
            hint = nearest(name, table.columns)
            raise FormulaError(f"the table has no column {name!r}; {hint}")
        numbers.append(known.index(name.lower()))
    left = table.area.left
    return area._replace(left=left + min(numbers), right=left + max(numbers))


def _table(name: str, tables: Mapping[str, Table], sheet: str, row: int, column: int) -> Table:
    if name:
        if name.lower() not in tables:
            raise FormulaError(f"there is no table {name!r}; {nearest(name, tables)}")
        return tables[name.lower()]
    for table in tables.values():
        area = table.area
        inside = area.top <= row <= area.bottom and area.left <= column <= area.right
        if area.sheet == sheet and inside:
            return table
    raise FormulaError("a reference to a table's column stands outside of a table")


def _body(table: Table) -> Area:
    area = table.area
    return area._replace(top=area.top + table.headers, bottom=area.bottom - table.totals)


def _this_row(table: Table, sheet: str, row: int, text: str) -> Area:
    body = _body(table)
    if sheet != body.sheet or not body.top <= row <= body.bottom:
        raise FormulaError(f"{text} means a row of the table; this cell is in none")
    return body._replace(top=row, bottom=row)


def _rows(table: Table, words: set[str], text: str) -> Area:
    area, body = table.area, _body(table)
    if "#all" in words:
        return area
    top, bottom = body.top, body.bottom
    if "#headers" in words:
        top, bottom = area.top, body.bottom if "#data" in words else body.top - 1
    if "#totals" in words:
        top, bottom = body.top if "#data" in words else body.bottom + 1, area.bottom
    if not area.top <= top <= bottom <= area.bottom:
        raise FormulaError(f"{text} means a row that the table does not have")
    return area._replace(top=top, bottom=bottom)
