"""The tables of functions, activations and losses: derivatives held against each other."""

from __future__ import annotations

import math

import pytest

from bpsheet.autodiff import differentiate
from bpsheet.evaluate import evaluate
from bpsheet.expr import Call, Num, Ref, children, replace_refs
from bpsheet.functions import ACTIVATIONS, FUNCTIONS, LOSSES, SIMPLIFIED, expand, fill
from bpsheet.parse import ARITIES, parse_formula

# Between these, no activation has a kink and no function leaves its domain.
POINTS = (-3.3, -1.1, -0.4, -0.07, 0.06, 0.3, 0.9, 2.2, 4.1)
LETTERS = "ab"


def value(tree, **values):
    return evaluate(tree, lambda ref: values[ref.name], {}, {})


def central(function, x, step=1e-5):
    """A derivative by differences, good to about 1e-10 times the function's size."""
    one = (function(x + step) - function(x - step)) / (2 * step)
    two = (function(x + 2 * step) - function(x - 2 * step)) / (4 * step)
    return (4 * one - two) / 3


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("z", POINTS)
def test_an_activations_derivative_is_that_of_its_formula(name, z):
    """As the textbook writes it, as it follows from the tree, and by differences."""
    activation = ACTIVATIONS[name]
    formula = parse_formula(activation.formula, {"z"})
    y = value(formula, z=z)
    by_table = value(fill(activation.derivative, z=Ref("z"), y=Ref("y")), z=z, y=y)
    by_tree = value(differentiate(formula, "z"), z=z)
    by_difference = central(lambda at: value(formula, z=at), z)
    assert by_tree == pytest.approx(by_table, rel=1e-12, abs=1e-15)
    assert by_difference == pytest.approx(by_table, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "z", "y"),
    [
        ("linear", -1.7, -1.7),
        ("logistic", 0.3, 1 / (1 + math.exp(-0.3))),
        ("logistic", -800.0, 0.0),
        ("logistic", 800.0, 1.0),
        ("tanh", 0.3, math.tanh(0.3)),
        ("relu", 0.3, 0.3),
        ("relu", -0.3, 0.0),
        ("leaky_relu", 0.3, 0.3),
        ("leaky_relu", -0.3, -0.003),
        ("softplus", 0.3, math.log(1 + math.exp(0.3))),
        ("softplus", 1000.0, 1000.0),
        ("softplus", -1000.0, 0.0),
        ("sign", -0.3, -1.0),
        ("sign", 0.0, 0.0),
        ("sign", 5.0, 1.0),
    ],
)
def test_activations_are_the_functions_that_their_names_say(name, z, y):
    assert value(parse_formula(ACTIVATIONS[name].formula, {"z"}), z=z) == pytest.approx(
        y, rel=1e-15, abs=0
    )


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_at_the_kink_the_derivative_is_that_of_the_negative_side(name):
    at_zero = fill(ACTIVATIONS[name].derivative, z=Num(0.0), y=Num(0.0))
    below = fill(ACTIVATIONS[name].derivative, z=Num(-1.0), y=Num(0.0))
    assert value(at_zero) == value(below)
    formula = parse_formula(ACTIVATIONS[name].formula, {"z"})
    assert value(differentiate(formula, "z"), z=0.0) == value(below)


