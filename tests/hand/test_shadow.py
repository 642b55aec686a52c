"""What follows from the numbers that somebody wrote, where they are not those of the run."""

from __future__ import annotations

import math

import pytest

import bpsheet as bp
from bpsheet.formula.tree import Div, Num, Ref
from bpsheet.hand.numbers import read_number
from bpsheet.hand.shadow import Shadow


def shadow_of(trace, **written):
    return Shadow(trace, {(1, name): read_number(text) for name, text in written.items()})


def test_without_a_written_number_everything_is_the_runs(trace):
    shadow = shadow_of(trace)
    for name, value in zip(trace.program.names, trace.values[1], strict=True):
        assert shadow.shadow(2, name) == value
        assert shadow.sources(2, name) == []


def test_sources_are_the_written_values_that_lead_to_one(trace):
    """Also through a weighted sum that nobody wrote: z_f lies between g and f."""
    shadow = shadow_of(trace, z_g="0.5", g="0.7", f="0.6", w_gf1="0.55")
    assert shadow.sources(1, "z_g") == []
    assert shadow.sources(1, "g") == [(1, "z_g")]
    assert shadow.sources(1, "f") == [(1, "g"), (1, "w_gf1")]


def test_a_written_number_stands_in_the_place_of_the_runs(trace):
    """z_f follows from the g that was written; z_g, which stands before it, does not."""
    shadow = shadow_of(trace, g="0.7")
    row = trace.frame.loc[1]
    assert shadow.shadow(1, "g") == 0.7
    assert shadow.exact(1, "g") == row["g"]
    assert shadow.followed(1, "z_f") == row["w_gf0"] + row["w_gf1"] * 0.7
    assert shadow.followed(1, "z_g") == row["z_g"]


def test_it_goes_on_into_the_next_iteration(trace):
    """Another adjustment of a weight is another weight afterwards, and another output."""
    answers = {(1, "delta_w_gf1"): read_number("0.5"), (2, "g"): read_number("-0.3")}
    shadow = Shadow(trace, answers)
    weight = trace.frame.loc[1, "w_gf1"] + 0.5
    assert shadow.shadow(2, "w_gf1") == weight
    assert shadow.followed(2, "z_f") == pytest.approx(
        trace.frame.loc[2, "w_gf0"] - weight * 0.3, rel=1e-15
    )


def test_a_written_number_is_believed_even_where_another_follows(trace):
    shadow = shadow_of(trace, g="0.7", z_f="5")
    assert shadow.shadow(1, "z_f") == 5.0
    assert shadow.followed(1, "z_f") != 5.0
    assert shadow.followed(1, "f") == 1 / (1 + math.exp(-5.0))


def test_what_has_no_value_is_nan(trace):
    shadow = shadow_of(trace, g="0")
    assert math.isnan(shadow.value(Div(Num(1.0), Ref("g")), shadow.shadow_values(1)))
    exploded = bp.load("exploding").run()
    name = exploded.first_error.column
    broken = Shadow(exploded, {})
    assert math.isnan(broken.value(Ref(name), broken.exact_values(exploded.first_error.iteration)))


def test_what_leads_to_a_value_is_gathered_in_one_pass(trace, monkeypatch):
    """Each formula is evaluated once a row, however many values were written."""
    count = 0
    evaluated = Shadow.value

    def counted(self, *arguments):
        nonlocal count
        count += 1
        return evaluated(self, *arguments)

    monkeypatch.setattr(Shadow, "value", counted)
    rows = range(1, len(trace) + 1)
    shadow = Shadow(trace, {(row, "f"): read_number("0.6") for row in rows})
    for row in rows:
        sources = shadow.sources(row, "f")
        assert sources == [(earlier, "f") for earlier in range(1, row)]
    assert count <= len(trace) * len(trace.program)
