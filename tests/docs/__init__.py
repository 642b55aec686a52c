"""The documents: what their tests read, and the scripts that make parts of them."""
