"""`python -m tests.bench`."""

from .report import main

main()
