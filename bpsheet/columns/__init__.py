"""Columns: an experiment's tables become the columns of its program."""
