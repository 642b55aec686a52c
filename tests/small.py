"""The templates that are small enough for a test that goes through each of their columns."""

from __future__ import annotations

from bpsheet.reader import template_names

__all__ = ["small_templates"]


def small_templates() -> list[str]:
    """All but `digits`, which has 7,500 columns and tests of its own (test_wide)."""
    return [name for name in template_names() if name != "digits"]
