"""Models of other libraries as experiments, and trained weights given back to them."""
