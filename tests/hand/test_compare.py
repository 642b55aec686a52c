"""A comparison: which mistake comes first, how far it reads, and its command."""

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.errors import HandError
from bpsheet.exercises.compare import first_mistake_first, judged, judged_gradient, run_for
from bpsheet.exercises.typed import TypedOver
from tests.hand.test_cases import network


def test_mistakes_come_first_in_the_order_in_which_they_were_made(trace):
    exact = trace.frame.loc[1]
    right = {name: f"{exact[name]:.4f}" for name in ("z_g", "z_f")}
    found = judged(trace, {**right, "g": "0.7", "f": "0.3"}, ".").judgements
    assert [judgement.quantity for judgement in found] == ["z_g", "g", "z_f", "f"]
    sorted_ = first_mistake_first(found)
    assert [judgement.quantity for judgement in sorted_] == ["g", "f", "z_g", "z_f"]


def test_the_command_puts_the_first_mistake_first_and_says_so_in_its_status(tmp_path, command):
    status, out, _ = command("check", "two-neuron")
    assert status == 1
    lines = out.splitlines()
    assert lines[0].startswith("iteration")
    assert "close" in lines[1]
    assert "15 of 16 right." in out
    good = tmp_path / "good.csv"
    good.write_text("iteration,quantity,value\n1,g,-0.24\n2,w_gf0,-0.1859\n")
    assert command("check", "two-neuron", str(good))[0] == 0
    bad = tmp_path / "bad.csv"
    bad.write_text("iteration,quantity,value\n1,q,-0.24\n")
    status, _, err = command("check", "two-neuron", str(bad))
    assert status == 2
    assert "unknown quantity" in err
    assert "Traceback" not in err


def test_a_filled_in_exercise_is_compared_over_its_own_numbers(tmp_path, trace, command):
    from openpyxl import load_workbook

    path = tmp_path / "practice.xlsx"
    assert command("exercise", "two-neuron", "-o", str(path), "--ask", "g,f")[0] == 0
    book = load_workbook(path)
    sheet = book.worksheets[0]
    for row in sheet.iter_rows():
        if row[0].value in ("g", "f"):
            cell = next(cell for cell in row[1:] if not cell.protection.locked)
            cell.value = {"g": "-0,245", "f": "0,580"}[row[0].value]
    book.save(path)
    assert trace.compare(path)["verdict"].equals(trace.compare(path, decimal=",")["verdict"])
    found = trace.compare(path).set_index("quantity")
    assert found.loc["g", "verdict"] == "correct"
    assert found.loc["f", "verdict"] == "likely slip"
    status, out, _ = command("check", "two-neuron", str(path), "--decimal", "comma")
    assert status == 1
    assert "1 of 2 right." in out


def test_a_comparison_reads_to_the_last_iteration_and_no_further():
    trace = bp.load("two-neuron").run(3)
    exact = trace.frame.loc[3, "g"]
    assert trace.compare({3: {"g": f"{exact:.6f}"}})["verdict"].tolist() == ["correct"]
    with pytest.raises(HandError, match="iteration 4; the run has 3 iterations"):
        trace.compare({4: {"g": "0.5"}})


def test_a_comparison_of_nothing_is_refused():
    with pytest.raises(HandError, match=r"^hand values:\n  there are no hand values$"):
        bp.load("two-neuron").run(1).compare({})


def test_values_in_a_csv_file_are_judged(tmp_path):
    path = tmp_path / "hand.csv"
    path.write_text("iteration,g,f\n1,-0.24,0.05\n")
    found = bp.load("two-neuron").run(1).compare(path)
    assert found["verdict"].tolist() == ["correct", "wrong"]


def test_decimal_commas_are_read_where_they_are_declared():
    trace = bp.load("two-neuron").run(1)
    assert trace.compare({"g": "-0,24"}, decimal=",")["verdict"].tolist() == ["correct"]
    assert trace.compare({"g": "-0,24"})["verdict"].tolist() == ["not a number"]


RATE = 0.5
# Four examples, in two batches; the gradient is the batch's mean.
EXAMPLES = [[0.1, -0.4, 1.0], [0.7, 0.2, 0.0], [-0.5, 0.3, 1.0], [0.9, -0.8, 0.0]]


@pytest.fixture(scope="module")
def in_batches():
    plan = network([2, 2, 1], ["tanh", "logistic"], examples=EXAMPLES, batch_size=2)
    return plan.run(6)


def moved(trace, first, after):
    """What gradient descent says: by how much each weight was moved, over the learning rate."""
    rows = trace.frame.loc
    rate = trace.experiment.training.learning_rate
    weights = [column.name for column in trace.program.leaves]
    return {name: (rows[first, name] - rows[after, name]) / rate for name in weights}


def wrong_ones(found):
    return [one.quantity for one in found.judgements if not one.verdict.is_right]


