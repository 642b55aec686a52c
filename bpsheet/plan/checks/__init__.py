"""Checks: whether an experiment's tables fit together."""
