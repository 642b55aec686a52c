"""Pages of a workbook: sheets that look at the rows of Steps."""
