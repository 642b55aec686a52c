"""What users hold: `load`, Experiment and Trace."""
