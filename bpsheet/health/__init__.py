"""Health: what a run suffers from, and what helps."""
