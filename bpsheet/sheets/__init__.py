"""Backpropagation for somebody's own spreadsheet: the derivatives of one cell of it."""

from bpsheet.sheets.differentiate import Differentiated, differentiate_workbook

__all__ = ["Differentiated", "differentiate_workbook"]
