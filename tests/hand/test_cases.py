"""Mistakes that people really made, in public exercises and threads, each with its truth.

The wrong numbers are computed here with NumPy, or are the people's own. None comes from the table
of slips.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.hand.judge import judge
from bpsheet.hand.verdict import Verdict
from bpsheet.program.kinds import Role
from tests.helpers.grading import fill, grade_file
from tests.helpers.hand_sheets import ALL_ASKED
from tests.helpers.samples import sampled


def network(sizes, activations, *, loss="half_squared_error", examples=None, seed=1, **training):
    """An experiment with weights of two decimals."""
    rng = np.random.default_rng(seed)
    layers = [
        bp.Layer(
            units=width,
            activation=activation,
            weights=rng.uniform(-1, 1, (width, before)).round(2).tolist(),
            bias=rng.uniform(-1, 1, width).round(2).tolist(),
        )
        for before, width, activation in zip(sizes[:-1], sizes[1:], activations, strict=True)
    ]
    if examples is None:
        inputs = rng.uniform(-1, 1, sizes[0]).round(2).tolist()
        examples = [inputs + [1.0] + [0.0] * (sizes[-1] - 1)]
    return bp.Experiment(
        network=bp.Network(
            inputs=[f"x{n + 1}" for n in range(sizes[0])],
            targets=[f"t{n + 1}" for n in range(sizes[-1])],
            loss=loss,
            layers=layers,
        ),
        data=bp.Data(examples=examples),
        training=bp.Training(**{"learning_rate": 0.5, "iterations": 2 * len(examples)} | training),
    )


def by_name(trace, hand, iteration=1, digits=None):
    """The judgements by quantity, and the whole."""
    places = {(k if isinstance(k, tuple) else (iteration, k)): text for k, text in hand.items()}
    judged = judge(trace, places, digits=digits)
    return {one.quantity: one for one in judged.judgements}, judged


def names_of(trace, *roles):
    return [column.name for column in trace.program if column.role in roles]


def exact(trace, name, iteration=1):
    return float(trace.frame.loc[iteration, name])


@pytest.mark.sample(2)
@pytest.mark.parametrize("template", sampled(["iris", "two-neuron", "book-xor"], "book-xor"))
@pytest.mark.parametrize("text", ["0", "1", "0.000", 0, "1e308", "0.500"])
def test_1_one_number_in_every_cell_earns_next_to_nothing(tmp_path, template, text):
    task = Exercise(bp.load(template)).task()
    everywhere = dict.fromkeys(
        line.name if line.iteration == 1 else f"{line.name}+" for line in task.lines
    )
    path = fill(tmp_path / "one.xlsx", task, dict.fromkeys(everywhere, text))
    sheet = grade_file(path, task.exercise.experiment)
    assert sheet.total < 0.05 * sheet.out_of


def test_2_a_nought_says_nothing_of_a_value_that_is_none(trace):
    found, _ = by_name(trace, {"f": "0", "f_error": "0"})
    assert {one.verdict for one in found.values()} == {Verdict.FEW_DIGITS}
    assert not found["f"].verdict.is_right


def test_3_the_number_in_the_reason_is_the_one_that_was_compared(trace):
    found, _ = by_name(trace, {"z_f": "2.000", "f": "0.882"})
    assert found["z_f"].verdict is Verdict.WRONG
    assert found["f"].verdict is Verdict.CLOSE
    assert "0.881 is the rounded value with your z_f" in found["f"].reason


def test_4_an_error_term_follows_from_a_wrong_one(trace):
    found, _ = by_name(trace, {"f_error": "-0.423829", "g_error": "-0.199202"})
    assert "with your f_error" in found["g_error"].reason
    assert found["g_error"].verdict is Verdict.CUT
    found, _ = by_name(trace, {"f_error": "-0.423829", "g_error": "-0.199203"})
    assert found["g_error"].verdict is Verdict.CARRIED


def test_4_on_a_sheet_of_nonsense_nothing_follows_and_a_cut_value_is_still_cut(trace):
    nonsense = {"z_f": "0.345", "f": "0.777", "f_error": "-0.423829"}
    found, _ = by_name(trace, {"f_error": "-0.423829", "g_error": "-0.199202"})
    assert found["g_error"].verdict is Verdict.CUT
    found, _ = by_name(trace, nonsense | {"g_error": "-0.199202"})
    assert found["g_error"].verdict is Verdict.WRONG
    assert "too few of these are right" in found["g_error"].reason
    found, _ = by_name(trace, nonsense | {"g": "-0.24491"})
    assert found["g"].verdict is Verdict.CUT


def test_5_exact_working_after_an_early_slip_is_right():
    """The bias of h1 is forgotten; all later values are computed exactly, and written to 3 digits."""
    experiment = network([2, 3, 1], ["tanh", "logistic"])
    trace = experiment.run(2)
    weights = {n: exact(trace, n) for n in names_of(trace, Role.WEIGHT)}
    wrong = experiment.changed({"w_h1_0": 0.0}).run(2)
    names = [n for n in names_of(trace, *ALL_ASKED) if n != "z_h1"]
    hand = {"z_h1": f"{exact(wrong, 'z_h1'):.3g}"} | {n: f"{exact(wrong, n):.3g}" for n in names}
    found, judged = by_name(trace, hand)
    assert weights["w_h1_0"] != 0
    assert [n for n, one in found.items() if not one.verdict.is_right] == ["z_h1"]
    assert "bias left out" in found["z_h1"].slips
    assert [cause.place for cause in judged.causes] == [(1, "z_h1")]


@pytest.mark.parametrize("more", [{}, {"z_g": "-0.25", "g": "-0.24492"}])
def test_6_the_weighted_sum_in_the_derivative_is_named(trace, more):
    found, _ = by_name(trace, {"f_error": "-0.14128", "g_error": "-0.06623"} | more)
    assert found["g_error"].slips[0] == "sum in place of the output"


def test_7_slips_of_a_batch_are_found_from_the_new_weights():
    """The bias moves by the mean of the mean; the weights by 1/n where 2/n belongs."""
    examples = [[0.2, 0.7, 1], [-0.4, 0.5, 0], [0.9, -0.3, 1]]
    experiment = network(
        [2, 1],
        ["logistic"],
        loss="squared_error",
        examples=examples,
        learning_rate=0.1,
        batch_size="all",
        reduction="mean",
    )
    trace = experiment.run(4)
    moved = {n: exact(trace, n, 4) - exact(trace, n) for n in names_of(trace, Role.WEIGHT)}
    start = {n: exact(trace, n) for n in moved}
    twice = {(4, "w_out_0"): f"{start['w_out_0'] + moved['w_out_0'] / 3:.6f}"}
    found, _ = by_name(trace, twice)
    assert found["w_out_0"].slips[0] == "mean taken twice"
    half = {(4, n): f"{start[n] + moved[n] / 2:.6f}" for n in ("w_out_1", "w_out_2")}
    _, judged = by_name(trace, half)
    assert len(judged.causes) + (judged.reading is not None) == 1


def test_8_slips_of_the_adjustment_are_found_from_the_new_weights():
    experiment = network([2, 2, 1], ["linear", "linear"], learning_rate=0.05)
    trace = experiment.run(2)
    names = names_of(trace, Role.WEIGHT)
    start = {n: exact(trace, n) for n in names}
    moved = {n: exact(trace, n, 2) - start[n] for n in names}
    _, judged = by_name(trace, {(2, n): f"{start[n] + moved[n] / 0.05:.5f}" for n in names})
    assert [cause.kind for cause in judged.causes] == ["learning rate left out"]
    assert len(judged.causes[0].places) == len(names)
    found, judged = by_name(trace, {(2, n): f"{start[n] + moved[n] * 2:.5f}" for n in names})
    assert judged.reading.name == "loss without the factor ½"
    # The updated weight of the output neuron, where the old one belongs.
    error, x1 = exact(trace, "out_error"), exact(trace, "x1")
    slip = start["w_h1_1"] - 0.05 * error * exact(trace, "w_out_1", 2) * x1
    found, _ = by_name(trace, {(2, "w_h1_1"): f"{slip:.7f}"})
    assert found["w_h1_1"].slips[0] == "weight after its update"


def test_9_a_derivative_of_another_layer_is_named():
    trace = network([2, 2, 2], ["tanh", "softmax"], loss="cross_entropy").run(2)
    z = exact(trace, "z_out1")
    back = sum(exact(trace, f"out{k}_error") * exact(trace, f"w_out{k}_1") for k in (1, 2))
    found, _ = by_name(trace, {"h1_error": f"{back * (1 - math.tanh(z) ** 2):.6f}"})
    assert found["h1_error"].slips[0] == "derivative of another neuron"
    assert "the derivative of h1's output is taken at z_out1" in found["h1_error"].reason


def test_10_a_forgotten_relu_and_its_derivative_are_named():
    trace = network([1, 3, 1], ["relu", "logistic"], examples=[[4.0, 1.0]]).run(2)
    off = next(n for n in ("h1", "h2", "h3") if exact(trace, n) == 0)
    found, _ = by_name(trace, {off: f"{exact(trace, f'z_{off}'):.2f}"})
    assert found[off].slips[0] == "activation left out"
    found, _ = by_name(trace, {f"d{off}_dz": "1"})
    assert found[f"d{off}_dz"].verdict is Verdict.SLIP
    assert "taken as 1" in found[f"d{off}_dz"].reason


def test_11_exchanged_weights_are_named():
    trace = network([3, 2, 2], ["logistic", "logistic"], seed=4).run(2)
    x = [exact(trace, f"x{n}") for n in (1, 2, 3)]
    w = [exact(trace, f"w_h1_{n}") for n in range(4)]
    wrong = w[0] + x[0] * w[2] + x[1] * w[1] + x[2] * w[3]
    found, _ = by_name(trace, {"h1": f"{1 / (1 + math.exp(-wrong)):.5f}"})
    assert found["h1"].slips[0] == "exchanged weights"
    assert "w_h1_1 and w_h1_2 are exchanged" in found["h1"].reason


def test_12_softmax_without_exp_and_the_logarithm_to_base_10_are_named():
    trace = network([3, 3, 3], ["tanh", "softmax"], loss="cross_entropy", seed=6).run(2)
    sums = [exact(trace, f"z_out{k}") for k in (1, 2, 3)]
    hand = {f"out{k + 1}": f"{z / sum(sums):.5f}" for k, z in enumerate(sums)}
    _, judged = by_name(trace, hand)
    assert [cause.kind for cause in judged.causes] == ["exp left out"]
    found, _ = by_name(trace, {"loss": f"{exact(trace, 'loss') / math.log(10):.6f}"})
    assert found["loss"].slips[0] == "wrong logarithm"


def test_13_softmax_as_textbooks_have_it_is_right():
    trace = network([3, 3], ["softmax"], loss="cross_entropy").run(2)
    sums = [exact(trace, f"z_out{k}") for k in (1, 2, 3)]
    hand = {f"exp_out{k + 1}": f"{math.exp(z):.4f}" for k, z in enumerate(sums)}
    found, judged = by_name(trace, hand)
    assert {one.verdict for one in found.values()} <= {Verdict.CONVENTION, Verdict.CORRECT}
    assert judged.reading.name == "softmax without the shift"
    hand |= {"sum_exp1": f"{sum(map(math.exp, sums)):.4f}", "out1": f"{exact(trace, 'out1'):.4f}"}
    found, _ = by_name(trace, hand)
    assert all(one.verdict.is_right for one in found.values())


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-5, "0.0001"), (0.0, "-1"), (0.0, "1"), (0.005, "-0.01"), (0.3, "1")],
)
def test_14_and_15_another_order_a_sign_or_a_derivative_is_no_rounding(value, text):
    experiment = network([1, 1], ["linear"], examples=[[1.0, 0.0]])
    weights = names_of(experiment.run(1), Role.WEIGHT)
    trace = experiment.changed({weights[0]: value, weights[1]: 0.0}).run(1)
    found, _ = by_name(trace, {"z_out": text})
    assert found["z_out"].verdict in (Verdict.WRONG, Verdict.SLIP)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "linear"])
def test_18_target_minus_output_to_the_end_is_a_convention(activation):
    trace = network([2, 2, 1], ["tanh", activation]).run(2)
    turned = names_of(trace, Role.LOSS_DERIVATIVE, Role.ERROR)
    kept = names_of(trace, Role.SUM, Role.OUTPUT, Role.ADJUSTMENT)
    hand = {n: f"{-exact(trace, n):.4f}" for n in turned}
    hand |= {n: f"{exact(trace, n):.6f}" for n in kept}
    found, judged = by_name(trace, hand)
    assert all(one.verdict.is_right for one in found.values())
    assert judged.reading.name == "target minus output"
    assert found[turned[0]].verdict is Verdict.CONVENTION


def test_19_a_plus_for_a_minus_in_all_updates_costs_one_idea(tmp_path):
    task = Exercise(network([2, 3, 1], ["tanh", "logistic"])).task()
    trace = task.trace
    answers = {}
    for line in task.lines:
        if line.is_asked:
            value = task.exact(line)
            if trace.program[line.name].role is Role.ADJUSTMENT:
                value = -value
            if trace.program[line.name].role is Role.WEIGHT:
                value = 2 * exact(trace, line.name) - value
            answers[line.name if line.iteration == 1 else f"{line.name}+"] = f"{value:.6f}"
    sheet = grade_file(fill(tmp_path / "one.xlsx", task, answers), task.exercise.experiment)
    assert [cause.kind for cause in sheet.causes] == ["wrong sign"]
    assert len(sheet.causes[0].places) == 13
    assert sheet.total == sheet.out_of - 1


def test_20_digits_that_are_cut_off_are_said_to_be(trace):
    found, _ = by_name(trace, {"z_f": "-0.3224", "f_error": "-0.1412"})
    assert found["z_f"].verdict is Verdict.CUT
    assert "-0.3225 is the rounded value" in found["z_f"].reason
    assert found["f_error"].verdict is Verdict.CUT


def test_a_cut_value_with_fewer_digits_than_were_asked_is_not_called_cut(trace):
    answers = {"z_f": "-0.3224"}
    asked, _ = by_name(trace, answers, digits=4)
    assert asked["z_f"].verdict is Verdict.CUT
    more, _ = by_name(trace, answers, digits=5)
    assert more["z_f"].verdict is not Verdict.CUT
    assert not more["z_f"].verdict.is_right
