"""Files: each appears whole or not at all, and nobody else's file is replaced."""
