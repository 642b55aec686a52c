"""What columns are called in words: the first letter becomes a capital, so no name stands there."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.gradients.studies import study
from tests.helpers.samples import small_templates

# Names of columns that are words, too.
WORDS = {"output", "number"}


def named_first(columns, known):
    """The columns whose meaning begins with the name of a quantity that a capital would change."""
    names = {name for name in known if name[:1] != name[:1].upper()}
    return [column.name for column in columns if column.meaning.split(" ")[0] in names - WORDS]


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", small_templates())
def test_no_meaning_begins_with_a_name(name):
    program = bp.load(name).program(iterations=2)
    assert named_first(program.columns, program.names) == []
    assert all(column.meaning for column in program.columns)


@pytest.mark.parametrize("kind", ["gradient-check", "hessian"])
def test_no_meaning_of_a_study_begins_with_a_name(kind):
    program = study(bp.load("two-neuron").run(1), kind).program
    assert named_first(program.columns, program.names) == []


def test_a_layer_of_another_kind_says_what_its_values_are():
    program = bp.load("rnn").program(iterations=1)
    assert program["h1_1"].meaning == "value h1_1: hidden state, in layer 1 (rnn)"
    assert program["h0_1"].meaning == "constant h0_1 (of layer 1, rnn); never updated"
    assert bp.load("line-adam").program(iterations=1)["p"].meaning == "value of the formula for p"
