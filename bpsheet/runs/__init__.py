"""Runs: what a run leaves, as frames, parts, sentences and flat files."""
