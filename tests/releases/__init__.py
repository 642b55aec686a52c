"""Workbooks made by each release, kept: those that follow must load and verify them.

    python -m tests.releases VERSION

makes the set of the release VERSION, in tests/releases/VERSION. It is made once, before the
release, and never again: what counts is that these files stay as their readers have them.
"""
