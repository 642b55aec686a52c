"""Other training rules and batches on a page: it computes what the engine computes by that rule."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.page.variants import variants_of
from bpsheet.verifying.verify import verify
from tests.helpers.browser import numbers_of, settled, wait_until
from tests.helpers.pages import CLOSE, field, largest_difference, some_changes
from tests.page.test_book import saved_workbook


@pytest.fixture(scope="session")
def page_with_rules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    made = {}

    def write(name):
        if name not in made:
            made[name] = bp.load(name).to_page(folder / f"{name}.html")
        return made[name]

    return write


def chosen(page, rule, batched):
    """Choose a rule and the batch in the page's fields."""
    for field_id, value in (("edit-rule", rule), ("edit-batch", "true" if batched else "false")):
        select = page.locator(f"#{field_id}")
        if select.input_value() != value:
            select.select_option(value)
            key = 0 if field_id == "edit-rule" else 1
            wait_until(page, f"String(bpsheet.content.variant[{key}]) === '{value}'")
    settled(page)


TEMPLATES = ["two-neuron", "book-xor", "n-samples", "lstm-two-steps", "line-adam", "iris"]


@pytest.mark.slow
@pytest.mark.parametrize("name", TEMPLATES)
def test_each_rule_computes_what_the_engine_computes(name, page_with_rules, opened):
    """All variants of a template, with changed numbers that stay from rule to rule."""
    experiment = bp.load(name)
    changes = some_changes(experiment)
    page = opened(page_with_rules(name))
    page.evaluate("(changes) => { bpsheet.edits.apply(changes); bpsheet.changed(); }", changes)
    rows = min(60, experiment.iterations)
    count = 0
    for rule, batched, plan in variants_of(experiment):
        if plan.example_count != experiment.example_count:
            continue  # one example makes no batch: see the next test
        chosen(page, rule, batched)
        trace = plan.changed(changes).run(rows)
        assert largest_difference(numbers_of(page, rows), trace) <= CLOSE, (rule, batched)
        count += 1
    assert count >= 4


@pytest.mark.slow
def test_a_rule_of_choice_is_saved_and_shared(page_with_rules, opened, tmp_path):
    """The experiment file, the workbook and the link carry it; the original comes back."""
    page = opened(page_with_rules("two-neuron"))
    chosen(page, "adam", True)
    page.get_by_role("button", name="Add an example").click()
    field(page, "x1[2]").fill("0.5")
    field(page, "batch size").fill("2")
    field(page, "beta 1").fill("0.8")
    settled(page)
    file = tmp_path / "saved.toml"
    file.write_text(page.evaluate("bpsheet.edits.file()"), "utf-8")
    again = bp.load(file)
    assert (again.training.rule, again.training.batch_size, again.training.beta1) == (
        "adam",
        2,
        0.8,
    )
    assert again.example_count == 2
    values = numbers_of(page, 100)
    assert largest_difference(values, again.run(100)) <= CLOSE
    report = verify(saved_workbook(page, tmp_path))
    assert report.passed, [comparison.wrong for comparison in report.comparisons]
    assert not report.edits
    fragment = page.evaluate("bpsheet.address()").partition(".html")[2]
    other = opened(page_with_rules("two-neuron"), fragment=fragment)
    wait_until(other, "bpsheet.content.variant[0] === 'adam'")
    settled(other)
    assert (numbers_of(other, 100) == values).all()
    page.get_by_role("button", name="Back to the original").click()
    wait_until(page, "bpsheet.content.variant[0] === 'gradient_descent'")
    settled(page)
    first = bp.load("two-neuron").run(50)
    assert largest_difference(numbers_of(page, 50), first) <= CLOSE


def test_a_page_without_rules_is_smaller_and_has_no_choice(page_file, page_with_rules, opened):
    page = opened(page_file("line-adam"))
    assert page.locator("#edit-rule").count() == 0
    assert page_file("line-adam").stat().st_size < page_with_rules("line-adam").stat().st_size
    assert opened(page_with_rules("line-adam")).locator("#edit-rule").count() == 1
