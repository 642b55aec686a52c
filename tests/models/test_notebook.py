"""The notebook "from PyTorch to a sheet and back": it runs, and says what is so."""

from __future__ import annotations

import pytest

from tests.helpers.notebooks import TEMPLATES, texts_of


@pytest.mark.slow
def test_the_session_with_pytorch_runs_and_its_two_sides_agree(tmp_path):
    pytest.importorskip("torch")
    said = texts_of(TEMPLATES / "from-pytorch.ipynb", tmp_path)
    assert '1.W" = "hidden.weight' in said["read"]
    largest = float(said["alike"].rpartition(" ")[2].rstrip(".\n"))
    assert largest < 1e-10
    assert "All keys matched" in said["back"]
    assert said["module"] == "True\n"
    assert "GLU is not covered" in said["refused"]
    assert "RMSNorm is not covered" in said["refused"]
    assert "xor.xlsx" in said["sheet"]
