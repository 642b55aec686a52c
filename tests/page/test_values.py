"""A page computes what the trace holds, after edits too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given

import bpsheet as bp
from bpsheet.explain.numbers import rounded
from bpsheet.page.page import write_page
from bpsheet.plan.templates import template_names
from tests.helpers.browser import numbers_of, settled
from tests.helpers.pages import CLOSE, field, largest_difference, some_changes
from tests.helpers.samples import draws, sampled
from tests.helpers.strategies import experiments, graphs

ROWS = 200


def codes_of(page, rows):
    """The errors of the page's first rows, as a trace keeps them."""
    found = page.evaluate("[...bpsheet.run.codes].map(([row, codes]) => [row, [...codes]])")
    return {row: codes for row, codes in found if row < rows}


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", sampled(template_names(), "exploding", "formula"))
def test_a_page_computes_what_the_trace_holds(name, page_file, opened):
    """Every template, 200 iterations, all columns, the kinds of errors too."""
    trace = bp.load(name).run(min(ROWS, bp.load(name).iterations))
    page = opened(page_file(name))
    assert largest_difference(numbers_of(page, len(trace)), trace) <= CLOSE
    recording = trace.recording
    expected = {
        recording.first_error_row + row: codes.tolist()
        for row, codes in enumerate(recording.errors)
        if codes.any()
    }
    assert codes_of(page, len(trace)) == expected


@pytest.mark.parametrize("name", sampled(template_names(), "line-adam"))
def test_after_edits_it_computes_what_a_changed_experiment_holds(name, page_file, opened):
    experiment = bp.load(name)
    changes = some_changes(experiment)
    rows = min(ROWS, experiment.iterations)
    page = opened(page_file(name))
    page.evaluate("(changes) => { bpsheet.edits.apply(changes); bpsheet.changed(); }", changes)
    values = numbers_of(page, rows)
    assert largest_difference(values, experiment.changed(changes).run(rows)) <= CLOSE
    assert not np.array_equal(values, experiment.run(rows).values, equal_nan=True)


@pytest.mark.slow
def test_numbers_typed_into_the_page_count_at_once(page_file, opened):
    """The fields for a weight, the learning rate and an example; a wrong one leaves the last."""
    page = opened(page_file("two-neuron"))
    field(page, "w_xg1").fill("0.7")
    field(page, "lr").fill("0.25")
    field(page, "x1[1]").fill("−0.5")
    settled(page)
    changes = {"w_xg1": 0.7, "learning_rate": 0.25, "x1[1]": -0.5}
    trace = bp.load("two-neuron").changed(changes).run()
    assert np.array_equal(numbers_of(page, len(trace)), trace.values)
    field(page, "w_xg1").fill("0.9.")
    settled(page)
    assert field(page, "w_xg1").get_attribute("aria-invalid") == "true"
    assert np.array_equal(numbers_of(page, len(trace)), trace.values)
    page.get_by_role("button", name="Back to the original").click()
    settled(page)
    first = bp.load("two-neuron").run()
    assert np.array_equal(numbers_of(page, len(first)), first.values)
    assert field(page, "w_xg1").input_value() == "0.6"


def drawn(page, experiment, tmp_path):
    """The page's values of an experiment, by another page's script."""
    path = tmp_path / "drawn.html"
    write_page(experiment, path, rules=False)
    page.goto(path.as_uri())
    settled(page)
    return numbers_of(page, experiment.iterations)


def check_drawn(experiment, window, tmp_path):
    trace = experiment.run()
    values = drawn(window, experiment, tmp_path)
    assert largest_difference(values, trace) <= 1e-9


WITH_A_BROWSER = draws(15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@WITH_A_BROWSER
@given(experiment=experiments())
def test_any_network_computes_in_a_page_what_the_engine_computes(experiment, window, tmp_path):
    check_drawn(experiment, window, tmp_path)


@pytest.mark.slow
@WITH_A_BROWSER
@given(experiment=graphs())
def test_any_formulas_compute_in_a_page_what_the_engine_computes(experiment, window, tmp_path):
    check_drawn(experiment, window, tmp_path)


def test_the_table_has_the_numbers_of_the_trace(page_file, opened):
    trace = bp.load("book-xor").run()
    page = opened(page_file("book-xor"))
    page.evaluate("bpsheet.go(625)")
    settled(page)
    heads = page.locator("#table thead tr:last-child th").all_inner_texts()
    cells = page.locator("#table tbody tr:last-child > *").all_inner_texts()
    assert heads == list(trace.program.names)
    for name, cell in zip(heads, cells, strict=True):
        column, value = trace.program[name], trace.values[624, trace.program.position[name]]
        expected = column.labels[int(value)] if column.labels else rounded(value, 5, given=True)
        assert cell == expected, name


@pytest.mark.slow
def test_the_page_says_what_came_of_the_run(page_file, opened):
    page = opened(page_file("book-xor"))
    assert page.locator("#facts").inner_text() == (
        "At the end, MSE = 0.08011. 4 of 4 tests are right at the end. All are right for the first "
        "time at iteration 625."
    )


@pytest.mark.slow
def test_errors_are_shown_as_a_spreadsheet_shows_them(page_file, opened):
    trace = bp.load("exploding").run()
    page = opened(page_file("exploding"))
    page.evaluate(f"bpsheet.go({trace.first_error.iteration})")
    settled(page)
    assert trace.first_error.error in page.locator("#table tr.now").inner_text()
    assert trace.first_error.error in page.locator("#group-forward").inner_text()


@pytest.mark.slow
def test_a_longer_run_than_a_phone_holds_is_shown_as_far_as_it_can_be(tmp_path, opened):
    """Eight million numbers; the page then says of how many iterations it has the first."""
    page = opened(
        bp.load("two-neuron")
        .changed({"iterations": 300_000})
        .to_page(tmp_path / "l.html", rules=False)
    )
    rows = page.evaluate("bpsheet.run.rows")
    assert rows == 8_000_000 // 31
    assert page.locator("#count").inner_text() == f"{rows:,} (of 300,000)"
