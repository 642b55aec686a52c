"""The .xlsx package: the same workbook is always the same bytes."""
