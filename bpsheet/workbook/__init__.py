"""Workbooks: a run as an .xlsx file with live formulas that carry their values."""
