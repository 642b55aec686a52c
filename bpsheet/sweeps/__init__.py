"""Sweeps: many runs over a grid and seeds, and their summary."""
