"""Workbooks made by older releases still load and verify."""

from __future__ import annotations

from pathlib import Path

import pytest

import bpsheet as bp
from tests.helpers.samples import sampled

KEPT = sorted((Path(__file__).parents[1] / "releases").glob("*/*.xlsx"))
# One with sheets over its rows, one with a sheet that looks closer, one with a part of a run.
SOME = [path for path in KEPT if path.stem in ("pages", "studies", "part")]


def test_each_release_has_its_set():
    releases = {path.parent.name for path in KEPT}
    assert "0.1.0" in releases
    for release in releases:
        files = [path for path in KEPT if path.parent.name == release]
        assert len(files) >= 5
        assert sum(path.stat().st_size for path in files) < 300_000


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "path", sampled(KEPT, *SOME), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_workbooks_of_older_releases_load_and_verify(path):
    """The experiment in it can be run, and every cell still is what a fresh run gives."""
    assert len(bp.load(path).run()) >= 6
    report = bp.verify(path)
    assert [comparison.wrong for comparison in report.comparisons] == [(), (), ()]
    assert all(comparison.cells for comparison in report.comparisons)
