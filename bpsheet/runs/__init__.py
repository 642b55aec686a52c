"""Runs: the recorded values of a program, as frames, parts, sentences and flat files."""
