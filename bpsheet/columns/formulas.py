"""The user's own formulas as quantities: `t = x + y`, `a = tanh(W @ x + b)`, `h[t] = …`.

>>> read_line("t = x + y", ["x", "y"])
('t', Sum(terms=(Ref(name='x', lag=0), Ref(name='y', lag=0))))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import NamedTuple

import numpy as np

from bpsheet.columns.before import last_value
from bpsheet.errors import FormulaError
from bpsheet.formula.arrays import Array, entry_names, shape_of, step_name
from bpsheet.formula.parse import NAME, Arrays, OwnFunctions, parse_formula
from bpsheet.formula.tree import Expr, Ref, Sum, references, replace_refs
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.quantities import Band, Quantity, Scope
from bpsheet.tables.graph import Graph
from bpsheet.tables.notation import Notation

__all__ = ["Formulas", "Line", "formula_bands", "lines_of", "parameter_bands", "steps_of"]

LINE = re.compile(rf"\s*(?P<name>{NAME})(?:\[(?P<index>[^\]=]*)\])?\s*=(?!=)")
RANGE = re.compile(r"\s*([0-9]{1,4})\s*:\s*([0-9]{1,4})\s*")
NUMBERED = re.compile(r"\[(\d+)\]")
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


def read_line(
    line: str,
    names: Collection[str],
    arrays: Arrays | None = None,
    own: OwnFunctions | None = None,
) -> tuple[str, Expr]:
    """The name and the formula of a line. The formula may refer to `names` only, and call functions
    of the user's `own`.

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
    return name, parse_formula(line, names, begin.end(), arrays, own)


def _cells(name: str, shape: Sequence[int]) -> Array:
    """The names of a quantity's columns: those of h[2] begin with h2."""
    stem, bracket, step = name.partition("[")
    return entry_names(step_name(stem, int(step[:-1])) if bracket else name, tuple(shape))


def parameter_bands(
    graph: Graph, notation: Notation, adjustments: Mapping[str, str], scope: Scope
) -> list[Band]:
    """The parameters: typed in the first row, then the last value plus its adjustment."""
    values, constants = graph.parameter_entries, graph.constant_entries
    follows = "from the second row on, the last one plus its adjustment"

    def column(stem: str, entry: str, formula: Expr) -> Column:
        if entry in constants:
            return Column(
                name=entry,
                phase=Phase.INPUT,
                role=Role.DATA,
                formula=formula,
                start=values[entry],
                meaning=f"constant {entry}{_said(graph, stem)}; never updated",
            )
        return Column(
            name=entry,
            phase=Phase.WEIGHT,
            role=Role.WEIGHT,
            formula=formula,
            start=values[entry],
            adjoint_name=notation.name("gradient", weight=entry, loss=graph.loss)
            if graph.loss is not None
            else None,
            meaning=f"parameter {entry}{_said(graph, stem)}; "
            + (follows if adjustments.get(entry) else "never updated"),
        )

    return [
        Band((_parameter(name, shape, adjustments, scope, partial(column, name)),))
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


def _said(graph: Graph, name: str) -> str:
    """What the experiment says of a quantity."""
    meaning = graph.meanings.get(name.partition("[")[0])
    return f" ({meaning})" if meaning else ""


def _meaning(graph: Graph, name: str, entry: str) -> str:
    """What an entry of a formula's quantity is."""
    said = graph.meanings.get(name.partition("[")[0], "")
    return f"value {entry}: {said}" if said else f"value of the formula for {entry}"


class Defined(NamedTuple):
    """A quantity of the formulas.

    is_shift:   its derivatives cancel: the largest entry that softmax subtracts
    is_running: it uses its value in the row before, as a running mean does
    step:       its step of a sequence
    """

    name: str
    formula: Expr
    is_shift: bool = False
    is_running: bool = False
    step: int | None = None


class Formulas:
    """Reads lines one after another; each may use the names before it.

    own:    the functions that the user defines
    known:  the names so far
    shapes: the shapes of those that are vectors and matrices
    """

    def __init__(self, graph: Graph, own: OwnFunctions) -> None:
        self.own = own
        self.known: dict[str, None] = dict.fromkeys(
            [*graph.inputs, *graph.masks, *graph.constants, *graph.parameters]
        )
        shapes = graph.parameter_shapes | {n: tuple(s) for n, s in graph.shapes.items()}
        self.shapes = {name: shape for name, shape in shapes.items() if shape}
        self.running: set[str] = set()
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

        arrays = Arrays(self.shapes, line.indices, hoist, last_value)
        name, formula = read_line(line.text, self.known, arrays, self.own)
        used = list(references(formula))
        is_running = any(ref.lag for ref in used)
        if is_running:
            self.running.add(name)
        elif (running := next((r.name for r in used if r.name in self.running), None)) is not None:
            said = f"{running} uses its value in the row before; nothing that leads to the loss may use it"
            raise FormulaError(f"{said}\n  {line.text}\n  {' ' * line.text.find(running)}^")
        made.append(self._defined(name, formula)._replace(is_running=is_running))
        numbered = NUMBERED.search(name)
        return [one._replace(step=int(numbered[1]) if numbered else None) for one in made]

    def _defined(self, name: str, formula: Expr, *, is_shift: bool = False) -> Defined:
        self.known[name] = None
        if shape := shape_of(formula, self.shapes):
            self.shapes[name] = shape
        elif "[" in name:
            self.numbers[Ref(name)] = Ref(_cells(name, ()).item())
        return Defined(name, replace_refs(formula, self.numbers), is_shift)


def formula_bands(graph: Graph, notation: Notation, own: OwnFunctions, scope: Scope) -> list[Band]:
    """The formulas in order. Each except the loss gets a derivative in the backward pass."""
    reader = Formulas(graph, own)
    return [
        Band((_formula(defined, graph, notation, scope),))
        for line in lines_of(graph)
        for defined in reader.read(line)
    ]


def _formula(defined: Defined, graph: Graph, notation: Notation, scope: Scope) -> Quantity:
    entries = _cells(defined.name, shape_of(defined.formula, scope.shapes))
    is_loss = defined.name == graph.loss
    is_constant = is_loss or defined.is_shift or graph.loss is None

    def make(index: tuple[int, ...], formula: Expr, own: Mapping[str, Expr] | None) -> Column:
        entry = entries[index]
        adjoint = notation.name("derivative", value=entry, loss=graph.loss)
        if defined.is_running:
            meaning = f"{_meaning(graph, defined.name, entry)}; carried on from row to row"
            return Column(entry, Phase.UPDATE, Role.MEMORY, formula, meaning=meaning)
        return Column(
            name=entry,
            phase=Phase.FORWARD,
            role=Role.LOSS if is_loss else Role.VALUE,
            formula=formula,
            adjoint_name=None if is_constant else adjoint,
            partials=own,
            meaning=graph.meanings.get(defined.name)
            or "the value that gradient descent makes smaller, and gradient ascent larger"
            if is_loss
            else _meaning(graph, defined.name, entry),
        )

    name = defined.name if entries.shape else entries.item()
    partials: Mapping[str, Expr] | None = {} if defined.is_shift else None
    made = scope.quantity(name, entries, defined.formula, make, partials)
    return replace(made, step=defined.step)
