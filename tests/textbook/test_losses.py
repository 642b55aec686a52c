"""The table of losses: formulas and derivatives held against each other."""

from __future__ import annotations

import math

import pytest

from bpsheet.formula.derivative import differentiate
from bpsheet.formula.evaluate import evaluate
from bpsheet.formula.filling import fill
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Num, Param, Ref, rewrite, total
from bpsheet.textbook.losses import LOSSES, SIMPLIFIED
from tests.helpers.slopes import central, value

OUTPUTS = {
    1: ((0.3,), (0.8,)),
    3: ((0.2, 0.5, 0.3), (0.7, 0.1, 0.2)),
}


def whole(loss, targets, outputs):
    """The loss of one example."""
    parts = [loss.part(t, y) for t, y in zip(targets, outputs, strict=True)]
    settings = {Param(name): Num(number or 0.0) for name, number in loss.settings.items()}
    formula = loss.formula(total(parts), len(parts))
    return rewrite(formula, lambda node: settings.get(node, node))


@pytest.mark.parametrize("count", OUTPUTS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_losss_derivative_is_that_of_its_formula(name, count):
    """With respect to each output; as written, from the tree, and by differences."""
    loss = LOSSES[name]
    targets, outputs = OUTPUTS[count]
    names = [f"y{n}" for n in range(count)]
    formula = whole(loss, [Num(t) for t in targets], [Ref(y) for y in names])
    at = dict(zip(names, outputs, strict=True))
    for target, y in zip(targets, names, strict=True):
        slope = evaluate(
            loss.slope(Num(target), Ref(y), count), lambda ref: at[ref.name], loss.settings, {}
        )
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
        ("absolute_error", 0.5 + 0.4 + 0.1),
        ("mean_absolute_error", (0.5 + 0.4 + 0.1) / 3),
        ("huber", SQUARES / 2),
        ("log_cosh", sum(math.log(math.cosh(d)) for d in (0.5, 0.4, 0.1))),
        ("hinge", 1 - 0.14 + 1 - 0.05 + 1 - 0.06),
        ("kl_divergence", 0.2 * math.log(2 / 7) + 0.5 * math.log(5) + 0.3 * math.log(1.5)),
    ],
)
def test_losses_are_what_their_names_say(name, expected):
    targets, outputs = OUTPUTS[3]
    formula = whole(LOSSES[name], [Num(t) for t in targets], [Num(y) for y in outputs])
    assert value(formula) == pytest.approx(expected, rel=1e-14)


def test_every_loss_has_a_case_above():
    assert len(LOSSES) == 14


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_falls_or_a_likelihood_rises_as_the_output_nears_the_target(name):
    loss = LOSSES[name]
    near, far = (value(whole(loss, [Num(1.0), Num(0.0)], [Num(y), Num(1 - y)])) for y in (0.9, 0.2))
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
    formula = whole(loss, [Num(t) for t in targets], [Num(y) for y in outputs])
    assert math.fsum(terms) == pytest.approx(value(formula), rel=1e-12)
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
