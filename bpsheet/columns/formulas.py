"""The user's own formulas as quantities: `t = x + y`, `a = tanh(W @ x + b)`, `h[t] = …`.

>>> read_line("t = x + y", ["x", "y"])
('t', Sum(terms=(Ref(name='x', lag=0), Ref(name='y', lag=0))))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from bpsheet.errors import FormulaError
from bpsheet.formula.arrays import Array, entry_names, shape_of
from bpsheet.formula.parse import NAME, Arrays, parse_formula
from bpsheet.formula.tree import Expr, Ref, Sum, replace_refs
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.quantities import Band, Quantity, Scope
from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Graph

__all__ = ["Formulas", "Line", "formula_bands", "lines_of", "parameter_bands", "steps_of"]

LINE = re.compile(rf"\s*(?P<name>{NAME})(?:\[(?P<index>[^\]=]*)\])?\s*=(?!=)")
RANGE = re.compile(r"\s*([0-9]{1,4})\s*:\s*([0-9]{1,4})\s*")
# More steps of a sequence than this are no sheet.
MOST_STEPS = 1_000


class Line(NamedTuple):
    """A formula of the experiment file, once for each step: its number there, text and indices."""

    number: int
    text: str
    indices: Mapping[str, int]


def steps_of(text: str) -> range:
    """The steps of a range such as `1:3`. Raises FormulaError for any other text.

    >>> list(steps_of("1:3"))
    [1, 2, 3]
    """
    found = RANGE.fullmatch(text)
    if found is None:
        raise FormulaError('a range such as "1:3" expected')
    steps = range(int(found[1]), int(found[2]) + 1)
    if not 1 <= len(steps) <= MOST_STEPS:
        raise FormulaError(f"1 to {MOST_STEPS:,} steps expected; {text.strip()} has {len(steps):,}")
    return steps


def lines_of(graph: Graph) -> Iterator[Line]:
    """The formulas in the order of computing: lines that repeat, in a row, once for each step."""

    def repeats(numbered: tuple[int, str]) -> str | None:
        begin = LINE.match(numbered[1])
        index = (begin["index"] or "").strip() if begin else ""
        return index if index in graph.repeat else None

    numbered = enumerate(graph.forward, start=1)
    for index, lines in groupby(numbered, key=repeats):
        block = list(lines)
        for step in [None] if index is None else steps_of(graph.repeat[index]):
            indices = {} if index is None or step is None else {index: step}
            for number, text in block:
                yield Line(number, text, indices)


def read_line(line: str, names: Collection[str], arrays: Arrays | None = None) -> tuple[str, Expr]:
    """The name and the formula of a line. The formula may refer to `names` only.

    Raises FormulaError for any other line; a caret points at the wrong character.
    """
    begin = LINE.match(line)
    if begin is None:
        shown = line.replace("\n", " ")[:100]
        raise FormulaError(f"a name, = and a formula expected, such as t = x + y\n  {shown}\n  ^")
    name = begin["name"]
    if begin["index"] is not None:
        index = begin["index"].strip()
        known = arrays.indices if arrays is not None else {}
        if index not in known and not index.isdecimal():
            place = begin.start("index")
            said = (
                f"a number or a name of repeat expected in h[…]\n  {line[:100]}\n  {' ' * place}^"
            )
            raise FormulaError(said)
        name = f"{name}[{known.get(index) if index in known else int(index)}]"
    return name, parse_formula(line, names, begin.end(), arrays)


def _cells(name: str, shape: Sequence[int]) -> Array:
    """The names of a quantity's columns: those of h[2] begin with h2."""
    return entry_names(re.sub(r"\[(\d+)\]", r"\1", name), tuple(shape))


def parameter_bands(
    graph: Graph, notation: Notation, adjustments: Mapping[str, str], scope: Scope
) -> list[Band]:
    """The parameters: typed in the first row, then the last value plus its adjustment."""
    values = graph.parameter_entries
    follows = "from the second row on, the last one plus its adjustment"

    def column(entry: str, formula: Expr) -> Column:
        return Column(
            name=entry,
            phase=Phase.WEIGHT,
            role=Role.WEIGHT,
            formula=formula,
            start=values[entry],
            adjoint_name=notation.name("gradient", weight=entry, loss=graph.loss),
            meaning=f"parameter {entry}; {follows if adjustments.get(entry) else 'never updated'}",
        )

    return [
        Band((_parameter(name, shape, adjustments, scope, column),))
        for name, shape in graph.parameter_shapes.items()
    ]


