"""Pages for the browser."""

from __future__ import annotations

import pytest

import bpsheet as bp


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    """Pages of templates, made once, without the choice of other rules (see test_rules)."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}

    def write(name):
        if name not in made:
            made[name] = bp.load(name).to_page(folder / f"{name}.html", rules=False)
        return made[name]

    return write
