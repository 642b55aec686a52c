"""Formulas of one's own: read, differentiated, trained, refused."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import value_and_grad
from hypothesis import assume, example, given

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Mul, Ref, Sum
from bpsheet.plan.reader import from_text
from bpsheet.program.kinds import Phase, Role
from bpsheet.verifying.verify import verify
from tests.agreement.known import compares_what_is_nearly_equal
from tests.helpers.samples import draws
from tests.helpers.strategies import graphs

TABLES = {
    "graph": {
        "inputs": ["x", "y", "z"],
        "parameters": {"w": 0.5},
        "forward": ["t = x + y", "f = t * z", "e = (f - w)^2"],
        "loss": "e",
    },
    "data": {"examples": [[-2.0, 5.0, -4.0]]},
    "training": {"learning_rate": 0.1, "iterations": 3},
}


def experiment(training=None, **graph):
    tables = {
        "graph": TABLES["graph"] | graph,
        "data": TABLES["data"],
        "training": TABLES["training"] | (training or {}),
    }
    return bp.Experiment(**tables)


def refused(**graph):
    with pytest.raises(ExperimentError) as caught:
        experiment(**graph)
    return {p.place.removeprefix("graph."): p.message for p in caught.value.problems}


def test_the_second_sources_formula_has_the_derivatives_it_states():
    """f = (x + y) z with t = x + y: ∂f/∂x = ∂f/∂y = z and ∂f/∂z = t."""
    frame = bp.load("formula").run().frame
    np.testing.assert_array_equal(frame["df / dx"], frame["z"])
    np.testing.assert_array_equal(frame["df / dy"], frame["z"])
    np.testing.assert_array_equal(frame["df / dz"], frame["x"] + frame["y"])


def test_a_parameter_is_trained_and_the_derivatives_are_columns():
    trace = experiment(gradient_of=["x", "z"]).run()
    first = trace.frame.iloc[0]
    assert (first["t"], first["f"], first["e"]) == (3, -12, 156.25)
    assert (first["de_df"], first["de_dt"]) == (-25, 100)
    assert (first["de_dx"], first["de_dz"], first["de_dw"]) == (100, -75, 25)
    assert first["delta_w"] == -2.5
    assert trace.frame["w"].tolist()[:2] == [0.5, -2.0]
    phases = {c.name: c.phase for c in trace.program}
    assert phases["de_dt"] is Phase.BACKWARD
    assert phases["de_dx"] is phases["de_dw"] is Phase.GRADIENT
    assert "de_dy" not in phases


def test_a_parameter_used_in_several_places_gets_all_their_shares():
    """A skip connection and a shared weight: h = w x, p = w h + x, so dp/dw = h + w x."""
    lines = ["h = w*x", "p = w*h + x", "e = 0.5*(p - y)^2"]
    first = experiment(inputs=["x", "y", "z"], forward=lines).run().frame.iloc[0]
    error = first["p"] - first["y"]
    assert first["de_dw"] == pytest.approx(error * (first["h"] + 0.5 * first["x"]), rel=1e-15)


def test_sums_over_ranges_are_written_out_term_by_term():
    names = {f"{letter}{n}" for letter in "wx" for n in range(1, 5)}
    assert parse_formula("sum(x1:x3)", names) == Sum((Ref("x1"), Ref("x2"), Ref("x3")))
    assert parse_formula("sum(w2:w3*x1:x2, x4)", names) == Sum(
        (Mul(Ref("w2"), Ref("x1")), Mul(Ref("w3"), Ref("x2")), Ref("x4"))
    )
    assert parse_formula("sum(x1:x1)", names) == Ref("x1")
    nested = parse_formula("sum(x1:x2*sum(w1:w2))", names)
    assert nested.terms[1] == Mul(Ref("x2"), Sum((Ref("w1"), Ref("w2"))))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x1:x3", "a range stands inside sum( )"),
        ("sum(x1:w3)", "a range such as x1:x4 expected"),
        ("sum(x3:x1)", "a range must count upwards, such as x1:x4"),
        ("sum(x1:x3*w1:w2)", "ranges of the same length expected: 3; got 2"),
        ("sum(x3:x9)", "unknown name 'x5'"),
        ("sum(x1:3)", "a range such as x1:x4 expected"),
        ("sum()", "expected a number, a name or '(', found ')'"),
    ],
)
def test_ranges_that_cannot_be_are_refused(text, said):
    names = {f"{letter}{n}" for letter in "wx" for n in range(1, 5)}
    with pytest.raises(bp.FormulaError, match="\n") as caught:
        parse_formula(text, names)
    assert said in str(caught.value)


def test_a_mistake_is_shown_in_its_line_with_a_caret_under_it():
    found = refused(forward=["t = x + yy", "f = t * z", "e = (f - w)^2"])
    assert found == {
        "forward[1]": "unknown name 'yy'; did you mean 'y'?\n  t = x + yy\n          ^"
    }


@pytest.mark.parametrize(
    ("graph", "place", "said"),
    [
        ({"forward": ["t == x"]}, "forward[1]", "a name, = and a formula expected"),
        ({"forward": ["x + y"]}, "forward[1]", "a name, = and a formula expected"),
        ({"forward": ["e = f", "f = x"]}, "forward[1]", "unknown name 'f'"),
        ({"forward": ["e = x", "e = y"]}, "forward[2]", '"e" is defined already'),
        ({"forward": ["w = x", "e = w"]}, "forward[1]", '"w" is defined already'),
        ({"forward": ["exp = x", "e = x"]}, "forward[1]", "is a function's name"),
        ({"forward": ["e = last x"]}, "forward[1]", "unknown name 'last'"),
        ({"forward": []}, "forward", "at least one formula expected"),
        ({"loss": "g"}, "loss", 'no formula defines "g"'),
        ({"loss": "x"}, "loss", 'no formula defines "x"'),
        ({"inputs": ["x", "y", "x"]}, "inputs[3]", '"x" is there twice'),
        ({"inputs": ["x", "y", "a b"]}, "inputs[3]", "a name that formulas can use expected"),
        ({"parameters": {"x": 1.0}}, "parameters.x", '"x" is there twice'),
        ({"parameters": {"w": float("nan")}}, "parameters.w", "a finite number expected"),
        ({"gradient_of": ["w"]}, "gradient_of[1]", 'no input "w"'),
        ({"gradient_of": ["x", "x"]}, "gradient_of[2]", '"x" is there twice'),
        ({"forwards": []}, "forwards", 'unknown key; did you mean "forward"?'),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(graph, place, said):
    assert said in refused(**graph)[place]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "x" + ")" * 10_000,
        "9" * 1_000_000,
        "x" * 1_000_000,
        "sum(" * 300 + "x1:x4" + ")" * 300,
        "sum(sum(sum(sum(x1:x99*x1:x99))))",
        "-" * 1_900 + "x",
        "x.__class__.__bases__",
        "__import__('os').system('true')",
        "max(" + ",".join("x" for _ in range(900)) + ")",
        "x^" * 900 + "x",
    ],
)
def test_hostile_formulas_are_refused(text):
    with pytest.raises(ExperimentError):
        experiment(forward=[f"e = {text}"])


def test_a_million_terms_are_refused_before_they_are_made():
    names = [f"x{n}" for n in range(1, 1000)]
    with pytest.raises(bp.FormulaError, match="sums of more than 500 terms"):
        parse_formula("sum(x1:x999)", names)
    with pytest.raises(bp.FormulaError, match="sums of more than 500 terms"):
        parse_formula("sum(x1:x40*sum(x1:x40*sum(x1:x40)))", names)


def test_what_goes_with_networks_only_is_refused():
    tables = {"test": {"examples": [[1.0, 2.0, 3.0]]}, "initial": {"seed": 3}}
    with pytest.raises(ExperimentError) as caught:
        bp.Experiment(**TABLES, **tables)
    assert {p.place for p in caught.value.problems} == {"test", "initial"}
    both = bp.load("two-neuron").to_dict() | {"graph": TABLES["graph"]}
    with pytest.raises(
        ExperimentError, match=r"either \[network\] or \[graph\] expected, not both"
    ):
        bp.Experiment(**both)
    with pytest.raises(ExperimentError, match="the rule perceptron is for a network"):
        experiment({"rule": "perceptron"})


def test_parameters_are_changed_frozen_and_climbed_by_name():
    assert experiment().changed({"w": 2.0, "x[1]": 1.0}).run().frame.loc[
        1, ["w", "x"]
    ].tolist() == [
        2.0,
        1.0,
    ]
    with pytest.raises(ExperimentError, match='did you mean "w"'):
        experiment().changed({"ww": 2.0})
    frozen = experiment({"freeze": ["w"]}).run().frame
    assert frozen["w"].tolist() == [0.5] * 3
    climbed = experiment({"rule": "gradient_ascent"}).run().frame
    assert climbed["e"].is_monotonic_increasing


def test_with_nothing_to_train_every_example_is_presented_once():
    trace = bp.load("formula").run()
    assert len(trace) == 3
    assert trace.program.parameters == ()
    assert trace.update.empty


def test_it_is_written_as_a_file_that_makes_it_again():
    first = bp.load("line-adam")
    again = from_text(first.to_toml(), base=None, name="again", source="again", made=bp.Experiment)
    assert again.run().frame.equals(first.run().frame)


# x1 - x1 is 0, which is not 1e-21, and a spreadsheet says that it is.
NEARLY_EQUAL = bp.Experiment(
    graph=bp.Graph(
        inputs=["x1"],
        parameters={"p": 0.25},
        forward=["v = if(x1 - x1 = 1e-07^3, x1, -x1)", "loss = (v - p)^2"],
        loss="loss",
    ),
    data=bp.Data(examples=[[0.5]]),
    training=bp.Training(learning_rate=0.1, iterations=2),
)


@pytest.mark.slow
@given(graphs())
@example(NEARLY_EQUAL)
@draws(10)
def test_any_graph_recalculates_to_its_trace(tmp_path_factory, made):
    """Stored, recalculated, and with every number changed, in both layouts.

    ironcalc knows no error in the middle of a formula (MAX(1, EXP(1000)) is a number there):
    what should be an error is LibreOffice's to say, in test_recalculate.
    """
    trace = made.run()
    assume(not compares_what_is_nearly_equal(trace))
    for kind in ("full", "book"):
        path = trace.to_excel(tmp_path_factory.mktemp("graphs") / "x.xlsx", kind)
        report = verify(path)
        wrong = [line for comparison in report.comparisons for line in comparison.wrong]
        assert [line for line in wrong if not line.endswith("an error expected")] == []


@pytest.mark.slow
@given(graphs())
@draws(25)
def test_any_graph_is_made_again_by_its_own_file(made):
    again = from_text(made.to_toml(), base=None, name="again", source="again", made=bp.Experiment)
    np.testing.assert_array_equal(again.run().values, made.run().values)


FUNCTIONS = {
    "exp": anp.exp,
    "logistic": lambda z: 1 / (1 + anp.exp(-z)),
    "relu": lambda z: anp.where(z > 0, z, 0.0),
    "tanh": anp.tanh,
    "sin": anp.sin,
    "cos": anp.cos,
    "abs": anp.abs,
    "ln": anp.log,
    "sqrt": anp.sqrt,
}

EXPRESSIONS = [
    "tanh(p1*x1 + p2*x2) * p1",
    "exp(-(p1^2)) / (1 + p2^2) + sin(p3*x1)",
    "logistic(p1*x1)*relu(p2 + x2) + abs(p3)",
    "ln(1 + exp(p1*x1)) + sqrt(p2^2 + 1) * cos(p3)",
    "(p1*x1 + p2*x2 - p3)^2 / (2 + p1*p1)",
    "p1*p1*p1*x1 + p2/(p3 + 3)",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_gradients_are_those_of_autograd(text):
    """The same text, read by Python over autograd's functions, is the witness."""
    values = np.array([0.7, -0.4, 0.9, 1.3, 0.6])
    names = ["p1", "p2", "p3", "x1", "x2"]
    made = bp.Experiment(
        graph={
            "inputs": ["x1", "x2"],
            "parameters": dict(zip(names[:3], values[:3].tolist(), strict=True)),
            "forward": [f"v = {text}", "loss = 0.5*(v - x1)^2"],
            "loss": "loss",
            "gradient_of": ["x1", "x2"],
        },
        data={"examples": [values[3:].tolist()]},
        training={"iterations": 1},
    )

    def loss(at):
        known = FUNCTIONS | dict(zip(names, at, strict=True))
        value = eval(text.replace("^", "**"), {}, known)
        return 0.5 * (value - known["x1"]) ** 2

    value, expected = value_and_grad(loss)(values)
    row = made.run().frame.iloc[0]
    assert row["loss"] == pytest.approx(value, rel=1e-13)
    found = [row[f"dloss_d{name}"] for name in names]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_a_choice_has_the_slope_of_its_side():
    lines = ["f = if(x > w, x^2, 3*x)", "e = f"]
    for w, slope in ((-3.0, -4.0), (1.0, 3.0)):
        row = experiment(parameters={"w": w}, forward=lines, gradient_of=["x"]).run().frame.iloc[0]
        assert row["de_dx"] == slope
        assert row["de_dw"] == 0


