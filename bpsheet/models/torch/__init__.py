"""PyTorch: modules, losses and optimisers, read and given back."""
