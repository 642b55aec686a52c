"""A reader whose language writes 0,5: numbers are shown and read with a comma, files keep the point."""

from __future__ import annotations

import pytest

import bpsheet as bp
from tests.helpers.browser import numbers_of, settled
from tests.helpers.pages import CLOSE, field, largest_difference


@pytest.mark.slow
def test_numbers_have_the_comma_of_the_reader_and_files_the_point(page_file, opened):
    page = opened(page_file("two-neuron"), locale="de-DE")
    assert "MSE = 0,1682." in page.locator("#summary").inner_text()
    assert "0,6" in page.locator("#given").inner_text()
    for selector in ("#solution", "#table", "#matrices", "#picture", "#facts"):
        text = page.locator(selector).text_content()
        assert "0," in text, selector
        assert "0." not in text, selector
    assert field(page, "w_xg1").input_value() == "0,6"
    field(page, "w_xg1").fill("0,7")
    field(page, "lr").fill("0.25")
    settled(page)
    trace = bp.load("two-neuron").changed({"w_xg1": 0.7, "learning_rate": 0.25}).run()
    assert largest_difference(numbers_of(page, len(trace)), trace) <= CLOSE
    assert "0.7" in page.evaluate("bpsheet.edits.file()")
    assert page.evaluate("unlinked(bpsheet.address().split('#')[1]).changes.w_xg1") == 0.7


def test_a_comma_is_read_where_a_point_is_written_unless_it_could_part_thousands(page_file, opened):
    page = opened(page_file("two-neuron"))
    read = "(texts) => texts.map((text) => readNumber(text).value ?? null)"
    texts = ["0,5", "-1,25", "0,125", "1,234", "12,345", "1,2,3", "1.234,5", "1,5e-3"]
    assert page.evaluate(read, texts) == [0.5, -1.25, 0.125, None, None, None, None, 0.0015]
    other = opened(page_file("two-neuron"), locale="de-DE")
    assert other.evaluate(read, texts) == [0.5, -1.25, 0.125, 1.234, 12.345, None, None, 0.0015]
