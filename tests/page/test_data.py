"""The examples in a page: rows added, removed and pasted, and what then is computed and saved."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.verifying.verify import verify
from tests.helpers.browser import numbers_of, settled
from tests.helpers.pages import CLOSE, field, largest_difference
from tests.helpers.samples import small_templates
from tests.page.test_book import saved_workbook


def with_examples(experiment, examples):
    """The experiment with other examples, as many iterations as before, and the batch's size."""
    tables = experiment.to_dict()
    tables["data"]["examples"] = examples
    tables["data"].pop("file", None)
    tables["training"].pop("epochs", None)
    tables["training"]["iterations"] = experiment.iterations
    if tables["training"].get("batch_size") == "all":
        tables["training"]["batch_size"] = experiment.example_count
    return type(experiment).from_dict(tables)


def pasted(page, name, text):
    """Paste text from a spreadsheet into a field."""
    field(page, name).evaluate(
        """(input, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", text);
            input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )
    settled(page)


def test_examples_are_added_pasted_and_removed(page_file, opened, tmp_path):
    """The page computes what the changed experiment's trace holds, and saves it in three ways."""
    experiment = bp.load("two-neuron").changed({"iterations": 40})
    path = page_file("two-neuron", 40)
    page = opened(path)
    page.get_by_role("button", name="Add an example").click()
    field(page, "x1[2]").fill("0.25")
    pasted(page, "x2[1]", "0,5\t0\r\n-1\t1\r\n.75\t0.5\n")
    field(page, "x1[3]").fill("0.125")
    page.get_by_role("button", name="Remove example 1").click()
    settled(page)
    changed = with_examples(experiment, [[0.25, -1.0, 1.0], [0.125, 0.75, 0.5]])
    trace = changed.run()
    assert largest_difference(numbers_of(page, len(trace)), trace) <= CLOSE
    file = tmp_path / "saved.toml"
    file.write_text(page.evaluate("bpsheet.edits.file()"), "utf-8")
    assert np.array_equal(bp.load(file).run().values, trace.values)
    report = verify(saved_workbook(page, tmp_path))
    assert report.passed, [comparison.wrong for comparison in report.comparisons]
    assert not report.edits
    other = opened(path, fragment=page.evaluate("bpsheet.address()").partition(".html")[2])
    assert np.array_equal(numbers_of(other, len(trace)), numbers_of(page, len(trace)))
    page.get_by_role("button", name="Back to the original").click()
    settled(page)
    assert np.array_equal(numbers_of(page, len(trace)), experiment.run().values)


@pytest.mark.slow
@pytest.mark.parametrize("name", small_templates())
def test_with_other_examples_a_page_computes_what_the_trace_holds(name, page_file, opened):
    """Every template whose order of examples is a cycle; in the others their number is fixed."""
    experiment = bp.load(name)
    page = opened(page_file(name))
    if page.evaluate("bpsheet.content.mark") is None:
        assert page.get_by_role("button", name="Add an example").count() == 0
        return
    first = [round(number + 0.125, 6) for number in experiment.data.examples[0]]
    examples = [*experiment.data.examples, first, first[::-1] if len(first) == 1 else first]
    order = experiment.data.columns or list(experiment.data_names)
    rows = [dict(zip(order, row, strict=True)) for row in examples]
    columns = [
        [row[table] for row in rows]
        for table in page.evaluate("bpsheet.content.tables.map(([name]) => name)")
    ]
    page.evaluate(
        "(examples) => { bpsheet.edits.apply({ examples }); bpsheet.changed(); }", columns
    )
    try:
        changed = with_examples(experiment, examples)
    except bp.ExperimentError:
        pytest.skip("such examples cannot be")
    rows = min(200, experiment.iterations)
    assert largest_difference(numbers_of(page, rows), changed.run(rows)) <= CLOSE


@pytest.mark.slow
def test_what_cannot_be_pasted_changes_nothing(page_file, opened):
    page = opened(page_file("two-neuron"))
    before = numbers_of(page, 20)
    for text, said in (
        ("1\ttwo", 'Row 1, cell 2: "two" is no number'),
        ("1\t2\t3\t4", "4 cells; 3 fit here"),
        ("\n".join(["1\t2\t3"] * 10_001), "at most 10,000 examples"),
    ):
        pasted(page, "x1[1]", text)
        assert said in page.locator("#told").inner_text()
    assert np.array_equal(numbers_of(page, 20), before)
