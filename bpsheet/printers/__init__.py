"""Printers: from the formula tree to text, one language each. Trees know nothing of them."""
