"""The floors that bpsheet/README.md tells of are those that the import test holds."""

from __future__ import annotations

import re
from pathlib import Path

from tests.whole.test_imports import FLOORS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "bpsheet" / "README.md").read_text("utf-8")


def test_the_table_of_floors_is_the_one_that_holds():
    begins = TEXT.index("| floor |")
    told = {}
    for line in TEXT[begins : TEXT.index("\n\n", begins)].splitlines()[2:]:
        floor, rooms = line.split("|")[1:3]
        told.setdefault(int(floor), []).extend(re.findall("`(.*?)`", rooms))
    assert {number: set(rooms) for number, rooms in told.items()} == {
        number: set(rooms) for number, rooms in enumerate(FLOORS, start=1)
    }


def test_every_module_that_is_named_is_there():
    named = re.findall(r"`([a-z]+(?:/[a-z_]+)+(?:\.py|\.js)?)`", TEXT)
    assert len(named) > 30
    for name in named:
        if not name.startswith("tests/"):
            path = ROOT / "bpsheet" / name
            assert path.exists() or path.with_suffix(".py").exists(), name
