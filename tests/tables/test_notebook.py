"""The notebook "my data in a table": it runs, and says what is so."""

from __future__ import annotations

import pytest

from tests.helpers.notebooks import TEMPLATES, texts_of


@pytest.mark.slow
def test_the_session_with_a_table_runs_and_the_sheet_follows_the_raw_numbers(tmp_path):
    pytest.importorskip("sklearn")
    said = texts_of(TEMPLATES / "own-table.ipynb", tmp_path)
    assert "['Adelie', 'Chinstrap', 'Gentoo']" in said["experiment"]
    assert "island: 1 is Biscoe, 2 is Dream, 3 is Torgersen" in said["meanings"]
    first, last = (float(text.split()[-1]) for text in said["run"].split(","))
    assert last < first
    assert said["workbook"] == "True\n"
    assert float(said["pipeline"].split()[-1]) < 1e-12
