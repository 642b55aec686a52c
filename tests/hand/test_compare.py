"""A comparison: which mistake comes first, how far it reads, and its command."""

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.errors import HandError
from bpsheet.exercises.compare import first_mistake_first, judged, judged_gradient, run_for
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.fillin import FIRST_ROW, fill_in_workbook
from bpsheet.exercises.typed import TypedOver
from bpsheet.hand import causes
from bpsheet.hand.batches import with_batches
from bpsheet.hand.student import Student
from bpsheet.hand.verdict import Verdict
from tests.hand.test_cases import network
from tests.helpers.grading import typed_into


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


def test_the_numbers_of_another_run_are_compared_and_not_those_of_the_experiment(trace):
    other = trace.experiment.changed({"learning_rate": 0.25}).run(2)
    found = {one.quantity: one for one in judged(trace, other).judgements if one.place[0] == 2}
    assert len(found) > 16
    assert found["w_gf0"].verdict is not Verdict.CORRECT
    assert judged(trace, trace).judgements[0].verdict is Verdict.CORRECT


def test_a_gradient_that_is_slightly_off_is_wrong_after_a_search_that_ends(in_batches, monkeypatch):
    """A slip might stand in any row before it, so that a single try takes all of them."""
    searched = set()
    value_with = Student.value_with

    def counted(student, *given):
        searched.add(student)
        return value_with(student, *given)

    monkeypatch.setattr(Student, "value_with", counted)
    monkeypatch.setattr(causes, "MOST_VALUES", 500)
    gradient = {name: value * 1.001 for name, value in moved(in_batches, 3, 5).items()}
    found = judged_gradient(in_batches, gradient, iteration=4)
    assert {one.verdict for one in found.judgements} == {Verdict.WRONG}
    (student,) = searched
    in_one_try = 3 * 4 * len(with_batches(in_batches.program).columns)
    assert 500 < student.computed_again < 500 + in_one_try


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


def test_a_computed_number_claims_the_digits_of_its_type(trace):
    """Single precision has seven; what is off by more than they allow is wrong."""
    exact = trace.frame.loc[1, "g"]
    single = np.float32(exact)
    assert float(single) != pytest.approx(exact, rel=1e-9)
    assert wrong_ones(judged(trace, {"g": single})) == []
    assert wrong_ones(judged(trace, {"g": np.float32(exact * 1.0001)})) == ["g"]


@pytest.mark.parametrize("kind", ["float64", "float32", "float16"])
def test_a_short_number_is_judged_by_its_digits_in_any_precision(trace, kind):
    """As the text -0.24, which claims two digits: the next digits of the type are nobody's."""
    number = np.dtype(kind).type("-0.24")
    assert wrong_ones(judged(trace, {"g": number})) == []
    (one,) = judged(trace, {"g": number}).judgements
    assert one.written == "-0.24"


class EightBits(float):
    """A number of torch, of eight significant bits."""

    dtype = "torch.bfloat16"


def test_a_number_of_seven_digits_was_not_typed_in_a_type_that_has_two():
    """The nearest number of bfloat16 to 1.483 is 1.484375."""
    trace = bp.load("two-neuron").changed({"w_xg1": 1.483}).run(1)
    assert wrong_ones(judged(trace, {"w_xg1": EightBits(1.484375)})) == []
    assert wrong_ones(judged(trace, {"w_xg1": 1.484375})) == ["w_xg1"]


@pytest.mark.parametrize("kind", ["int64", "longdouble"])
def test_types_that_are_not_known_are_compared_in_double_precision(kind):
    """A program may have whole numbers for its biases; the others have all their digits."""
    trace = network([2, 2, 1], ["tanh", "logistic"]).changed({"w_h1_0": 0, "w_h2_0": 1}).run(1)
    biases = np.array([0, 1], kind)
    arrays = {"b1": biases, "A1": trace.frame.loc[1, ["h1", "h2"]].to_numpy(float)}
    assert wrong_ones(judged(trace, arrays)) == []
    arrays["b1"] = biases + 1
    assert wrong_ones(judged(trace, arrays)) == ["w_h1_0", "w_h2_0"]


