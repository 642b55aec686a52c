"""Exercises: sheets to fill in, and marks for the sheets that come back."""
