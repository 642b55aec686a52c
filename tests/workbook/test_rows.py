"""The rows of a sheet, read from a recording and written as XML, a block at a time."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.engine import engine
from bpsheet.runs.longrun import LongRun
from bpsheet.workbook.rows import Reader


@pytest.mark.parametrize("pieces", [3, 7, 4096])
@pytest.mark.parametrize("most", [1, 5, 100])
def test_rows_come_once_and_in_order_whatever_the_pieces(monkeypatch, pieces, most):
    """Two sheets read one after the other, from a run that comes in pieces."""
    expected = bp.load("two-neuron").run(20).values
    monkeypatch.setattr(engine, "MOST_ROWS", pieces)
    reader = Reader(LongRun(bp.load("two-neuron").changed({"iterations": 20})).recording)
    found = [[block.values.copy() for block in reader.rows(count, most)] for count in (13, 7)]
    assert [sum(map(len, blocks)) for blocks in found] == [13, 7]
    assert max(len(block) for blocks in found for block in blocks) <= most
    np.testing.assert_array_equal(np.concatenate([*found[0], *found[1]]), expected)
