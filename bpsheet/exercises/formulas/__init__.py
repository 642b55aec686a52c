"""Formulas as answers: judged by recalculating the sheet with other numbers."""
