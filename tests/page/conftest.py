"""Pages for the browser."""

from __future__ import annotations

import pytest

import bpsheet as bp


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    """Pages of templates, made once, without the choice of other rules (see test_rules):
    page_file("iris"), or page_file("iris", 40) with fewer iterations.
    """
    folder = tmp_path_factory.mktemp("pages")
    made = {}

    def write(name, iterations=None):
        if (name, iterations) not in made:
            experiment = bp.load(name)
            if iterations is not None:
                experiment = experiment.changed({"iterations": iterations})
            path = folder / f"{name}-{iterations or 'all'}.html"
            made[name, iterations] = experiment.to_page(path, rules=False)
        return made[name, iterations]

    return write
