"""Keras: models, losses and optimisers, read."""
