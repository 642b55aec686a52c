"""The workbook that a page makes: the page's own numbers, in formulas that compute them again."""

from __future__ import annotations

import openpyxl
import pytest

import bpsheet as bp
from bpsheet.plan.templates import template_names
from bpsheet.verifying.verify import verify
from tests.helpers.browser import PATIENCE, wait_until
from tests.helpers.excel_rules import broken_rules
from tests.helpers.pages import largest_difference, some_changes
from tests.helpers.samples import sampled, small_templates


def saved_workbook(page, folder):
    """The workbook that the page's button gives."""
    with page.expect_download(timeout=PATIENCE) as saving:
        page.get_by_role("button", name="Save as a workbook (.xlsx)").click()
    path = folder / saving.value.suggested_filename
    saving.value.save_as(path)
    wait_until(page, "document.getElementById('told').textContent.startsWith('Saved')")
    return path


@pytest.mark.parametrize("name", sampled(small_templates(), "exploding"))
def test_the_workbook_of_a_page_verifies_with_the_changed_numbers(
    name, page_file, opened, tmp_path
):
    """ironcalc computes each cell again, also with other numbers; `load` reads the changed ones."""
    experiment = bp.load(name)
    changes = some_changes(experiment)
    page = opened(page_file(name))
    page.evaluate("(changes) => { bpsheet.edits.apply(changes); bpsheet.changed(); }", changes)
    path = saved_workbook(page, tmp_path)
    assert path.name == f"{name}.xlsx"
    report = verify(path)
    assert report.passed, [comparison.wrong for comparison in report.comparisons]
    assert not report.edits
    assert broken_rules(path) == []
    again, changed = bp.load(path), experiment.changed(changes)
    assert again.iterations == experiment.iterations
    rows = min(50, experiment.iterations)
    assert largest_difference(again.run(rows).values, changed.run(rows)) == 0
    book = openpyxl.load_workbook(path)
    assert (
        book.sheetnames == ["Steps", "Data", "About"][: len(book.sheetnames)] or not again.has_data
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two-neuron", "iris", "lstm-two-steps", "line-adam"])
def test_libreoffice_opens_the_workbook_of_a_page(name, page_file, opened, tmp_path):
    path = saved_workbook(opened(page_file(name)), tmp_path)
    assert verify(path, "libreoffice").passed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two-neuron", "iris", "line-adam"])
def test_the_workbook_of_a_page_keeps_to_the_format(name, page_file, opened, tmp_path):
    """The format's schemas, by a port of the Open XML SDK's validator."""
    from openxml_audit import FileFormat, OpenXmlValidator

    path = saved_workbook(opened(page_file(name)), tmp_path)
    found = OpenXmlValidator(file_format=FileFormat.MICROSOFT_365).validate(path)
    assert [error.description for error in found.errors if error.severity.name == "ERROR"] == []
    assert broken_rules(path) == []


@pytest.mark.parametrize("name", sampled(["line-adam", "two-neuron"], "line-adam"))
def test_the_workbook_is_the_one_that_run_writes(name, page_file, opened, tmp_path):
    """Cell by cell, formulas, values and looks, but for sheets that one asks for."""
    path = saved_workbook(opened(page_file(name)), tmp_path)
    run = bp.load(name).run()
    written = run.to_excel(tmp_path / "written.xlsx", sheets=[])
    for values in (False, True):
        ours, theirs = (openpyxl.load_workbook(each, data_only=values) for each in (path, written))
        for sheet in ("Steps", "Data"):
            for row, other in zip(ours[sheet], theirs[sheet], strict=True):
                for cell, expected in zip(row, other, strict=True):
                    assert cell.value == expected.value, cell.coordinate
                    assert cell.number_format == expected.number_format, cell.coordinate
                    assert cell.fill.fgColor.rgb == expected.fill.fgColor.rgb


def test_what_no_browser_holds_has_no_workbook():
    from bpsheet.page.page import page_of

    assert "digits" in template_names()
    long = bp.load("two-neuron").changed({"iterations": 100_000})
    assert 'id="workbook" type="button" hidden' in page_of(long, rules=False)
