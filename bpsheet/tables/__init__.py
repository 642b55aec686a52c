"""Tables: what an experiment file may say, and in which words."""
