"""Formulas as trees: parsed from text, differentiated and evaluated."""
