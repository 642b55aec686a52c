"""Formulas as text."""

from __future__ import annotations

from bpsheet.printers.text import formula_text


def written(columns):
    return {made.name: formula_text(made.formula) for made in columns}
