"""Printers: from the formula tree to text, one module for each language."""
