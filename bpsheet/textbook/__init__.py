"""The textbook: activations, losses, training rules and schedules, one row each."""
