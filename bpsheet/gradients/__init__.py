"""Gradients: checks of the gradient, operation counts, second derivatives."""
