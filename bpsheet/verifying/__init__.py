"""Verifying: a workbook recalculated by a spreadsheet engine that is not ours."""
