"""Hand values come as dicts, frames and files, under names that are nearly those of the columns."""

import pandas as pd
import pytest

from bpsheet.errors import HandError
from bpsheet.hand.reading import hand_values, match_names, read_csv


def test_values_come_as_dicts_frames_and_files_and_mean_the_same(tmp_path):
    known = ["g", "f", "MSE'"]
    expected = {(1, "g"): "-0.25", (1, "f"): "0.42"}
    assert hand_values({"g": "-0.25", "f": "0.42"}, known) == (expected, [])
    assert hand_values({1: {"g": "-0.25", "f": "0.42"}}, known) == (expected, [])
    assert hand_values({(1, "g"): "-0.25", (1, "f"): "0.42"}, known) == (expected, [])
    long = pd.DataFrame({"iteration": [1, 1], "quantity": ["g", "f"], "value": ["-0.25", "0.42"]})
    assert hand_values(long, known) == (expected, [])
    wide = pd.DataFrame({"iteration": ["1"], "g": ["-0.25"], "f": ["0.42"]})
    assert hand_values(wide, known) == (expected, [])
    pairs = pd.DataFrame({"quantity": ["g", "f"], "value": ["-0.25", "0.42"]})
    assert hand_values(pairs, known) == (expected, [])
    for name, text in (
        ("long.csv", "iteration,quantity,value\n1,g,-0.25\n1,f,0.42\n"),
        ("pairs.csv", "quantity,value\ng,-0.25\nf,0.42\n"),
        ("turned.csv", "Value;Quantity;Iteration\n-0.25;g;1\n0.42;f;1\n"),
        ("wide.csv", "\ufeffiteration;g;f\n1;-0.25;0.42\n"),
    ):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        assert hand_values(read_csv(path), known) == (expected, [])


def test_names_are_matched_without_case_underscores_and_greek_letters():
    known = ["delta_w_xg0", "w_xg0", "f_error", "MSE'"]
    found, unknown = match_names(["Δw_xg0", "W_XG0", "f error", "mse′"], known)
    assert list(found.values()) == known
    assert unknown == []


def test_an_unknown_name_among_known_ones_is_left_out(trace):
    report = trace.compare({"g": "-0.24", "my note": "0.5"})
    assert report["quantity"].tolist() == ["g"]
    assert report.notes == ["not compared, since the run has no such quantity: my note"]


def test_unknown_names_get_the_nearest_known_ones():
    with pytest.raises(HandError, match=r'unknown quantity "f_eror"; did you mean "f_error"'):
        match_names(["f_eror"], ["f_error", "g"])


@pytest.mark.parametrize(
    "text",
    ["", "iteration,quantity,value\n", "g,g\n1,2\n", "g,f\n1\n", "iteration,g\nx,1\n"],
)
def test_files_without_usable_values_are_refused(tmp_path, trace, text):
    path = tmp_path / "hand.csv"
    path.write_text(text)
    with pytest.raises(HandError):
        trace.compare(path)


def test_decimal_commas_that_split_a_line_are_said_to_be_the_likely_reason(tmp_path):
    path = tmp_path / "hand.csv"
    path.write_text("quantity,value\nf,0,42\n")
    with pytest.raises(HandError, match=r"line 2: 2 cells expected; got 3\. If the numbers have"):
        read_csv(path)
    path.write_text('quantity,value\nf,"0,42"\n')
    assert read_csv(path)["value"].tolist() == ["0,42"]


def test_a_comma_in_a_number_leads_to_the_option_that_allows_it(command, tmp_path):
    (tmp_path / "hand.csv").write_text("quantity;value\nf;0,42\n")
    _, out, _ = command("check", "two-neuron", str(tmp_path / "hand.csv"))
    assert "--decimal comma" in out
    status, out, _ = command(
        "check", "two-neuron", str(tmp_path / "hand.csv"), "--decimal", "comma"
    )
    assert (status, "--decimal" in out) == (0, False)


def test_pairs_under_an_index_of_iterations_are_of_these():
    pairs = pd.DataFrame(
        {"quantity": ["g", "g"], "value": ["-0.25", "-0.24"]},
        index=pd.Index([1, 2], name="iteration"),
    )
    assert hand_values(pairs, ["g"])[0] == {(1, "g"): "-0.25", (2, "g"): "-0.24"}


def test_one_quantity_given_twice_with_different_values_is_refused():
    pairs = pd.DataFrame({"quantity": ["g", "g"], "value": ["-0.25", "-0.24"]})
    with pytest.raises(HandError, match="g of iteration 1 is given twice"):
        hand_values(pairs, ["g"])


def test_a_file_of_pairs_is_judged_by_the_command(command, tmp_path):
    (tmp_path / "hand.csv").write_text("quantity,value\ng,-0.24\nf,0.42\nf_error,-0.14\n")
    status, out, err = command("check", "two-neuron", str(tmp_path / "hand.csv"))
    assert (status, err) == (0, "")
    assert "3 of 3 right" in out
