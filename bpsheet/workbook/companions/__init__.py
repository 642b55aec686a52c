"""Companions of the sheet Steps: sheets that look into its rows."""
