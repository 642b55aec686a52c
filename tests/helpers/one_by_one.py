"""Programs, and what they compute by definition: every formula of every row on its own."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from bpsheet.engine.engine import run
from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Call, Compare, If, Lookup, Num, Param, Ref, Sum, replace_refs
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Parameter, Program
from tests.helpers.strategies import NAMES, edges, refs, trees


def column(name, formula, **more):
    return Column(name, Phase.FORWARD, Role.OUTPUT, formula, **more)


def row_by_row(program, iterations):
    """The values and errors of a program, one formula after the other."""
    parameters = {parameter.name: parameter.value for parameter in program.parameters}
    rows = []
    for number in range(iterations):
        here = {}

        def look(ref, here=here):
            value = rows[-1][ref.name] if ref.lag else here[ref.name]
            if isinstance(value, CellError):
                raise value
            return value

        for entry in program:
            try:
                if entry.start is not None and number == 0:
                    value = entry.start
                elif entry.formula is None:
                    value = program.given[entry.name][number]
                else:
                    value = evaluate(entry.formula, look, parameters, program.tables)
            except CellError as error:
                value = error
            here[entry.name] = value
        rows.append(here)
    return rows


def assert_same(program, iterations):
    """The recording has the values bit for bit, NaN and the code where there is an error."""
    recording = run(program, iterations)
    rows = row_by_row(program, iterations)
    first = iterations
    for number, here in enumerate(rows):
        for place, value in enumerate(here.values()):
            found = recording.values[number, place]
            code = 0
            if number >= recording.first_error_row:
                code = recording.errors[number - recording.first_error_row, place]
            if isinstance(value, CellError):
                first = min(first, number)
                assert math.isnan(found)
                assert code == value.code
            else:
                assert code == 0
                assert found.tobytes() == np.float64(value).tobytes()
    assert recording.first_error_row == first
    return recording


numbers = st.one_of(edges, st.floats(-5, 5))
LEAVES = st.one_of(refs, numbers.map(Num), st.just(Param("rate")))
FORMULAS = trees(LEAVES, max_leaves=6)


@st.composite
def formulas(draw, columns):
    """A formula over some of these columns."""
    chosen = {Ref(name): draw(st.sampled_from(columns)) for name in NAMES}
    return replace_refs(draw(FORMULAS), chosen)


@st.composite
def programs(draw):
    """Columns of any kind: counted, remembered, given, looked up, computed from all of these."""
    known = [Ref("n"), Ref("given"), Ref("data"), Ref("s1"), Ref("s2")]
    made = []
    for index in range(draw(st.integers(1, 4))):
        formula = draw(formulas(known))
        if draw(st.booleans()):
            # As running sums do: the row before is looked at from the second row on.
            before = Ref(draw(st.sampled_from(["n", "s1", f"c{index}"])), 1)
            begins = Compare("=", Ref("n"), Num(1.0))
            formula = If(begins, formula, Sum((before, formula)))
        made.append(column(f"c{index}", formula))
        known.append(Ref(f"c{index}"))
    before = [Ref(ref.name, 1) for ref in known]
    columns = (
        column("n", Sum((Ref("n", 1), Num(1.0))), start=1.0),
        column("given", None),
        column("data", Lookup("table", Sum((Call("mod", (Ref("n"), Num(3.0))), Num(1.0))))),
        column("s1", draw(formulas(before)), start=draw(numbers)),
        column("s2", draw(formulas(before)), start=draw(numbers)),
        *made,
    )
    return Program(
        columns,
        (Parameter("rate", draw(numbers), "rate"),),
        {"table": draw(st.lists(numbers, min_size=3, max_size=3))},
        {"given": draw(st.lists(numbers, min_size=9, max_size=9))},
    )


def counting(formula, names=("n",), **more):
    """n = 1, 2, 3 … and o, a formula of n."""
    return Program(
        (
            column("n", Sum((Ref("n", 1), Num(1.0))), start=1.0),
            column("o", parse_formula(formula, names), **more),
        )
    )
