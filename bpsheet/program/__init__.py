"""Programs: columns with their phases and roles, and the backward pass."""