CALLS = {name: least for name, (least, _) in ARITIES.items()}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("a", [0.37, 1.3, 2.6])
def test_a_functions_derivatives_are_its_slopes(name, a):
    """With respect to each argument, positive and (where it is defined) negative."""
    b = 0.83
    arguments = [Ref(letter) for letter in LETTERS[: CALLS[name]]]
    call = Call(name, tuple(arguments))
    for sign in (1.0,) if name in ("ln", "sqrt") else (1.0, -1.0):
        at = {"a": sign * a, "b": b}
        for letter in LETTERS[: CALLS[name]]:
            slope = value(differentiate(call, letter), **at)
            found = central(
                lambda x, at=at, letter=letter: value(call, **at | {letter: x}), at[letter]
            )
            assert slope == pytest.approx(found, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize("a", [-708.0, -30.0, -1.0, 0.0, 1.0, 700.0])
def test_a_function_that_spreadsheets_lack_is_spelled_out_with_the_same_value(guard, a):
    for name, function in FUNCTIONS.items():
        if function.spelled_out:
            written = value(expand(name, Num(a), guard=guard))
            assert written == value(Call(name, (Num(a),)))


def test_the_guarded_logistic_has_a_value_where_exp_has_none():
    assert value(expand("logistic", Num(-1e6), guard=True)) == 0.0


OUTPUTS = {
    1: ((0.3,), (0.8,)),
    3: ((0.2, 0.5, 0.3), (0.7, 0.1, 0.2)),
}


@pytest.mark.parametrize("count", OUTPUTS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_losss_derivative_is_that_of_its_formula(name, count):
    """With respect to each output; as written, from the tree, and by differences."""
    loss = LOSSES[name]
    targets, outputs = OUTPUTS[count]
    names = [f"y{n}" for n in range(count)]
    formula = loss.formula([Num(t) for t in targets], [Ref(y) for y in names])
    at = dict(zip(names, outputs, strict=True))
    for target, y in zip(targets, names, strict=True):
        slope = value(loss.slope(Num(target), Ref(y), count), **at)
        by_tree = value(differentiate(formula, y), **at)
        by_difference = central(lambda x, y=y: value(formula, **at | {y: x}), at[y])
        assert slope == pytest.approx(by_tree, rel=1e-12)
        assert slope == pytest.approx(by_difference, rel=1e-8)


BERNOULLI = sum(
    t * math.log(y) + (1 - t) * math.log(1 - y) for t, y in zip(*OUTPUTS[3], strict=True)
)
SQUARES = sum((t - y) ** 2 for t, y in zip(*OUTPUTS[3], strict=True))
MULTINOMIAL = sum(t * math.log(y) for t, y in zip(*OUTPUTS[3], strict=True))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("half_squared_error", SQUARES / 2),
        ("squared_error", SQUARES),
        ("mean_squared_error", SQUARES / 3),
        ("binary_cross_entropy", -BERNOULLI),
        ("cross_entropy", -MULTINOMIAL),
        ("gaussian_log_likelihood", -SQUARES / 2),
        ("bernoulli_log_likelihood", BERNOULLI),
        ("multinomial_log_likelihood", MULTINOMIAL),
    ],
)
def test_losses_are_what_their_names_say(name, expected):
    targets, outputs = OUTPUTS[3]
    formula = LOSSES[name].formula([Num(t) for t in targets], [Num(y) for y in outputs])
    assert value(formula) == pytest.approx(expected, rel=1e-14)


def test_every_loss_has_a_case_above():
    assert len(LOSSES) == 8


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_falls_or_a_likelihood_rises_as_the_output_nears_the_target(name):
    loss = LOSSES[name]
    near, far = (
        value(loss.formula([Num(1.0), Num(0.0)], [Num(y), Num(1 - y)])) for y in (0.9, 0.2)
    )
    assert (near > far) is loss.maximised


@pytest.mark.parametrize("name", SIMPLIFIED)
@pytest.mark.parametrize("z", [-8.0, -2.0, -0.1, 0.4, 3.0, 8.0])
def test_a_simplified_loss_is_the_loss_of_the_outputs_and_so_is_its_derivative(name, z):
    """t·ln y of y = S(z), against the same written in terms of z."""
    form, loss = SIMPLIFIED[name], LOSSES[name]
    sums, targets = (z, 0.5, -1.0), (0.25, 0.5, 0.25)
    largest, total = max(sums), sum(math.exp(s - max(sums)) for s in sums)
    if "softmax" in loss.fits:
        outputs = [math.exp(s - largest) / total for s in sums]
    else:
        outputs = [1 / (1 + math.exp(-s)) for s in sums]
    at = {"largest": largest, "total": total}
    terms = [
        value(parse_formula(form.term, {"z", "t", *at}), z=s, t=t, **at)
        for s, t in zip(sums, targets, strict=True)
    ]
    whole = loss.formula([Num(t) for t in targets], [Num(y) for y in outputs])
    assert math.fsum(terms) == pytest.approx(value(whole), rel=1e-12)
    if "softmax" not in loss.fits:
        term = parse_formula(form.term, {"z", "t"})
        slope = central(lambda x: value(term, z=x, t=0.25), z)
        written = value(fill(form.derivative, y=Num(outputs[0]), t=Num(0.25)))
        assert written == pytest.approx(slope, rel=1e-7)


def test_a_simplified_loss_is_finite_where_the_output_has_become_0_or_1():
    form = parse_formula(SIMPLIFIED["binary_cross_entropy"].term, {"z", "t"})
    assert value(form, z=2000.0, t=0.0) == 2000.0
    assert value(form, z=-2000.0, t=1.0) == 2000.0
    assert value(form, z=2000.0, t=1.0) == 0.0


def test_filling_a_formula_keeps_its_form():
    tree = fill("y*(1 - y)", y=Ref("f"))
    assert tree == replace_refs(parse_formula("y*(1 - y)", {"y"}), {Ref("y"): Ref("f")})
    assert [type(part).__name__ for part in children(tree)] == ["Ref", "Sub"]