@pytest.mark.parametrize("iteration", [1, 3])
def test_a_gradient_by_weight_is_what_moves_the_weights(trace, iteration):
    gradient = moved(trace, iteration, iteration + 1)
    found = judged_gradient(trace, gradient, iteration=iteration)
    assert len(found.judgements) == 5
    assert wrong_ones(found) == []
    assert {one.place[0] for one in found.judgements} == {iteration}


def test_a_wrong_slope_is_seen(trace):
    found = judged_gradient(trace, {"w_gf1": 0.7})
    assert wrong_ones(found) == ["dMSE / dw_gf1"]


@pytest.mark.parametrize("iteration", [3, 4])
def test_in_batches_the_gradient_is_that_of_the_batch_around_an_iteration(in_batches, iteration):
    gradient = moved(in_batches, 3, 5)
    found = judged_gradient(in_batches, gradient, iteration=iteration)
    assert len(found.judgements) == len(gradient) == 9
    assert wrong_ones(found) == []
    assert {one.place[0] for one in found.judgements} == {4}
    assert all(one.quantity.startswith("batch ") for one in found.judgements)
    near = gradient | {"w_h1_1": gradient["w_h1_1"] * 1.001}
    loosely = judged_gradient(in_batches, near, rtol=0.01, iteration=iteration)
    assert wrong_ones(loosely) == []


def test_a_gradient_is_read_from_tables_and_from_arrays(in_batches, trace, tmp_path):
    gradient = moved(trace, 1, 2)
    wide = ",".join(gradient), ",".join(f"{value:.9f}" for value in gradient.values())
    (tmp_path / "wide.csv").write_text(f"iteration,{wide[0]}\n1,{wide[1]}\n2,0,0,0,0,0\n")
    (tmp_path / "long.csv").write_text(
        "quantity,value\n" + "".join(f"{name},{value:.9f}\n" for name, value in gradient.items())
    )
    for name in ("long.csv", "wide.csv"):
        for path in (tmp_path / name, str(tmp_path / name)):
            found = judged_gradient(trace, path)
            assert [one.quantity for one in found.judgements] == [f"dMSE / d{w}" for w in gradient]
            assert wrong_ones(found) == []
    slopes = moved(in_batches, 3, 5)
    values = np.array(list(slopes.values()))
    first, second = values[:6].reshape(2, 3), values[6:]
    arrays = {"b1": first[:, 0], "W1": first[:, 1:], "b2": second[:1], "W2": second[1:]}
    np.savez(tmp_path / "Own.NPZ.npz", **arrays)
    (tmp_path / "Own.NPZ.npz").rename(tmp_path / "own.NPZ")
    found = judged_gradient(in_batches, tmp_path / "own.NPZ", iteration=4)
    assert len(found.judgements) == 9
    assert wrong_ones(found) == []
    arrays["b2"] = arrays["b2"] * 1.001
    assert wrong_ones(judged_gradient(in_batches, arrays, rtol=0.01, iteration=4)) == []


def test_what_is_no_gradient_is_refused(trace, tmp_path):
    with pytest.raises(
        HandError, match=r"\n  a dict of arrays, or of numbers by their weights, expec"
    ):
        judged_gradient(trace, [1.0, 2.0])
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(
        HandError, match=r"damaged\.npz.*\n  cannot be read as arrays \(not a file of"
    ):
        judged_gradient(trace, damaged)


def test_a_run_goes_one_row_beyond_the_hand_values(tmp_path):
    """There stand the weights after the last update."""
    plan = network([2, 2, 1], ["tanh", "logistic"], examples=EXAMPLES)
    typed = TypedOver({(2, "h1"): 0.5, (7, "h1"): 0.5}, plan, "mine.xlsx")
    assert run_for(plan, typed) == 8
    assert run_for(plan, {1: {"out": 0.5}, 3: {"out": 0.5}}) == 4
    assert run_for(plan, {"out": 0.5}) == 2
    assert run_for(plan, {}) == 2
    # Arrays may hold a value for each example, and the weights after all of them.
    assert run_for(plan, tmp_path / "own.npz") == 1 + 4
    assert run_for(plan, tmp_path / "own.NPZ", 3) == 3 + 4
    (tmp_path / "own.csv").write_text("iteration,out\n5,0.5\n")
    assert run_for(plan, tmp_path / "own.csv") == 6
    assert run_for(plan, str(tmp_path / "own.csv")) == 6


@pytest.mark.parametrize(
    ("number", "is_right"),
    [
        (-0.24, True),  # two digits, which somebody typed
        (-0.2449, True),
        (-0.24491866, True),  # eight digits: as many as one types
        (-0.2449186624, True),  # a program's digits, and right to the ninth
        (-0.244918655, False),  # a program's digits
        (-0.25, False),
    ],
)
def test_few_digits_were_typed_and_many_were_computed(trace, number, is_right):
    assert trace.frame.loc[1, "g"] == pytest.approx(-0.24491866240, abs=1e-11)
    assert (wrong_ones(judged(trace, {"g": number})) == []) is is_right
