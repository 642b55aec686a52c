"""Other programs, run with limits on their memory and their time."""
