"""The textbook: activations, losses, layers, training rules and schedules, one row each."""
