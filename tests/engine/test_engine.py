"""Running a program: the compiled code against one formula at a time, and errors."""

from __future__ import annotations

import math
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet import ahead, engine, patterns
from bpsheet.engine import MAX_VALUES, run
from bpsheet.errors import LimitError
from bpsheet.evaluate import DIVISION, ERRORS, NUMBER, CellError, evaluate
from bpsheet.experiment import Experiment
from bpsheet.expr import (
    Call,
    Compare,
    Div,
    If,
    Lookup,
    Mul,
    Num,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    Text,
    references,
    replace_refs,
)
from bpsheet.lines import Lines
from bpsheet.parse import parse_formula
from bpsheet.printers.text import formula_text
from bpsheet.program import Column, Parameter, Phase, Program, Role
from tests.helpers.strategies import NAMES, edges, experiments, graphs, refs, trees


def column(name, formula, **more):
    return Column(name, Phase.FORWARD, Role.OUTPUT, formula, **more)


def row_by_row(program, iterations):
    """A program by the definition of one: every formula of every row on its own."""
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


@given(experiments())
@settings(deadline=None, max_examples=60)
def test_a_networks_run_is_its_formulas_computed_one_by_one(experiment):
    assert_same(experiment.program(), experiment.iterations)


@given(graphs())
@settings(deadline=None, max_examples=40)
def test_a_graphs_run_is_its_formulas_computed_one_by_one(experiment):
    assert_same(experiment.program(), experiment.iterations)


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


@given(programs(), st.sampled_from([1, 2, 3, 4096]))
@settings(deadline=None, max_examples=200)
def test_any_program_runs_as_its_formulas_computed_one_by_one(program, chunk):
    """With overflows, divisions by zero and logarithms of negatives anywhere, and the fast
    code left and entered again at any row."""
    usual = engine.MOST_ROWS
    engine.MOST_ROWS = chunk
    try:
        assert_same(program, 9)
    finally:
        engine.MOST_ROWS = usual


