"""Errors in cells: where they begin, what they spread to, where they end."""

from __future__ import annotations

import numpy as np
import pytest

from bpsheet.api.experiment import Experiment
from bpsheet.engine.engine import run
from bpsheet.formula.evaluate import DIVISION, ERRORS, NUMBER
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Call, Compare, If, Mul, Num, Pow, Ref, Sum
from bpsheet.printers.text import formula_text
from bpsheet.program.program import Program
from tests.helpers.one_by_one import assert_same, column, counting


@pytest.mark.parametrize(
    ("formula", "row", "code"),
    [
        ("1/(n - 3)", 3, DIVISION),
        ("mod(n, n - 3)", 3, DIVISION),
        ("(n - 3)^(-1)", 3, DIVISION),
        ("ln(4 - n)", 4, NUMBER),
        ("sqrt(4 - n)", 5, NUMBER),
        ("exp(n*200)", 4, NUMBER),
        ("10^(n*100)", 4, NUMBER),
        ("1/(10^(n*100)*10^(n*100))", 2, NUMBER),
        ("tanh(1e300*10^(n*4))", 3, NUMBER),
        ("(-2)^(n/2)", 1, NUMBER),
        ("1e308*n - 1e308*n", 2, NUMBER),
        ("if(n > 2, 1/(n - 3), 1/(n - 4))", 3, DIVISION),
    ],
)
def test_the_first_error_is_found_with_its_code(formula, row, code):
    recording = assert_same(counting(formula), 10)
    assert recording.first_error_row == row - 1
    assert recording.errors[0, 1] == code


def test_the_side_that_is_not_chosen_may_have_no_value():
    recording = run(counting("if(n < 5, 1, 1/(n - n))"), 4)
    assert recording.values[:, 1].tolist() == [1.0] * 4
    assert recording.first_error_row == 4


def test_an_error_spreads_to_what_depends_on_it_and_to_nothing_else():
    program = Program(
        (
            column("n", Sum((Ref("n", 1), Num(1.0))), start=1.0),
            column("bad", parse_formula("1/(n - 2)", ["n"])),
            column("follows", Call("tanh", (Ref("bad"),))),
            column("apart", Mul(Ref("n"), Num(2.0))),
        )
    )
    recording = run(program, 3)
    assert recording.errors.tolist() == [[0, DIVISION, DIVISION, 0], [0, 0, 0, 0]]
    assert recording.values[:, 3].tolist() == [2.0, 4.0, 6.0]
    assert np.isnan(recording.values[1, 1:3]).all()


@pytest.mark.slow
def test_an_error_that_the_next_row_does_not_use_is_over_with_it():
    """The fast code takes over again: 1,000 errors in 100,000 rows do not slow it down."""
    program = counting("1/mod(n, 100)")
    recording = run(program, 100_000)
    assert np.isnan(recording.values[:, 1]).sum() == 1000
    assert recording.first_error_row == 99
    assert recording.values[-2, 1] == 1 / 99


def test_an_error_that_is_remembered_stays():
    total = Sum((Ref("s", 1), Ref("o", 1)))
    program = Program((*counting("1/(n - 2)"), column("s", total, start=0.0)))
    recording = assert_same(program, 6)
    assert recording.values[:2, 2].tolist() == [0.0, -1.0]
    assert np.isnan(recording.values[2:, 2]).all()
    assert recording.errors[:, 2].tolist() == [0, DIVISION, DIVISION, DIVISION, DIVISION]


@pytest.mark.parametrize(
    "formula",
    [
        Call("sign", (Ref("o", 1),)),
        Call("max", (Num(0.0), Ref("o", 1))),
        Call("min", (Num(0.0), Ref("o", 1))),
        If(Compare(">", Ref("o", 1), Num(0.0)), Num(1.0), Num(2.0)),
        Pow(Num(1.0), Ref("o", 1)),
        Pow(Ref("o", 1), Num(0.0)),
    ],
    ids=formula_text,
)
def test_an_error_of_the_row_before_is_no_number_that_a_function_could_lose(formula):
    """Python's sign of NaN is 0, and so is its maximum of 0 and NaN; a spreadsheet's is an error."""
    program = Program((*counting("1/(n - 3)"), column("s", formula, start=0.5)))
    recording = assert_same(program, 6)
    assert recording.errors[:, 2].tolist() == [0, DIVISION, 0, 0]


def one_neuron(**changes):
    tables = {
        "network": {
            "inputs": ["x"],
            "targets": ["y"],
            "loss": "half_squared_error",
            "layers": [
                {"neurons": ["o"], "activation": "linear", "weights": [[1.0]], "bias": False}
            ],
        },
        "data": {"examples": [[1.0, 0.0]]},
        "training": {"learning_rate": 1.0, "iterations": 5},
    }
    for key, value in changes.items():
        if key in ("activation", "weights"):
            tables["network"]["layers"][0][key] = value
        elif key == "examples":
            tables["data"][key] = value
        else:
            tables["training"][key] = value
    return Experiment(**tables)


def test_weights_that_explode_are_errors_from_there_on():
    """w ← w − 101·w: each step is 100 times the last, and the square overflows first."""
    trace = one_neuron(learning_rate=101.0, iterations=400).run()
    first = trace.first_error
    assert first.column == "loss"
    assert first.error == "#NUM!"
    # 0.5·w² is above 1.8e308 once w = 100^(k−1) is above 1.9e154.
    assert first.iteration == 79
    weights = trace.frame["w_o_1"]
    assert np.isfinite(weights.loc[:155]).all()
    assert np.isnan(weights.loc[156:]).all()
    assert np.isfinite(trace.frame.loc[:78]).all(axis=None)


def test_a_run_recovers_where_only_the_loss_was_an_error():
    """0.5·(y − o)² overflows with o = 1e160; its derivative does not, and w becomes 0."""
    trace = one_neuron(weights=[[1e160]]).run()
    assert trace.first_error == (1, "loss", "#NUM!")
    assert np.isnan(trace.frame["loss"]).tolist() == [True, False, False, False, False]
    assert trace.frame["w_o_1"].tolist() == [1e160, 0.0, 0.0, 0.0, 0.0]
    assert np.isfinite(trace.frame.drop(columns="loss")).all(axis=None)


def test_a_division_by_zero_has_its_own_error():
    trace = one_neuron(activation="1/z", examples=[[2.0, 0.0], [0.0, 0.0]], learning_rate=0.1).run()
    assert trace.first_error == (2, "o", "#DIV/0!")
    assert ERRORS[trace.recording.errors[0, trace.program.position["loss"]]] == "#DIV/0!"


def test_a_run_without_errors_says_so():
    trace = one_neuron().run()
    assert trace.first_error is None
    assert trace.recording.errors.shape == (0, len(trace.program))
