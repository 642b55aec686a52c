"""Question banks: an exercise as a file that a school's learning system imports."""