def test_neither_a_power_of_ten_nor_zeros_at_the_end_count_as_digits():
    """1.23456e-05 has six digits, and 12345678.0 has eight: as many as one types."""
    weights = {"w_xg1": 0.0000123456321, "w_gf1": 12345678.04}
    trace = bp.load("two-neuron").changed(weights).run(1)
    assert wrong_ones(judged(trace, {"w_xg1": 1.23456e-05})) == []
    assert wrong_ones(judged(trace, {"w_xg1": 1.23457e-05})) == ["w_xg1"]
    assert wrong_ones(judged(trace, {"w_gf1": 12345678.0})) == []


def test_without_an_iteration_arrays_are_of_the_first_one(trace):
    outputs = trace.frame["g"].to_numpy()
    assert [one.place for one in judged(trace, {"A1": outputs[:1]}).judgements] == [(1, "g")]
    assert trace.compare({"A1": outputs[:1]})["iteration"].tolist() == [1]
    assert trace.compare({"A1": outputs[1:2]}, iteration=2)["iteration"].tolist() == [2]


def test_who_writes_no_number_is_shown_one_with_the_decimal_sign(trace):
    """It is a point where none is asked."""
    (one,) = judged(trace, {"g": "a quarter"}).judgements
    assert one.reason == "Write a number such as -0.25."
    (one,) = judged(trace, {"g": "a quarter"}, ",").judgements
    assert one.reason == "Write a number such as -0,25."


def test_the_first_array_that_differs_is_named_by_its_place(trace):
    """Where all arrays are right, none is."""
    exact = trace.frame.loc[1]
    right = {"A1": exact[["g"]].to_numpy(float), "A2": exact[["f"]].to_numpy(float)}
    assert judged(trace, right).notes == ()
    found = judged(trace, right | {"A2": right["A2"] + 0.1, "loss": np.array([9.0])})
    assert found.notes == ("the first array that differs is A2[0], which is f",)


def test_a_gradient_may_have_the_names_of_its_columns(trace):
    by_weight = moved(trace, 1, 2)
    by_column = {f"dMSE / d{weight}": value for weight, value in by_weight.items()}
    found = judged_gradient(trace, by_column)
    assert [one.quantity for one in found.judgements] == list(by_column)
    assert wrong_ones(found) == []


@pytest.fixture
def filled(tmp_path):
    """A filled-in exercise: filled({"z_g": "1,350"}). Its run has 1.35 there, and g is 0.874."""
    task = Exercise(bp.load("two-neuron").changed({"w_xg0": 1.9})).task("Ada")

    def sheet(answers):
        path = tmp_path / "practice.xlsx"
        path.write_bytes(fill_in_workbook(task))
        rows = {line.name: row for row, line in enumerate(task.lines, FIRST_ROW) if line.is_asked}
        typed_into(path, {f"B{rows[name]}": text for name, text in answers.items()})
        return path, task.trace

    return sheet


def verdicts(found):
    return {one.quantity: str(one.verdict) for one in found.judgements if one.written}


def test_a_filled_in_exercise_tells_its_own_decimal_sign(filled):
    """1,350 alone may be a thousand; beside 0,87 the comma stands before decimals."""
    path, trace = filled({"z_g": "1,350", "g": "0,87"})
    assert verdicts(judged(trace, path)) == {"z_g": "correct", "g": "correct"}
    path, trace = filled({"z_g": "1,350"})
    assert verdicts(judged(trace, path)) == {"z_g": "not a number"}


def test_a_filled_in_exercise_with_commas_is_read_when_commas_are_asked(filled):
    path, trace = filled({"z_g": "1,350"})
    assert verdicts(judged(trace, path, ",")) == {"z_g": "correct"}


def test_a_comparison_says_how_it_read_the_answers_of_an_exercise(filled):
    path, trace = filled({"z_g": "27/20"})
    assert judged(trace, path).notes == ('the value of z_g was read: "27/20" as 1.35',)


def test_numbers_typed_over_the_formulas_of_a_workbook_are_judged(tmp_path, edit):
    """By their digits. Whoever says which error is allowed has them judged by that error."""

    def typed(number):
        return lambda _: f'<c r="I8"><v>{number}</v></c>'

    trace = bp.load("two-neuron").run(1)
    made = trace.to_excel(tmp_path / "run.xlsx", "book")
    assert verdicts(judged(trace, edit(made, {"I8": typed("-0.24")}))) == {"g": "correct"}
    long = edit(made, {"I8": typed("-0.2448000011")})
    assert wrong_ones(judged(trace, long)) == ["g"]
    assert wrong_ones(judged(trace, long, rtol=0.001)) == []
