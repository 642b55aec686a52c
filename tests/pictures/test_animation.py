"""Moving pictures."""

from __future__ import annotations

import pytest
from PIL import Image

from bpsheet.pictures.animation import animate


@pytest.mark.slow
@pytest.mark.slow  # by default a shorter one is drawn below
@pytest.mark.parametrize("name", ["two-neuron", "book-perceptron"])
def test_a_moving_picture_shows_so_many_iterations(command, tmp_path, monkeypatch, name):
    """The first and the last among them, which stays longest; the same bytes each time."""
    monkeypatch.chdir(tmp_path)
    for path in ("one.gif", "other.gif"):
        status, out, _ = command("animate", name, "--iterations", "17", "--frames", "4", "-o", path)
        assert status == 0
        assert out == f"Wrote {path}: 4 of 17 iterations.\n"
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "other.gif").read_bytes()
    with Image.open(tmp_path / "one.gif") as moving:
        assert moving.n_frames == 4
        assert moving.info["loop"] == 0
        durations = []
        for frame in range(4):
            moving.seek(frame)
            durations.append(moving.info["duration"])
    assert durations == [250, 250, 250, 3000]


def test_a_short_run_is_shown_whole(tmp_path, traced):
    assert animate(traced("one-weight", 3), tmp_path / "x.gif", 60) == 3
