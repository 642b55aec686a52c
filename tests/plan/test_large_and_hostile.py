"""Experiment files that are too large, or meant to do harm, are refused in a moment."""

from __future__ import annotations

import pytest

from bpsheet.errors import ExperimentError
from tests.helpers.experiment_files import FIRST, LAYER1, LONG, WEIGHTS, edited, read, refusal
from tests.helpers.samples import sampled, spread

SECOND = 'neurons = ["f"]\nactivation = "logistic"'


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        (
            FIRST,
            'units = 1_000_000_000\nactivation = "tanh"',
            "network.layers",
            "4,000,000,001 weights make about",
        ),
        (
            SECOND,
            'units = 1_000_000_000_000\nactivation = "tanh"',
            "network.layers",
            "100,000 at the most",
        ),
        (
            LONG,
            "iterations = 1_000_000_000_000",
            "training.iterations",
            "1,000,000,000 iterations at the most; got 1,000,000,000,000",
        ),
        (
            LONG,
            "epochs = 9_000_000_000_000_000_000",
            "training.epochs",
            "1,000,000,000 iterations at the most; got 18,000,000,000,000,000,000",
        ),
    ],
)
def test_what_no_memory_holds_is_refused_before_anything_is_allocated(old, new, place, said):
    """With the numbers, and what to do instead."""
    text = edited(
        (old, new),
        (WEIGHTS, ""),
        ("weights = [[0.5]]", ""),
        ("bias = [0.3]", ""),
        ("bias = [-0.2]", ""),
    )
    found = refusal(text)
    assert said in found[place]


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "a = ",
        '[network]\ninputs = ["x"',
        "a = 1\na = 2",
        "a." * 40_000 + "b = 1",
        "[" + "a." * 40_000 + "b]",
        "a = " + "[" * 100_000,
        "a = " + "9" * 100_000,
        'a = "' + "x" * 1_000_000,
        "\x00",
        '"a' * 10_000,
        "x = {" + "a." * 2_000 + "b = 1}",
        "x = {" + "a." * 40_000 + "b = 1}",
        '"=".' + "a." * 12_000 + "b = 1",
        "x = " + "[" * 300 + "]" * 300,
        "title = " + "[" * 200 + "]" * 200,
    ],
)
def test_what_is_no_toml_is_refused_in_no_time(text):
    assert refusal(text)


FORMULAS = [
    "z" + "*z" * 99,
    "z" + "-z" * 99,
    "z" + "+z" * 99,
    "z" + "/z" * 99,
    ("-" * 40 + "(") * 4 + "z" + ")" * 4,
    ("-" * 4 + "(") * 32 + "z" + ")" * 32,
    "max(z" + ",z" * 15 + ")",
    "max(0," * 38 + "z" + ")" * 38,
    "exp(" * 38 + "z" + ")" * 38,
    "logistic(" * 38 + "z" + ")" * 38,
    "if(z>0," * 19 + "z" + ",1)" * 19,
    "z^" * 38 + "z",
    "z" + "*z" * 990,
    "z" + "-z" * 990,
    ("-" * 40 + "(") * 39 + "z" + ")" * 39,
    "max(z" + ",z" * 254 + ")",
    "if(z>0," * 38 + "z" + ",1)" * 38,
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula",
    spread(sampled(FORMULAS, *FORMULAS[::3]), 2),
    ids=lambda text: f"{text[:12]} ({len(text)})",
)
def test_any_formula_that_is_grammatical_runs_or_is_refused_in_a_moment(formula):
    text = edited(('activation = "tanh"', f'activation = "{formula}"'))
    try:
        trace = read(text).run()
    except ExperimentError as error:
        places = [problem.place for problem in error.problems]
    else:
        places = [f"{LAYER1}.activation"] if len(trace.columns) > 20 else []
    assert places == [f"{LAYER1}.activation"]


def test_a_paragraph_may_have_any_number_of_full_stops():
    """Keys of very many dotted parts are refused; a line of notes is no key."""
    notes = "First w = 0.5. Then . . . and so on. " * 2 + "It ends. " * 40
    experiment = read(
        edited(("[network]", f'notes = """\n{notes}\n{"It is. " * 30}"""\n[network]'))
    )
    assert experiment.notes.count("It ends.") == 40
