"""The picture on the page: nothing lies on anything else, on a phone it pans, and a digit is a picture.

The browser measures what it has drawn: the boxes of texts, the outlines of neurons, the tips of arrows.
"""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from tests.helpers.browser import DESKTOP, PHONE, settled, wait_until
from tests.helpers.samples import sampled

LABELLED = ["book-xor", "two-neuron", "two-hidden-layers", "autoencoder", "iris"]
# What is drawn, in points of the picture.
DRAWN = """() => {
    const box = (part) => { const { x, y, width, height } = part.getBBox(); return [x, y, width, height]; };
    const seen = (selector) => [...document.querySelectorAll(selector)]
        .filter((part) => part.textContent && !part.closest("[hidden]"));
    return {
        labels: [...seen("#picture .weight:not(.node) text"), ...seen("#picture .circle .term")].map(box),
        inside: seen("#picture .circle .name, #picture .circle .value")
            .map((part) => [box(part), box(part.parentNode.querySelector(".outline"))]),
        circles: [...document.querySelectorAll("#picture .outline")].map(box),
        tips: [...document.querySelectorAll("#picture .arrow")]
            .map(({ points }) => points[points.length - 1]).map(({ x, y }) => [x, y]),
        size: document.querySelector("#picture svg").getAttribute("viewBox").split(" ").map(Number),
    };
}"""
# So much may the lines of two texts, one below the other, share: a box has room for accents.
ACCENTS = 4.0
HEAD = 11.0


