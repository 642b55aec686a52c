"""Plans: experiments that are read, checked, changed and written back, but not run."""
