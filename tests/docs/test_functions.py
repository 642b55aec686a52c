"""The list of functions in the documents is the list that formulas have."""

from __future__ import annotations

from pathlib import Path

from bpsheet.formula.functions import FUNCTIONS

TEXT = (Path(__file__).parents[2] / "templates" / "README.md").read_text("utf-8")


def test_every_function_stands_in_the_reference_of_formulas():
    begins = TEXT.index("A formula has")
    said = TEXT[begins : TEXT.index("\n\n", begins)]
    assert [name for name in FUNCTIONS if f"`{name}" not in said] == []
