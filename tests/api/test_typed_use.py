"""What type checkers accept in `typed_use.py` is accepted when it runs."""

from __future__ import annotations

import pytest

import bpsheet as bp

from . import typed_use


@pytest.mark.slow
def test_what_has_the_right_types_is_taken(tmp_path):
    assert all(isinstance(layer, bp.Layer) for layer in typed_use.layers())
    assert all(len(made.run(2)) == 2 for made in typed_use.built()[::17])
    assert typed_use.used(tmp_path).runs["final_loss"].notna().all()


def test_tables_and_steps_that_prepare_their_numbers():
    assert typed_use.tables().run().frame["x_s"].tolist() == [0.5]
