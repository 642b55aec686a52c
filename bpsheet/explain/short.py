"""A handout: one worked line of each kind, and tables of the other numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby

from bpsheet.explain.row import Row
from bpsheet.formula.tree import Ref
from bpsheet.paper.blocks import QUANTITY, Block, Equation, Listing, Side, Table
from bpsheet.program.column import Column

__all__ = ["of_each_kind", "tables_of", "weights_table"]


NUMBER = re.compile(r"\d+")


def of_each_kind(
    columns: Iterable[Column], sentence: Callable[[Column], str], names: Collection[str]
) -> list[Column]:
    """The first column of each kind: of those whose sentences differ in names and numbers alone.

    A weight stands for the biases, too: that a bias has the input 1 is the easier case.
    """
    first: dict[str, Column] = {}
    for column in columns:
        plain = QUANTITY.sub(lambda m: "x" if m[0] in names else m[0], sentence(column))
        # The values of formulas have one sentence; their names tell which array they belong to.
        kind = NUMBER.sub("1", plain if column.neuron else f"{plain} {column.name}")
        known = first.get(kind)
        if known is None or (known.is_of_weight and not known.input and column.input):
            first[kind] = column
    return list(first.values())


def tables_of(columns: Iterable[Column], worked: Collection[str], row: Row) -> list[Block]:
    """The values of a phase: a table with a row for each neuron, and a list of all others.

    `worked` are the columns whose values stand above already; the list leaves them out.
    """
    own = [column for column in columns if not column.is_of_weight]
    by_neuron = [column for column in own if column.neuron is not None]
    others = [column for column in own if column.neuron is None and column.name not in worked]
    blocks: list[Block] = []
    if len({column.name for column in by_neuron} - set(worked)):
        # A backward pass begins with the last neuron; a table is read from the first on.
        place = {
            neuron: index
            for index, neuron in enumerate(dict.fromkeys(c.neuron for c in row.program))
        }
        by_neuron.sort(key=lambda c: place[c.neuron])
        blocks.append(_table("neuron", by_neuron, row))
    if others:
        values = (
            Equation((Side(Ref(column.name)), Side.of(row.shown(Ref(column.name)))))
            for column in others
        )
        blocks.append(Listing("The others", tuple(values)))
    return blocks


def weights_table(weights: Sequence[Column], row: Row, new: dict[str, Side]) -> Table | None:
    """A row for each weight: its value, its gradient, what the rule makes of that, its new value."""
    names = {weight.name for weight in weights}
    about = [column for column in row.program if column.weight in names]
    if not weights or not about:
        return None
    about.sort(key=lambda c: (row.program.position[str(c.weight)], row.program.position[c.name]))
    table = _table("weight", [*weights, *about], row)
    last = ((new.get(weight.name),) for weight in weights)
    return Table((*table.head, "new"), tuple(a + b for a, b in zip(table.rows, last, strict=True)))


def _table(of: str, columns: Sequence[Column], row: Row) -> Table:
    """A row for each neuron or weight that the columns belong to, a column for each role."""
    rows: dict[str, dict[str, Side]] = {}
    for subject, group in groupby(columns, lambda c: _subject(c, of)):
        cells = rows.setdefault(subject, {})
        for column in group:
            head = str(column.role)
            if head in cells:
                # Adam has four memories, softmax two parts: their names tell them apart.
                head = column.name.replace(subject, "").strip("_ ") or column.name
            cells[head] = Side.of(row.shown(Ref(column.name)))
    heads = list(dict.fromkeys(head for cells in rows.values() for head in cells))
    return Table(
        (of, *heads),
        tuple(
            (Side(Ref(subject)), *(cells.get(head) for head in heads))
            for subject, cells in rows.items()
        ),
    )


def _subject(column: Column, of: str) -> str:
    """The neuron or the weight that a column is about."""
    return str(column.neuron if of == "neuron" else column.weight or column.name)
