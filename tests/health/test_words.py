"""Names in a sentence."""

from __future__ import annotations

from bpsheet.words import listed


def test_names_in_a_sentence():
    names = ["a", "b", "c", "d", "e"]
    assert [listed(names[:n]) for n in (1, 2, 4)] == ["a", "a and b", "a, b, c and d"]
    assert listed(names) == "a, b, c and 2 more"
