"""Machine code: the bits of Python, for long runs, where llvmlite is installed."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.engine import engine, native
from bpsheet.engine.engine import run
from tests.engine.test_blocks import arrays
from tests.helpers.one_by_one import assert_same, programs
from tests.helpers.samples import draws, sampled, small_templates
from tests.helpers.strategies import experiments, graphs

pytest.importorskip("llvmlite", reason="the extra fast is not installed")


@pytest.fixture(scope="module", autouse=True)
def _always():
    """Machine code for every run, however short."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(native, "WORTH_IT", 0)
        yield


def code_of(program, rows=10):
    return engine._Runner(program, rows)._code


@given(st.one_of(experiments(), graphs()))
@draws(60)
def test_any_experiment_has_the_values_of_its_formulas_one_by_one(experiment):
    """To the last bit: every layer, loss, rule, batch and schedule."""
    assert_same(experiment.program(), experiment.iterations)


@given(programs())
@draws(60)
def test_programs_with_errors_anywhere_are_computed_as_one_by_one(program):
    assert_same(program, 9)


@given(arrays())
@draws(40)
def test_arrays_of_any_formulas_are_computed_as_their_cells_are(program):
    assert_same(program, 4)


@pytest.mark.parametrize("name", sampled(small_templates(), "two-neuron", "iris", "exploding"))
def test_a_template_has_the_same_bits(name, monkeypatch):
    program = bp.load(name).program(60)
    fast = run(program, 60)
    monkeypatch.setattr(native, "WORTH_IT", math.inf)
    slow = run(program, 60)
    assert fast.values.tobytes() == slow.values.tobytes()
    assert fast.errors.tobytes() == slow.errors.tobytes()


def test_a_wide_network_has_the_same_bits(monkeypatch):
    program = bp.load("digits").program(20)
    fast = run(program, 20)
    assert isinstance(code_of(program), native.Native)
    monkeypatch.setattr(native, "WORTH_IT", math.inf)
    assert run(program, 20).values.tobytes() == fast.values.tobytes()


def test_a_power_is_that_of_the_c_library_and_not_a_product():
    """LLVM would write pow(x, 2) as x * x, which has other bits now and then."""
    program = bp.load("two-neuron").program(3)
    assert isinstance(code_of(program), native.Native)
    from bpsheet.engine.machine import Machine

    text = Machine(program, engine._Runner(program)._ahead.indices).text()
    assert "@bpsheet_pow" in text
    assert "@pow(" not in text
    assert not any(word in text for word in (" fast ", " contract ", " reassoc ", "fmuladd"))


def test_short_runs_are_left_to_python(monkeypatch):
    monkeypatch.setattr(native, "WORTH_IT", 3_000_000)
    program = bp.load("two-neuron").program()
    assert not isinstance(code_of(program, 1000), native.Native)
    assert isinstance(code_of(program, 1_000_000), native.Native)


def test_without_llvmlite_python_computes_everything(monkeypatch):
    monkeypatch.setattr(native, "find_spec", lambda _: None)
    program = bp.load("two-neuron").program()
    assert not isinstance(code_of(program), native.Native)


def test_a_c_library_with_other_bits_is_not_used(monkeypatch):
    monkeypatch.setattr(native, "_library", lambda: None)
    program = bp.load("two-neuron").program()
    assert not isinstance(code_of(program), native.Native)


def test_the_library_is_compared_with_pythons_own_functions(monkeypatch):
    native._library.cache_clear()
    monkeypatch.setitem(native.PYTHON, "tanh", lambda x: math.nextafter(math.tanh(x), 2))
    assert native._library() is None
    monkeypatch.undo()
    native._library.cache_clear()
    assert native._library() is not None


def test_a_run_that_overflows_goes_on_where_it_is_finite_again():
    """The first row, rows with errors, and the rows after them."""
    experiment = bp.load("exploding").changed({"learning_rate": 50.0})
    recording = run(experiment.program(30), 30)
    assert np.isnan(recording.values).any()
    assert sys.getsizeof(recording.errors)
    assert_same(experiment.program(30), 30)
