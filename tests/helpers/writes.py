"""Writes files of every kind into the current folder: run by itself, in other surroundings.

    python writes.py POINT COMMAND …

POINT is the decimal point that the surroundings are to have.
"""

from __future__ import annotations

import locale
import sys
from pathlib import Path

from bpsheet.cli import main

COMMANDS = (
    "run book-xor --iterations 20 -o full.xlsx --sheet walkthrough --sheet charts --sheet hessian",
    "run book-xor --iterations 20 -o book.xlsx --layout book",
    "run iris --iterations 40 -o iris.xlsx",
    "run exploding -o exploding.xlsx",
    "run multiway-classification -o run.csv",
    "run line-adam --iterations 20 -o run.parquet",
    "page two-neuron -o page.html",
    "draw two-neuron -o network.svg",
    "draw two-neuron -o network.png",
    "explain two-neuron --format markdown -o explained.md",
    "explain two-neuron --format latex -o explained.tex",
    "exercise two-neuron -o sheets --students roster.csv --vary weights,data --key key",
    "exercise two-neuron -o practice.xlsx --check live",
    "exercise two-neuron -o bank.xml --format moodle --draws 2 --vary weights --ask forward",
    "exercise two-neuron -o quizzes.zip --format qti12 --ask forward",
    "exercise two-neuron -o items.zip --format qti21 --ask forward",
    "sweep book-xor --grid learning_rate=0.1,0.5 --set iterations=20 -o sweep.xlsx",
)


def call(command: str) -> None:
    """The command line, in this process."""
    sys.argv = ["bpsheet", *command.split()]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise


if __name__ == "__main__":
    locale.setlocale(locale.LC_ALL, "")
    point = locale.localeconv()["decimal_point"]
    if point != sys.argv[1]:
        sys.exit(f"the decimal point is {point}")
    Path("roster.csv").write_text("student\nAda Lovelace\nÉmilie Noether\nİpek Ünal\n", "utf-8")
    for line in sys.argv[2:]:
        call(line)
