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
from bpsheet.engine.machine import Machine
from bpsheet.formula.tree import Call, Lookup, Neg, Num, Pow, Ref, Sum
from bpsheet.program.program import Program
from tests.engine.test_blocks import arrays
from tests.helpers.one_by_one import assert_same, column, programs
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
@draws(30)
def test_any_experiment_has_the_values_of_its_formulas_one_by_one(experiment):
    """To the last bit: every layer, loss, rule, batch and schedule."""
    assert_same(experiment.program(), experiment.iterations)


@given(programs())
@draws(30)
def test_programs_with_errors_anywhere_are_computed_as_one_by_one(program):
    assert_same(program, 9)


@pytest.mark.slow
@given(arrays())
@draws(40)
def test_arrays_of_any_formulas_are_computed_as_their_cells_are(program):
    assert_same(program, 4)


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", sampled(small_templates(), "two-neuron", "iris", "exploding"))
def test_a_template_has_the_same_bits(name, monkeypatch):
    program = bp.load(name).program(60)
    fast = run(program, 60)
    monkeypatch.setattr(native, "WORTH_IT", math.inf)
    slow = run(program, 60)
    assert fast.values.tobytes() == slow.values.tobytes()
    assert fast.errors.tobytes() == slow.errors.tobytes()


@pytest.mark.slow
def test_a_wide_network_has_the_same_bits(monkeypatch):
    program = bp.load("digits").program(20)
    fast = run(program, 20)
    assert isinstance(code_of(program), native.Native)
    monkeypatch.setattr(native, "WORTH_IT", math.inf)
    assert run(program, 20).values.tobytes() == fast.values.tobytes()


def looked_up(values, **formulas):
    """A program whose rows look up one value after another, and compute formulas of it."""
    columns = (
        column("n", Sum((Ref("n", 1), Num(1.0))), start=1.0),
        column("x", Lookup("table", Ref("n"))),
        *(column(name, formula) for name, formula in formulas.items()),
    )
    return Program(columns, (), {"table": list(values)})


def same_bits(program, rows, monkeypatch):
    """The values of a run by machine code, which Python finds as well."""
    assert isinstance(code_of(program), native.Native)
    fast = run(program, rows)
    monkeypatch.setattr(native, "WORTH_IT", math.inf)
    slow = run(program, rows)
    assert fast.values.tobytes() == slow.values.tobytes()
    assert fast.errors.tobytes() == slow.errors.tobytes()
    return slow.values


@pytest.mark.sample(1)
@pytest.mark.parametrize("squares", [True, False])
def test_a_square_has_the_bits_of_the_c_librarys_power(squares, monkeypatch):
    """The product has other bits now and then, as rounding errors near a half show."""
    random = np.random.default_rng(1)
    size = 10.0 ** random.uniform(-170, 150, 10_000)
    numbers = [*random.normal(size=40_000), *(random.normal(size=10_000) * size), 0.0, -0.0, 1.5]
    monkeypatch.setattr(native, "has_squares", lambda: squares)
    program = looked_up(numbers, y=Pow(Ref("x"), Num(2.0)))
    values = same_bits(program, len(numbers), monkeypatch)
    products = values[:, 1] * values[:, 1]
    assert (products == values[:, 2]).mean() > 0.9
    text = Machine(program, squares=squares).text()
    assert ("@llvm.fma.f64(double %" in text) is squares
    assert "call double @bpsheet_pow" in text
    assert "@pow(" not in text
    assert not any(word in text for word in (" fast ", " contract ", " reassoc ", "fmuladd"))


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0, 4.0])
def test_a_power_keeps_the_sign_of_a_negative_zero(exponent, monkeypatch):
    """(-0)^3 is -0, which a comparison with 0 does not see."""
    program = looked_up([-0.0] * 4, y=Pow(Ref("x"), Num(exponent)))
    values = same_bits(program, 4, monkeypatch)
    assert np.signbit(values[:, 2]).all() == (exponent in {1.0, 3.0})


@pytest.mark.slow
@given(st.lists(st.one_of(st.floats(-50, 50), st.integers(-40, 40).map(float)), min_size=1))
@draws(30)
def test_whole_parts_and_remainders_are_those_of_python(numbers):
    by = [Num(3.0), Num(-3.0), Num(0.7), Ref("x")]
    formulas = {f"r{i}": Call("mod", (Sum((Ref("x"), Ref("n"))), one)) for i, one in enumerate(by)}
    program = looked_up(numbers, whole=Call("int", (Ref("x"),)), **formulas)
    assert isinstance(code_of(program), native.Native)
    assert_same(program, len(numbers))


def test_a_row_beyond_the_table_is_an_error_as_without_machine_code():
    assert_same(looked_up([1.0, 2.0, 3.0], y=Neg(Ref("x"))), 6)


def test_machine_code_looks_up_what_the_rows_present():
    assert code_of(bp.load("two-neuron").program()).presents


@pytest.mark.slow
def test_a_drawn_order_is_in_the_rows_before_machine_code_runs():
    program = bp.load("iris").program(30)
    assert not code_of(program).presents
    assert_same(program, 30)


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
