"""Formulas: what a cell says, as a tree; its text, its derivative and its value."""
