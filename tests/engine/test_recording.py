"""What a run records: all of it or a part, in pieces or at once."""

from __future__ import annotations

import math
import resource

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.engine import engine
from bpsheet.engine.engine import Streamed, run
from bpsheet.engine.recording import Extents, Keep
from tests.helpers.recordings import assert_same_bits, codes
from tests.helpers.samples import draws
from tests.helpers.strategies import experiments, graphs


def in_pieces(rows, task):
    """What a task gives when runs come in pieces of so many rows."""
    usual = engine.MOST_ROWS
    engine.MOST_ROWS = rows
    try:
        return task()
    finally:
        engine.MOST_ROWS = usual


def kept(keep, iterations):
    """The iterations that are kept."""
    every = np.arange(1, iterations + 1)
    return every[keep.chosen(every, iterations)]


@pytest.mark.slow
@given(st.one_of(experiments(), graphs()), st.sampled_from([1, 2, 3, 7]), st.integers(1, 40))
@draws(25)
def test_a_run_in_pieces_is_the_run(experiment, rows, iterations):
    """To the last bit, errors included; and its extents are those of all of its values."""
    whole = experiment.run(iterations).recording
    longer = experiment.changed({"iterations": iterations})
    streamed = in_pieces(rows, lambda: Streamed(longer.program(), iterations))
    pieces = in_pieces(rows, lambda: list(streamed.pieces()))
    assert max(map(len, pieces)) <= rows
    assert_same_bits(np.concatenate([piece.values for piece in pieces]), whole.values)
    assert_same_bits(np.concatenate([codes(piece) for piece in pieces]), codes(whole))
    assert np.concatenate([p.iterations for p in pieces]).tolist() == list(range(1, iterations + 1))
    assert streamed.first_error_row == whole.first_error_row
    assert len(streamed) == iterations
    extents = Extents.of(whole.values)
    for name in ("lowest", "largest", "whole"):
        np.testing.assert_array_equal(getattr(streamed.extents, name), getattr(extents, name))


@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20))
def test_extents_are_the_lowest_value_the_largest_size_and_whether_all_are_whole(values):
    found = Extents.of(np.array(values)[:, None])
    known = [value for value in values if not math.isnan(value)]
    assert found.largest[0] == max(map(abs, known), default=0.0)
    assert found.whole[0] == all(value.is_integer() for value in known)
    if known:
        assert found.lowest[0] == min(known)


KEEPS = st.one_of(
    st.integers(1, 30).map(lambda count: Keep(every=count)),
    st.integers(1, 30).map(lambda count: Keep(last=count)),
    st.integers(1, 30).map(lambda count: Keep(ends=count)),
)


@given(KEEPS, st.integers(1, 60))
def test_what_is_kept_is_what_was_asked_for_and_is_counted_before_the_run(keep, iterations):
    """Every so-manieth from the first on and the last; the last ones; those at both ends."""
    every = list(range(1, iterations + 1))
    expected = [n for n in every if (n - 1) % keep.every == 0 or n == iterations]
    if keep.last is not None:
        expected = every[-keep.last :]
    if keep.ends is not None:
        expected = sorted({*every[: keep.ends], *every[-keep.ends :]})
    assert kept(keep, iterations).tolist() == expected
    assert keep.count(iterations) == len(expected)


@pytest.mark.slow
@given(experiments(), KEEPS, st.integers(1, 40), st.sampled_from([1, 3, 4096]))
@draws(60)
def test_a_part_is_recorded_as_if_all_had_been(experiment, keep, iterations, rows):
    whole = experiment.run(iterations)
    program = whole.experiment.program()
    part = in_pieces(rows, lambda: run(program, iterations, keep=keep))
    chosen = kept(keep, iterations) - 1
    assert_same_bits(part.values, whole.values[chosen])
    assert_same_bits(codes(part), codes(whole.recording)[chosen])
    streamed = Streamed(program, iterations, keep)
    assert_same_bits(np.concatenate([p.values for p in streamed.pieces()]), part.values)
    assert streamed.first_error_row == part.first_error_row


def test_a_kept_trace_has_the_iterations_as_its_index(traced):
    whole = traced("book-xor", 100).frame
    for keep, index in (("every:30", [1, 31, 61, 91, 100]), ("last:3", [98, 99, 100])):
        trace = bp.load("book-xor").run(100, keep=keep)
        assert trace.frame.index.tolist() == index
        pd.testing.assert_frame_equal(trace.frame, whole.loc[index], check_index_type=False)
        assert trace.steps.index.get_level_values(0).tolist() == [
            i for i in index for _ in range(3)
        ]
        with pytest.raises(bp.ExperimentError, match="run it without keep"):
            trace.explain(98)
    assert bp.load("exploding").run(60, keep="every:7").first_error.iteration == 15


def test_a_run_of_any_length_is_refused_only_where_it_would_be_held():
    with pytest.raises(bp.LimitError, match=r"keep a part of them, or write them to a file"):
        bp.load("two-neuron").run(900_000_000)


def test_resources_are_as_they_were():
    """No test has left a limit on the size of files behind."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
