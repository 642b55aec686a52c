"""Slides: an iteration in steps, large enough to be read."""

from __future__ import annotations

import pytest
from PIL import Image

import bpsheet as bp
from bpsheet.pictures.nodes import things_of
from bpsheet.pictures.slides import Slides
from bpsheet.pictures.stages import stages_of
from tests.helpers.samples import sampled, small_templates


@pytest.mark.parametrize("name", sampled(small_templates(), "book-xor", "rnn", "formula"))
def test_each_step_shows_what_it_computes_and_nothing_of_later_ones(name):
    """What a step shows follows from what it and the steps before it show."""
    experiment = bp.load(name)
    program = experiment.program()
    stages = list(stages_of(things_of(experiment, program), program))
    assert stages[0].name == "given"
    known = stages[0].sees
    for stage in stages[1:]:
        assert stage.sees >= known | stage.new
        for index in stage.new:
            phase = program.columns[index].phase
            assert phase == stage.name or (phase, stage.name) == ("gradient", "backward")
        if stage.name == "forward":
            drawn = {i for node in things_of(experiment, program).nodes for i in node.columns}
            for index in stage.new & drawn:
                uses = {program.position[ref.name] for ref in program.columns[index].references}
                assert uses & drawn <= stage.sees
        known = stage.sees
    forward = {i for i, column in enumerate(program) if column.phase == "forward"}
    drawn = {i for node in things_of(experiment, program).nodes for i in node.columns}
    assert forward & drawn <= known


LARGE = ["rnn", "batch-norm", "autoencoder", "cnn-3x3", "attention", "transformer-block"]
LARGE += ["lstm-two-steps", "iris", "digits"]


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", sampled(["two-neuron", "book-xor", *LARGE], "two-neuron", "iris"))
def test_the_letters_of_every_slide_are_large(name, traced):
    """No letter is smaller than 24 points on 1920 by 1080 dots, and each step shows what it is about."""
    slides = Slides(traced(name, 3), 1)
    for stage, figure in zip([*slides.stages, None], slides.figures(), strict=True):
        assert tuple(figure.get_size_inches() * 96) == (1920, 1080)
        texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
        shown = [text for text in texts if text.get_text()]
        assert min(text.get_fontsize() for text in shown) >= 24 - 1e-9
        if stage is not None and stage.nodes:
            title = slides.things.nodes[stage.nodes[0]].name
            words = [text.get_text().split("  ")[0] for text in figure.axes[0].texts]
            assert any(_is_short_for(word, title) for word in words), stage.title


ARRAYS = ["rnn", "batch-norm", "cnn-3x3", "attention", "transformer-block", "lstm-two-steps"]


@pytest.mark.parametrize("name", sampled(ARRAYS, "batch-norm"))
def test_every_array_is_on_a_slide_when_it_is_given_computed_and_updated(name, traced):
    slides = Slides(traced(name, 3), 1)
    of_kind = {"given": {"input", "weight"}, "update": {"weight"}}
    for step, kinds in of_kind.items():
        drawn = _drawn(slides, step)
        wanted = [n.name for n in (*slides.things.nodes, *slides.things.loose) if n.kind in kinds]
        assert [name for name in wanted if name not in drawn] == []
    computed = {slides.things.nodes[number].name for s in slides.stages for number in s.nodes}
    assert computed <= _drawn(slides, "forward") | _drawn(slides, "backward")


def _drawn(slides, step):
    """The names of the arrays on the slides of a step."""
    return {
        node.name
        for stage, view in slides._shown
        if stage.name == step
        for node in (spot.node for spot in view.placed.spots)
    }


def _is_short_for(text, name):
    begin, _, end = text.partition("…")
    return text == name or ("…" in text and name.startswith(begin) and name.endswith(end))


@pytest.mark.slow
def test_an_update_in_which_no_weight_moves_says_so(traced):
    """Of a batch of ten, the first iteration moves no weight, and nothing is said to be green or red."""
    said = [text.get_text() for text in list(Slides(traced("iris", 3), 1).figures())[-2].texts]
    assert "no weight moves in this iteration" in said
    assert not any("green" in text for text in said)
    drawn = [text.get_text() for text in traced("iris", 3).draw(1).axes[0].texts]
    assert "no weight moves here" in drawn


@pytest.mark.slow
def test_one_command_writes_stills_and_a_film(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, _ = command("draw", "two-neuron", "--set", "iterations=2", "--slides", "slides")
    assert status == 0
    files = sorted(path.name for path in (tmp_path / "slides").iterdir())
    assert files[0] == "01-given.png"
    assert files[-2:] == [f"{len(files) - 1:02}-loss.png", "film.gif"]
    assert out == f"Wrote slides: {len(files) - 1} pictures and a film, film.gif.\n"
    for name in files:
        with Image.open(tmp_path / "slides" / name) as picture:
            assert 9 * picture.width == 16 * picture.height
            assert getattr(picture, "n_frames", 1) >= (len(files) - 1 if name == "film.gif" else 1)
    (tmp_path / "slides" / "01-given.png").write_bytes(b"mine")
    status, _, err = command("draw", "two-neuron", "--slides", "slides")
    assert status == 1
    assert "01-given.png exists" in err