def overlap(one, other, down=0.0):
    """Whether two boxes share more than `down` points of height."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    return across > 0.5 and min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1]) > down


def faults(drawn):
    found = []
    for number, label in enumerate(drawn["labels"]):
        others = drawn["labels"][:number]
        found += [
            ("on a label", label, other) for other in others if overlap(label, other, ACCENTS)
        ]
        middle = [label[0], label[1] + ACCENTS / 2, label[2], label[3] - ACCENTS]
        found += [("on a neuron", label, c) for c in drawn["circles"] if overlap(middle, c, 1.0)]
        for x, y in drawn["tips"]:
            # The head is behind its tip, so a label that is on it is near the tip.
            if overlap(middle, [x - HEAD / 4, y - HEAD / 4, HEAD / 2, HEAD / 2]):
                found.append(("on an arrow's head", label, (x, y)))
        left, top, width, height = label
        if (
            left < 0
            or top < 0
            or left + width > drawn["size"][2]
            or top + height > drawn["size"][3]
        ):
            found.append(("cut", label))
    for (left, _, width, _), (start, _, across, _) in drawn["inside"]:
        if left < start or left + width > start + across:
            found.append(("wider than its circle", left, width))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("viewport", sampled([PHONE, DESKTOP], PHONE), ids=["phone", "desktop"])
@pytest.mark.parametrize("name", sampled(LABELLED, "book-xor"))
def test_no_text_lies_on_another_on_a_neuron_or_on_an_arrows_head(
    name, viewport, page_file, opened
):
    """At the beginning, later, and with a neuron chosen."""
    page = opened(page_file(name), viewport=viewport)
    for act in ("bpsheet.go(1)", "bpsheet.go(37)", "bpsheet.choose(3)"):
        page.evaluate(act)
        settled(page)
        drawn = page.evaluate(DRAWN)
        assert len(drawn["labels"]) > 2
        assert faults(drawn) == [], act


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(["book-xor", "iris", "autoencoder"], "iris"))
def test_on_a_phone_the_network_pans_and_its_outputs_are_seen_first(name, page_file, opened):
    """The outputs stand in the window at once, the inputs after a swipe, in letters that can be read."""
    page = opened(page_file(name), viewport=PHONE)
    layers = page.evaluate(
        "(() => { const { nodes, arrows } = bpsheet.content.picture;"
        " const starts = new Set(arrows.map(({ start }) => start)), ends = new Set(arrows.map(({ end }) => end));"
        " return [nodes.flatMap((_, n) => ends.has(n) ? [] : [n]), nodes.flatMap((_, n) => starts.has(n) ? [] : [n])]; })()"
    )
    inputs, outputs = layers
    assert _in_frame(page, outputs)
    assert not _in_frame(page, inputs)
    size = page.evaluate(
        "(() => { const svg = document.querySelector('#picture svg');"
        " return 10.5 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width; })()"
    )
    assert size >= 9
    page.locator("#picture").hover()
    page.mouse.wheel(-3000, 0)
    wait_until(page, "document.getElementById('picture').scrollLeft === 0")
    assert _in_frame(page, inputs)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def _in_frame(page, nodes):
    """Whether all of these nodes are within the frame of the picture, from its left to its right."""
    return page.evaluate(
        """(numbers) => {
            const frame = document.getElementById("picture").getBoundingClientRect();
            return numbers.every((number) => {
                const { left, right } = bpsheet.network.nodes[number].outline.getBoundingClientRect();
                return left >= frame.left - 1 && right <= frame.right + 1;
            });
        }""",
        nodes,
    )


@pytest.fixture(scope="module")
def pixels(tmp_path_factory):
    """A small network that sees 8 by 8 pixels: its examples, and its page."""
    shades = np.random.default_rng(5).integers(0, 17, (3, 64)) / 16
    names = [f"p{row}{column}" for row in range(1, 9) for column in range(1, 9)]
    experiment = bp.Experiment(
        network=bp.Network(
            inputs=names, targets=["t"], loss="half_squared_error", layers=[bp.Layer(units=1)]
        ),
        data=bp.Data(examples=[[*map(float, row), 1.0] for row in shades]),
        training=bp.Training(learning_rate=0.1, iterations=6),
    )
    path = tmp_path_factory.mktemp("pixels") / "page.html"
    return shades, experiment.to_page(path, rules=False)


@pytest.mark.slow
@pytest.mark.parametrize("viewport", [PHONE])
def test_a_digit_is_drawn_as_the_pixels_of_the_example_shown(pixels, viewport, opened):
    """Beside the neurons that see it; black is the greatest number; each step shows its own example."""
    shades, path = pixels
    page = opened(path, viewport=viewport)
    for iteration in (1, 2, 3):
        page.evaluate(f"bpsheet.go({iteration})")
        settled(page)
        found = page.evaluate(
            "[...document.querySelectorAll('#picture .image .shade')].map((part) =>"
            " [part.getBBox().x, part.getBBox().y, Number(part.style.fillOpacity)])"
        )
        assert len(found) == 64
        found.sort(key=lambda one: (one[1], one[0]))
        example = page.evaluate(f"bpsheet.run.value({iteration - 1}, bpsheet.example)")
        wanted = shades[int(example) - 1]
        assert np.allclose([dark for _, _, dark in found], wanted / wanted.max(), atol=1e-6)
    image, neuron = page.evaluate(
        "['.image', '.circle'].map((kind) => document.querySelector(`#picture ${kind} .outline`).getBBox())"
        ".map(({ x, y, width, height }) => [x, y, width, height])"
    )
    assert image[0] + image[2] < neuron[0]
    assert image[1] < neuron[1] + neuron[3] / 2 < image[1] + image[3]


@pytest.mark.slow
def test_where_no_weight_moves_the_page_says_what_grey_is(page_file, opened):
    """Of a batch of ten, the first iteration moves no weight, and the tenth does."""
    page = opened(page_file("iris"))
    assert page.locator("#widest").inner_text() == "Grey: no weight moves here."
    assert page.locator("#picture .arrow:not(.still)").count() == 0
    page.evaluate("bpsheet.go(10)")
    settled(page)
    assert (
        page.locator("#widest")
        .inner_text()
        .startswith("The widest arrow stands for an adjustment of ")
    )


@pytest.mark.sample(1)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_colour_means_the_same_in_light_and_in_dark(scheme, page_file, opened):
    """An arrow of a weight that grows is green, one that shrinks is red, whatever the background."""
    page = opened(page_file("book-xor"), color_scheme=scheme)
    for kind, strong in (("grows", 1), ("shrinks", 0)):
        found = page.locator(f"#picture .arrow.{kind}").first.evaluate(
            "(part) => getComputedStyle(part).stroke.match(/[0-9]+/g).map(Number)"
        )
        assert max(range(3), key=found.__getitem__) == strong
        assert found[strong] > 1.3 * max(found[:strong] + found[strong + 1 :])