def _parameter(
    name: str,
    shape: tuple[int, ...],
    adjustments: Mapping[str, str],
    scope: Scope,
    column: Callable[[str, Expr], Column],
) -> Quantity:
    """A parameter; `column` makes the column of an entry with a formula."""
    entries = _cells(name, shape)
    adjusted = np.vectorize(adjustments.get, otypes=[object])(entries)
    own = f"Δ{name}" if shape else adjusted.item()
    if shape:
        scope.announce(own, adjusted)
    last = Ref(name, lag=1)
    formula = Sum((last, Ref(own, lag=1))) if any(adjusted.ravel()) else last
    return scope.quantity(
        name, entries, formula, lambda index, formula, _: column(entries[index], formula)
    )


class Defined(NamedTuple):
    """A quantity of the formulas. `is_shift` says that its derivatives cancel: the largest entry that
    softmax subtracts.
    """

    name: str
    formula: Expr
    is_shift: bool = False


class Formulas:
    """Reads lines one after another; each may use the names before it.

    known:  the names so far
    shapes: the shapes of those that are vectors and matrices
    """

    def __init__(self, graph: Graph) -> None:
        self.known: dict[str, None] = dict.fromkeys([*graph.inputs, *graph.parameters])
        shapes = graph.parameter_shapes | {n: tuple(s) for n, s in graph.shapes.items()}
        self.shapes = {name: shape for name, shape in shapes.items() if shape}
        # The columns of numbered quantities that are numbers: h2 for h[2].
        self.numbers: dict[Ref, Expr] = {}

    def read(self, line: Line) -> list[Defined]:
        """What a line defines: the parts of softmax in it, then its own quantity.

        Raises FormulaError for a line that is no formula of what is known.
        """
        begin = LINE.match(line.text)
        stem = begin["name"] if begin else ""
        step = "".join(map(str, line.indices.values()))
        made: list[Defined] = []

        def hoist(part: str, formula: Expr) -> Ref:
            name = f"{stem}{step}_{part}"
            while name in self.known:
                name += "_"
            made.append(self._defined(name, formula, is_shift=part == "max"))
            return Ref(name)

        arrays = Arrays(self.shapes, line.indices, hoist)
        name, formula = read_line(line.text, self.known, arrays)
        made.append(self._defined(name, formula))
        return made

    def _defined(self, name: str, formula: Expr, *, is_shift: bool = False) -> Defined:
        self.known[name] = None
        if shape := shape_of(formula, self.shapes):
            self.shapes[name] = shape
        elif "[" in name:
            self.numbers[Ref(name)] = Ref(_cells(name, ()).item())
        return Defined(name, replace_refs(formula, self.numbers), is_shift)


def formula_bands(graph: Graph, notation: Notation, scope: Scope) -> list[Band]:
    """The formulas in order. Each except the loss gets a derivative in the backward pass."""
    reader = Formulas(graph)
    return [
        Band((_formula(defined, graph, notation, scope),))
        for line in lines_of(graph)
        for defined in reader.read(line)
    ]


def _formula(defined: Defined, graph: Graph, notation: Notation, scope: Scope) -> Quantity:
    entries = _cells(defined.name, shape_of(defined.formula, scope.shapes))
    is_loss = defined.name == graph.loss

    def make(index: tuple[int, ...], formula: Expr, own: Mapping[str, Expr] | None) -> Column:
        entry = entries[index]
        adjoint = notation.name("derivative", value=entry, loss=graph.loss)
        return Column(
            name=entry,
            phase=Phase.FORWARD,
            role=Role.LOSS if is_loss else Role.VALUE,
            formula=formula,
            adjoint_name=None if is_loss or defined.is_shift else adjoint,
            partials=own,
            meaning="what is minimised (or, by gradient ascent, maximised)"
            if is_loss
            else f"value {entry}, by its formula in the experiment",
        )

    name = defined.name if entries.shape else entries.item()
    return scope.quantity(name, entries, defined.formula, make, {} if defined.is_shift else None)
