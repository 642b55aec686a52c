"""Columns of one kind, computed together: to the last bit what one formula after the other gives."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.engine import engine, patterns
from bpsheet.engine.engine import run
from bpsheet.formula.tree import (
    Call,
    Compare,
    If,
    Mul,
    Num,
    Param,
    Ref,
    Sum,
    references,
    replace_refs,
)
from bpsheet.program.program import Parameter, Program
from tests.helpers.one_by_one import assert_same, column, numbers, programs
from tests.helpers.samples import draws
from tests.helpers.strategies import NAMES, experiments, graphs, refs, trees


@contextmanager
def in_blocks(least):
    """Every network counts as wide, and so many columns or terms of one kind as a block."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine, "MOST_SINGLE", 0)
        patched.setattr(patterns, "LEAST", least)
        yield


@given(st.one_of(experiments(), graphs()), st.sampled_from([2, 3, 8]))
@draws(50)
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


KINDS = trees(st.one_of(refs, numbers.map(Num), st.just(Param("rate"))), max_leaves=5)


@st.composite
def rows_of_columns(draw):
    """Many columns of a few kinds, each moved on from the one before: what blocks look for."""
    width, count = draw(st.integers(2, 12)), draw(st.integers(1, 3))
    given = [column(f"x{n}", None) for n in range(width)]
    values = {f"x{n}": draw(st.lists(numbers, min_size=6, max_size=6)) for n in range(width)}
    made = []
    for kind in range(count):
        formula, lags = draw(KINDS), draw(st.lists(st.booleans(), min_size=4, max_size=4))
        firsts = {name: draw(st.integers(0, 2)) for name in NAMES}
        steps = {name: draw(st.integers(0, 1)) for name in NAMES}
        known = [*given, *made]
        for number in range(width):
            chosen = {}
            for name, lag in zip(NAMES, lags, strict=True):
                place = (firsts[name] + number * steps[name]) % len(known)
                chosen[Ref(name)] = Ref(known[place].name, int(lag))
            moved = replace_refs(formula, chosen)
            begun = If(Compare("=", Ref("n"), Num(1.0)), Num(0.5), moved)
            looks_back = any(ref.lag for ref in references(moved))
            made.append(column(f"c{kind}_{number}", begun if looks_back else moved))
        total = Sum(tuple(Mul(Ref(f"c{kind}_{n}"), Ref(f"x{n}")) for n in range(width)))
        made.append(column(f"total{kind}", total))
    counter = column("n", Sum((Ref("n", 1), Num(1.0))), start=1.0)
    rate = Parameter("rate", draw(numbers), "rate")
    return Program((counter, *given, *made), (rate,), {}, values)


@given(rows_of_columns(), st.sampled_from([2, 4]))
@draws(150)
def test_rows_of_columns_in_blocks_are_computed_as_one_by_one(program, least):
    with in_blocks(least):
        assert_same(program, 6)


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


def test_a_wide_network_is_computed_in_blocks_to_the_last_bit(monkeypatch):
    """Ten iterations of 64-32-10, 7,486 columns, in a few operations each."""
    program = bp.load("digits").program()
    fast = run(program, 10)
    assert engine._Runner(program)._code.operations < 60
    monkeypatch.setattr(engine, "MOST_SINGLE", 10**6)
    slow = run(program, 10)
    assert fast.values.tobytes() == slow.values.tobytes()