@contextmanager
def in_blocks(least):
    """Every network counts as wide, and so many columns or terms of one kind as a block."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine, "MOST_SINGLE", 0)
        patched.setattr(patterns, "LEAST", least)
        yield


@given(st.one_of(experiments(), graphs()), st.sampled_from([2, 3, 8]))
@settings(deadline=None, max_examples=50)
def test_columns_computed_in_blocks_are_their_formulas_computed_one_by_one(experiment, least):
    """To the last bit: every layer, loss, rule and batch."""
    with in_blocks(least):
        assert_same(experiment.program(), experiment.iterations)


@given(programs(), st.sampled_from([1, 2, 4096]))
@settings(deadline=None, max_examples=100)
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
@settings(deadline=None, max_examples=150)
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


@pytest.mark.parametrize(
    ("start", "step"), [(0.0, 1e200), (2.0**53, 1.0), (-3.0, -2.0), (0.0, 0.1)]
)
def test_what_counts_is_added_step_by_step(start, step):
    """Numbers too large to be exact too, which grow by what the addition leaves of the step."""
    count = column("s", Sum((Ref("s", 1), Num(step))), start=start)
    assert_same(Program((count, column("o", Call("tanh", (Ref("s"),))))), 12)


@pytest.mark.parametrize(
    "formula",
    [
        "int(n - 3.5)",
        "int(-(n/2))",
        "mod(n - 4, 3)",
        "mod(n - 4, -3)",
        "-(n - 1)",
        "int((n - 1)/4)*-1",
        "if(n > 3, -n, 0*(-n))",
        "if(n = 2, 1, 0) - if(n < 3, 1, 0)",
        "1/(n - 3)",
        "int(1/(n - 3))",
        "if(n = 1e308 + 1e308, 0, n)",
    ],
)
def test_what_is_computed_ahead_is_what_one_formula_after_the_other_gives(formula):
    """Negative whole parts and remainders, signed zeros, comparisons, errors."""
    program = counting(formula)
    assert ahead.Ahead(program).places == (0, 1)
    assert_same(program, 9)


def test_a_wide_network_is_computed_in_blocks_to_the_last_bit(monkeypatch):
    """Ten iterations of 64-32-10, 7,486 columns, in a few operations each."""
    program = bp.load("digits").program()
    fast = run(program, 10)
    assert engine._Runner(program)._code.operations < 60
    monkeypatch.setattr(engine, "MOST_SINGLE", 10**6)
    slow = run(program, 10)
    assert fast.values.tobytes() == slow.values.tobytes()


def counting(formula, names=("n",), **more):
    """n = 1, 2, 3 … and o, a formula of n."""
    return Program(
        (
            column("n", Sum((Ref("n", 1), Num(1.0))), start=1.0),
            column("o", parse_formula(formula, names), **more),
        )
    )


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


def test_words_are_compared_with_words():
    formula = If(Compare("=", Param("reduction"), Text("mean")), Num(1.0), Num(2.0))
    for word, expected in (("mean", 1.0), ("sum", 2.0)):
        program = Program((column("o", formula),), (Parameter("reduction", word, "reduction"),))
        assert run(program, 2).values[:, 0].tolist() == [expected] * 2


def test_comparisons_are_1_or_0_and_their_product_is_both():
    n = Ref("n")
    both = Mul(Compare(">", n, Num(1.0)), Compare("<=", n, Num(3.0)))
    program = Program((*counting("n").columns[:1], column("o", both)))
    assert run(program, 4).values[:, 1].tolist() == [0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (Pow(Num(-8.0), Num(3.0)), -512.0),
        (Pow(Num(0.0), Num(2.0)), 0.0),
        (Div(Num(1.0), Num(-0.0)), DIVISION),
        (Call("mod", (Num(-7.0), Num(3.0))), 2.0),
        (Call("int", (Num(-0.5),)), -1.0),
        (Call("sign", (Num(-0.0),)), 0.0),
        (Call("logistic", (Num(-1e9),)), 0.0),
        (Call("exp", (Num(709.0),)), math.exp(709)),
        (Sub(Num(0.3), Sum((Num(0.1), Num(0.2)))), 0.3 - (0.1 + 0.2)),
        (Pow(Num(0.0), Num(-2.0)), DIVISION),
        (Pow(Num(1e200), Num(2.0)), NUMBER),
        (Call("exp", (Num(710.0),)), NUMBER),
        (Call("ln", (Num(0.0),)), NUMBER),
        (Call("mod", (Num(1.0), Num(0.0))), DIVISION),
        (Lookup("t", Num(2.0)), 20.0),
    ],
)
def test_single_formulas_have_a_spreadsheets_values_and_errors(formula, expected):
    tables = {"t": [10.0, 20.0, 30.0]}
    if expected in (NUMBER, DIVISION) and isinstance(expected, int):
        with pytest.raises(CellError) as caught:
            evaluate(formula, lambda _: 0.0, {}, tables)
        assert caught.value.code == expected
    else:
        assert evaluate(formula, lambda _: 0.0, {}, tables) == expected
    assert ERRORS[NUMBER] == "#NUM!"
    assert ERRORS[DIVISION] == "#DIV/0!"


def test_more_values_than_memory_holds_are_refused_before_they_are_allocated():
    with pytest.raises(LimitError, match=r"100,000,001 iterations of 2 columns are 200,000,002"):
        run(counting("n"), MAX_VALUES // 2 + 1)


def test_progress_is_reported_to_the_end():
    done = []
    run(counting("n"), 10_000, done.append)
    assert done == sorted(done)
    assert len(done) > 1
    assert done[-1] == 10_000


def test_names_never_reach_the_generated_code():
    """A column may be called anything; the code knows it by its place."""
    evil = 'x"]); import os #'
    program = Program((column(evil, Num(1.0)), column("__class__", Ref(evil))))
    assert "import" not in Lines(program, ()).source
    assert run(program, 1).values.tolist() == [[1.0, 1.0]]


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


def test_the_first_row_has_no_row_before_it():
    """A column without a first value of its own is an error there, whatever memory holds."""
    count = Column("n", Phase.INPUT, Role.ITERATION, Sum((Ref("n", 1), Num(1.0))), start=1.0)
    step = Column("d", Phase.FORWARD, Role.OUTPUT, Sub(Ref("n"), Ref("n", 1)))
    recording = run(Program((count, step)), 4)
    assert recording.first_error_row == 0
    assert recording.values[1:, 1].tolist() == [1.0, 1.0, 1.0]
