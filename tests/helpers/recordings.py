"""Recordings to the last bit, in pieces and in part."""

from __future__ import annotations

import numpy as np


def codes(recording):
    """The errors of all rows."""
    found = np.zeros(recording.values.shape, dtype=np.uint8)
    found[recording.first_error_row :] = recording.errors
    return found


def assert_same_bits(one, other):
    assert one.shape == other.shape
    assert one.tobytes() == other.tobytes()
