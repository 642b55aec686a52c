"""The benchmark compares like with like: its competitors compute what we compute."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.program.kinds import Role
from bpsheet.workbook.writing import layout_of
from tests.bench import loops
from tests.bench.measure import NARROW, Figure, Machine, Process, Result, Rounds, in_turn, rounds_of
from tests.bench.report import said_of_machine
from tests.bench.workbooks import LONG, with_openpyxl

COUNTED = (Role.ITERATION, Role.EPOCH, Role.EXAMPLE)


def ours(experiment, left_out=()):
    trace = experiment.run()
    places = [
        place
        for place, column in enumerate(trace.program)
        if column.role not in (*COUNTED, *left_out)
    ]
    return trace.values[:, places]


@pytest.mark.parametrize("loop", [loops.numpy_layers, loops.numpy_tuned])
def test_the_numpy_loops_store_the_books_26_values(loop):
    expected = ours(bp.load("two-neuron").changed({"iterations": 200}), [Role.SUM])
    assert expected.shape == (200, 26)
    np.testing.assert_allclose(loop(200), expected, rtol=1e-12, atol=1e-15)


def test_the_pytorch_loop_stores_the_books_26_values():
    pytest.importorskip("torch", reason="PyTorch is not installed (bpsheet[torch])")
    expected = ours(bp.load("two-neuron").changed({"iterations": 50}), [Role.SUM])
    np.testing.assert_allclose(loops.torch_two_neuron(50), expected, rtol=1e-12, atol=1e-15)


def sorted_rows(values):
    return np.sort(values, axis=1)


@pytest.mark.slow
def test_the_wide_numpy_loops_store_what_we_store():
    """Layer by layer where we go neuron by neuron: the same numbers in another order."""
    experiment = loops.wide_experiment(20)
    expected = sorted_rows(ours(experiment))
    theirs = loops.numpy_wide(experiment)
    np.testing.assert_allclose(sorted_rows(theirs), expected, atol=1e-13)
    memory = np.zeros_like(theirs)
    loops.numpy_wide_into(memory, experiment)
    np.testing.assert_array_equal(memory, theirs)


@pytest.mark.slow
def test_the_wide_pytorch_loop_stores_what_we_store():
    pytest.importorskip("torch", reason="PyTorch is not installed (bpsheet[torch])")
    experiment = loops.wide_experiment(5)
    np.testing.assert_allclose(
        sorted_rows(loops.torch_wide(experiment)), sorted_rows(ours(experiment)), atol=1e-13
    )


def test_the_long_workbook_of_the_benchmark_is_written_by_a_process_of_its_own(
    tmp_path, monkeypatch
):
    path = tmp_path / "long.xlsx"
    monkeypatch.setattr(sys, "argv", ["-c", str(path), "12"])
    exec(LONG, {})
    assert load_workbook(path)["Steps"].max_row == 7 + 12
    assert float(Path(f"{path}.seconds").read_text()) > 0


def test_openpyxl_is_given_the_same_formulas(tmp_path):
    trace = bp.load("two-neuron").run(20)
    with_openpyxl(trace, tmp_path / "theirs.xlsx", 10)
    trace.to_excel(tmp_path / "ours.xlsx", "book")
    theirs, mine = (
        load_workbook(tmp_path / name)["Steps"] for name in ("theirs.xlsx", "ours.xlsx")
    )
    layout = layout_of(trace, "book")
    for row in range(9, 19):
        for shown in layout.shown:
            if shown.formula is not None:
                cell = theirs.cell(row - 8, shown.place).value
                assert cell == mine.cell(row, shown.place).value


def test_bars_are_met_from_the_right_side():
    assert Result("a", "b", 2.0, bar=1.0).is_met
    assert not Result("a", "b", 2.0, bar=1.0, at_most=True).is_met
    assert Result("a", "b", 2.0).is_met is None


def test_tasks_take_turns():
    called = []
    tasks = {name: partial(called.append, name) for name in "ab"}
    rounds_of(in_turn(tasks), [], least=3)
    assert called == ["a", "b"] * 3


def test_a_process_is_measured_without_what_starts_it():
    assert in_turn({"a": lambda: Process(5.0, 100.0)})() == {"a": 5.0}


def test_a_ratio_is_that_of_the_same_moment():
    """The machine becomes half as fast from the second of four rounds on: the ratio stays."""
    rounds = Rounds({"ours": 2.0 * pace, "theirs": 6.0 * pace} for pace in (1, 2, 2, 2))
    assert rounds.ratio("theirs", "ours") == (3.0, 0.0)
    assert rounds.seconds("ours").value == 4.0


def test_a_ratio_without_disturbance_leaves_out_what_slowed_one_side():
    rounds = Rounds({"ours": 2.0, "theirs": 6.0 if n % 2 else 9.0} for n in range(12))
    assert rounds.ratio("theirs", "ours").value == 3.75
    assert rounds.undisturbed("theirs", "ours").value == 3.0
    seldom = Rounds({"ours": 2.0, "theirs": 6.0 if n % 4 else 9.0} for n in range(24))
    assert seldom.undisturbed("theirs", "ours") == (3.0, 0.0)


def test_rounds_go_on_until_the_ratio_is_known():
    restless = cycle([1.0, 1.2, 0.9])

    def measured():
        return {"ours": next(restless), "theirs": 1.0}

    rounds = rounds_of(measured, [("ours", "theirs")], least=5)
    assert rounds.ratio("ours", "theirs").give_or_take <= NARROW
    assert Rounds(rounds[:-1]).ratio("ours", "theirs").give_or_take > NARROW


def test_rounds_end_with_the_time_that_they_are_given():
    restless = cycle([1.0, 2.0, 0.5])
    rounds = rounds_of(lambda: {"a": next(restless), "b": 1.0}, [("a", "b")], least=5, within=0)
    assert len(rounds) == 5


def test_a_median_is_as_near_to_the_true_one_as_it_says():
    """Nine of ten medians of 25 normal values are within what each gives or takes."""
    random = np.random.default_rng(5)
    near = 0
    for _ in range(1000):
        found = Figure.of(list(random.normal(10, 1, 25)))
        near += abs(found.value - 10) <= found.value * found.give_or_take
    assert 850 <= near <= 930


def test_the_report_says_whether_the_machine_was_quiet():
    machine = Machine()
    machine.seconds = [1.0] * 50 + [1.5] * 50
    assert machine.restless() == 0.5
    assert "50 % longer" in said_of_machine(0.5)
    assert "not quiet" in said_of_machine(0.5)
    assert "not quiet" not in said_of_machine(0.05)


@pytest.mark.slow
def test_the_report_is_json():
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "processes", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    results = json.loads(done.stdout)["results"]
    assert [result["bar"] for result in results][:2] == [1.25, 1.15]
