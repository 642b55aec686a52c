"""The .xlsx package: the same bytes each time."""
