"""A comparison: which mistake comes first, how far it reads, and its command."""

import pytest

import bpsheet as bp
from bpsheet.errors import HandError
from bpsheet.exercises.compare import first_mistake_first, judged


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
