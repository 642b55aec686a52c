"""Gradients: checks of the gradient, counted operations, second derivatives."""
