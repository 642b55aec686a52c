"""The engine: a program computed row by row, by fast code, in blocks, or formula by formula."""
