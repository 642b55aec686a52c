"""Columns of one kind, computed together: to the last bit what one formula after the other gives."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.engine import blocks, engine
from bpsheet.engine.engine import run
from bpsheet.formula.tree import Call, Compare, If, Mul, Num, Ref, Sum
from bpsheet.program.program import Program
from bpsheet.program.quantities import Band, Scope, alone, columns_of
from tests.helpers.arrays import cells, formulas
from tests.helpers.one_by_one import assert_same, column, numbers, programs
from tests.helpers.samples import draws
from tests.helpers.strategies import experiments, graphs


@contextmanager
def in_blocks(least):
    """Every network counts as wide, and so many entries as an array that is computed at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine, "MOST_SINGLE", 0)
        patched.setattr(blocks, "LEAST", least)
        yield


@given(st.one_of(experiments(), graphs()), st.sampled_from([2, 3, 8]))
@draws(25)
def test_columns_computed_in_blocks_are_their_formulas_computed_one_by_one(experiment, least):
    """To the last bit: every layer, loss, rule and batch."""
    with in_blocks(least):
        assert_same(experiment.program(), experiment.iterations)


@given(programs(), st.sampled_from([1, 2, 4096]))
@draws(100)
def test_blocks_of_any_formulas_too(program, chunk):
    """With errors anywhere."""
    with in_blocks(2), pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine, "MOST_ROWS", chunk)
        assert_same(program, 9)


@st.composite
def arrays(draw):
    """Given arrays, and some quantities with random formulas of them and of one another."""
    scope = Scope()
    given, values, quantities = [], {}, []
    for name, array in cells().items():
        columns = [column(ref.name, None) for ref in array.ravel()]
        given += columns
        values |= {c.name: draw(st.lists(numbers, min_size=4, max_size=4)) for c in columns}
        scope.announce(name, [ref.name for ref in array.ravel()])
        scope.put_array(name, array)
        quantities += alone(columns)
    given.append(column("s", None))
    quantities += alone(given[-1:])
    values["s"] = draw(st.lists(numbers, min_size=4, max_size=4))
    for number in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from([(), (2,), (3,), (3, 2), (3, 3)]))
        name = f"q{number}"
        entries = np.empty(shape, object)
        for index in np.ndindex(*shape):
            entries[index] = "_".join([name, *map(str, index)])
        formula = draw(formulas(shape))
        if draw(st.booleans()):
            test = Compare("<", Ref("s"), Num(0.0))
            formula = If(test, formula, Mul(Num(2.0), formula))
        made = scope.quantity(
            name, entries, formula, lambda i, f, _, entries=entries: column(entries[i], f)
        )
        quantities.append(Band((made,)))
    return Program(
        tuple(columns_of(quantities)),
        given=values,
        quantities=tuple(q for band in quantities for q in band.quantities),
        arrays=scope.cells,
    )


@pytest.mark.slow
@given(arrays(), st.sampled_from([1, 4]))
@draws(300)
def test_arrays_of_any_formulas_are_computed_as_their_cells_are(program, least):
    """Products, sums down and across, what is repeated, and a choice between two arrays."""
    with in_blocks(least):
        assert_same(program, 4)


def test_an_exchanged_column_is_computed_and_not_what_its_array_says():
    """Who changes a program, as a convention of hand sheets does, changes its columns."""
    program = bp.load("two-neuron").program()
    changed = replace(
        program,
        columns=tuple(
            replace(c, formula=Num(0.25)) if c.name == "z_g" else c for c in program.columns
        ),
    )
    with in_blocks(1):
        assert run(changed, 1).values[0, program.position["z_g"]] == 0.25
        assert run(program, 1).values[0, program.position["z_g"]] == pytest.approx(-0.25)


def test_sums_of_negative_zeros_stay_negative_in_blocks():
    """0 + -0 would be 0, and -0 + -0 is -0: a sum begins with its first term."""
    given = [column(f"x{n}", None) for n in range(4)]
    learned = [column(f"t{n}", Call("tanh", (Ref(f"x{n}"),))) for n in range(4)]
    total = Sum(tuple(Ref(f"t{n}") for n in range(4)))
    program = Program(
        (*given, *learned, *(column(f"s{n}", total) for n in range(4))),
        given={f"x{n}": [-0.0] for n in range(4)},
    )
    with in_blocks(2):
        recording = assert_same(program, 1)
    assert np.signbit(recording.values).all()


@pytest.mark.slow
def test_a_wide_network_is_computed_in_blocks_to_the_last_bit(monkeypatch):
    """Ten iterations of 64-32-10, 7,486 columns, in a few operations each."""
    program = bp.load("digits").program()
    fast = run(program, 10)
    assert engine._Runner(program)._code.operations < 60
    monkeypatch.setattr(engine, "MOST_SINGLE", 10**6)
    slow = run(program, 10)
    assert fast.values.tobytes() == slow.values.tobytes()
