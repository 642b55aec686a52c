"""Health: the problems of a run, and remedies."""
