"""Where things stand in a picture: nothing lies on anything else.

The witnesses are other than what places them: points along each line, and matplotlib's own measure of
a text.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextPath

import bpsheet as bp
from bpsheet.pictures.image import image_of
from bpsheet.pictures.letters import fitted, shortened, width_of
from bpsheet.pictures.placement import placement_of
from bpsheet.pictures.spots import HEAD
from tests.helpers.networks import random_network
from tests.helpers.samples import draws, sampled

OF_KINDS = ["rnn", "lstm-two-steps", "attention", "cnn-3x3", "batch-norm", "transformer-block"]
# A hair, for what is rounded.
HAIR = 1e-6


def placed(seed, narrow):
    experiment = random_network(seed)
    return placement_of(experiment, experiment.program(), narrow=narrow)


def points_of(wire):
    """Points along an arrow, closer than one to the other."""
    parts = []
    for (x1, y1), (x2, y2) in zip(wire.points, wire.points[1:], strict=False):
        steps = np.linspace(0, 1, 2 + int(2 * np.hypot(x2 - x1, y2 - y1)))[:, None]
        parts.append(np.array([x1, y1]) + steps * np.array([x2 - x1, y2 - y1]))
    return np.vstack(parts)


def are_in(points, box, less=0.0):
    """Which points are in a box that is smaller by so much on each side."""
    low = np.array([box.x + less, box.y + less])
    high = np.array([box.x + box.width - less, box.y + box.height - less])
    return ((points > low) & (points < high)).all(axis=1)


def overlap(one, other):
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return across > HAIR and down > HAIR


def faults(placed):
    """What lies on what in a network's picture."""
    labels = [(wire, wire.label) for wire in placed.wires if wire.label is not None]
    labels += [(None, spot.terms) for spot in placed.spots if spot.terms is not None]
    boxes = [box for _, box in labels]
    boxes += [spot.box for spot in placed.spots] + [grid.box for grid in placed.grids]
    found = [
        ("overlap", one, other) for one, other in combinations(boxes, 2) if overlap(one, other)
    ]
    for wire in placed.wires:
        points = points_of(wire)
        head = points[np.hypot(*(points - points[-1]).T) < HEAD]
        for own, box in labels:
            # A crossing is a point of two arrows, so a label that lies on one lies on a strange arrow.
            if own is not wire and are_in(points, box).any():
                found.append(("on an arrow", wire.arrow, box))
            if are_in(head, box).any():
                found.append(("on a head", wire.arrow, box))
        if wire.label is not None and not are_in(points, wire.label).any():
            found.append(("not on its arrow", wire.arrow, wire.label))
    return found


def is_seen_once(placed):
    """Every weight stands on its arrow, or in a table."""
    on_arrows = [wire.arrow.weight for wire in placed.wires if wire.label is not None]
    in_tables = [w for grid in placed.grids for _, cells in grid.rows for w, _ in cells]
    weights = {wire.arrow.weight for wire in placed.wires}
    return all((w in on_arrows) != (w in in_tables) for w in weights)


@pytest.mark.slow
@pytest.mark.parametrize("seed", sampled(range(200), 7, 31))
def test_no_label_lies_on_another_on_a_head_or_on_a_crossing(seed):
    wide, narrow = placed(seed, False), placed(seed, True)
    assert faults(wide) == []
    assert faults(narrow) == []
    assert is_seen_once(wide)


def test_the_greatest_network_and_small_ones_keep_their_labels():
    """A small network has its numbers on the arrows; those of 6-8-4 stand in tables."""
    for name, on_arrows in (("two-neuron", 3), ("book-xor", 6), ("two-hidden-layers", 10)):
        experiment = bp.load(name)
        found = placement_of(experiment, experiment.program())
        assert sum(wire.label is not None for wire in found.wires) == on_arrows
        assert not found.grids


def measured(text, size):
    """The width of a text as matplotlib draws it. Of blanks it has no path."""
    if not text.strip():
        return 0.0
    return (
        TextPath((0, 0), text, size=size, prop=FontProperties(family="DejaVu Sans"))
        .get_extents()
        .width
    )


@draws(30)
@given(
    st.text(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,=→-+ ()δ…×",
        min_size=1,
        max_size=30,
    )
)
def test_no_text_is_wider_than_was_thought(text):
    assert measured(text, 12) <= width_of(text, 12)
    assert measured(shortened(text, 12, 60), 12) <= max(60, width_of("a…b", 12))
    assert measured(text, fitted(text, 12, 50)) <= 50 + HAIR


@pytest.mark.slow
def test_no_letter_is_wider_than_was_thought():
    """Latin letters with their accents, Greek and Cyrillic ones: all that the font has."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    letters = (chr(code) for code in font.get_charmap() if 32 < code < 0x530)
    drawn = [letter for letter in letters if letter.isalpha() or letter < "\x7f"]
    assert len(drawn) > 1000
    for letter in drawn:
        # A dollar sign alone would begin a formula.
        line = TextPath((0, 0), letter.replace("$", r"\$"), size=12, prop={"family": "DejaVu Sans"})
        assert line.get_extents().width <= width_of(letter, 12), letter


@pytest.mark.slow
@pytest.mark.parametrize("seed", sampled(range(20), 7))
def test_names_stand_within_their_circles(seed):
    for spot in placed(seed, False).spots:
        half = measured(spot.title, spot.size) / 2
        # The name's line is above the middle, the value's below.
        assert np.hypot(half, 13) <= spot.box.width / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(OF_KINDS, "lstm-two-steps"))
def test_boxes_of_a_graph_are_apart_and_no_arrow_runs_through_one(name):
    experiment = bp.load(name)
    found = placement_of(experiment, experiment.program())
    for one, other in combinations([spot.box for spot in found.spots], 2):
        assert not overlap(one, other)
    for wire in found.wires:
        points = points_of(wire)
        for number, spot in enumerate(found.spots):
            if number not in wire.arrow[:2]:
                assert not are_in(points, spot.box, 1.0).any(), (wire.arrow, spot.title)


def test_pixels_are_known_by_their_names():
    """By rows and columns, or a square number of at least 64 that are counted; nothing else."""

    def grid(form, rows, columns, first):
        return [form.format(r + first, c + first) for r in range(rows) for c in range(columns)]

    assert image_of(grid("p{}{}", 8, 8, 1)) == (8, 8)
    assert image_of(grid("x_{}_{}", 3, 5, 1)) == (3, 5)
    assert image_of(grid("{}x{}", 28, 28, 1)) == (28, 28)
    assert image_of([f"pixel{number}" for number in range(784)]) == (28, 28)
    assert image_of(["x1", "x2", "x3", "x4"]) is None
    assert image_of([f"x{number}" for number in range(1, 17)]) is None
    assert image_of(grid("p{}{}", 8, 8, 1)[::-1]) is None
    assert image_of(grid("w_{}_{}", 2, 2, 1)) is None
