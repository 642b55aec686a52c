"""The learning rates of a small sweep."""

from __future__ import annotations

RATES = [0.01, 0.1, 1.0]
