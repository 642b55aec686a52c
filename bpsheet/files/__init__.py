"""Files: each appears whole or not at all, and other people's files are not replaced."""
