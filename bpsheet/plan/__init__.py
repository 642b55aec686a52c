"""Plans: an experiment on paper, read, checked, changed and written back."""
