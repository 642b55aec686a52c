"""Exercises: sheets to fill in, and marks for those that come back."""
