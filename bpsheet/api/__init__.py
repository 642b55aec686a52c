"""The API for users: `load`, `Experiment` and `Trace`."""
