"""Verifying: a workbook recalculated by an independent spreadsheet engine."""
