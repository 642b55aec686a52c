"""The commands draw and animate."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.helpers.samples import sampled


@pytest.mark.parametrize("ending", sampled(["svg", "png", "pdf"], "svg"))
def test_the_command_writes_the_same_picture_each_time(command, tmp_path, monkeypatch, ending):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "other"):
        status, out, _ = command("draw", "book-xor", "--iteration", "4", "-o", f"{name}.{ending}")
        assert status == 0
        assert out == f"Wrote {name}.{ending}: the network at iteration 4.\n"
    first, second = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "other"))
    assert first == second
    assert len(first) > 5_000


def test_an_svg_holds_its_words_as_text(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command("draw", "two-neuron")
    root = ET.parse(tmp_path / "outputs" / "two-neuron.svg").getroot()
    words = " ".join(t for e in root.iter("{http://www.w3.org/2000/svg}text") for t in e.itertext())
    assert re.search(r"g_error = .0\.0664", words)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["draw", "two-neuron", "-o", "x.gif"], "expected a name that ends in .svg, .png, .pdf"),
        (["animate", "two-neuron", "-o", "x.png"], "expected a name that ends in .gif"),
    ],
)
def test_the_command_refuses_in_a_sentence(command, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, _, err = command(*arguments)
    assert status in (1, 2)
    assert said in err
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_it_says_what_to_install(command, tmp_path, monkeypatch):
    from bpsheet.pictures import matplot

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(matplot, "find_spec", lambda _name: None)
    status, _, err = command("draw", "two-neuron")
    assert status == 1
    assert 'python -m pip install "bpsheet[plot]"' in err