def test_what_the_loss_does_not_depend_on_gets_a_derivative_of_0():
    row = experiment(forward=["e = x^2"], gradient_of=["y"]).run().frame.iloc[0]
    assert row["de_dy"] == row["de_dw"] == row["delta_w"] == 0


@pytest.mark.slow
def test_two_thousand_formulas_one_on_another_run_and_are_explained():
    """A chain deeper than Python's recursion: built, run, explained, checked."""
    lines = ["v0 = w*x"] + [f"v{n} = 0.999*v{n - 1} + 0.001" for n in range(1, 1500)]
    made = experiment(forward=[*lines, "e = v1499^2"])
    trace = made.run()
    slope = 2 * trace.frame["v1499"].iloc[0] * 0.999**1499 * -2.0
    assert trace.frame["de_dw"].iloc[0] == pytest.approx(slope, rel=1e-10)
    assert "too many to write out" in trace.explain(1, only=["w"]).text()


def test_roles_say_what_each_column_is():
    roles = {c.name: c.role for c in experiment(gradient_of=["x"]).columns}
    assert roles["t"] is Role.VALUE
    assert roles["e"] is Role.LOSS
    assert roles["de_dt"] is roles["de_dx"] is Role.DERIVATIVE
    assert roles["de_dw"] is Role.GRADIENT
