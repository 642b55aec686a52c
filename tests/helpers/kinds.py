"""One small workbook of every kind that is written: for tests that look at files as such."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from openpyxl import Workbook

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.handout import write_sheet
from bpsheet.plan.templates import template_names
from bpsheet.sheets import differentiate_workbook
from bpsheet.workbook.traits import LAYOUTS
from tests.helpers.samples import has_network

__all__ = ["KINDS", "STRANGE", "of_templates"]

# Leading and trailing spaces, characters outside the basic plane, what XML and Excel escape.
STRANGE = "  =1+1 <&> \"'\t𝒳🦋 e\u0301 日本 _x0041_ \u2028 "

Kind = Callable[[Path], object]


def _run(name: str, rows: int | None, layout: str = "full", *sheets: str) -> Kind:
    return lambda path: bp.load(name).run(rows).to_excel(path, layout, list(sheets))


def _strange(path: Path) -> None:
    experiment = bp.load("two-neuron").replaced(title=STRANGE, notes=f"{STRANGE}\n\n{STRANGE}")
    notation = bp.Notation(loss="𝒢🦋", sum="é_{neuron}")
    experiment.replaced(notation=notation, hand={}).run(12).to_excel(path)


def _overflow(path: Path) -> None:
    """Errors in the cells, and in the charts over them."""
    bp.load("exploding").run().to_excel(path, "full", ["walkthrough", "charts"])


def _part(path: Path) -> None:
    bp.load("two-neuron").run(200, keep="every:50").to_excel(path)


def _exercise(path: Path, *, live: bool = False) -> None:
    exercise = Exercise(bp.load("two-neuron"), vary=("weights",))
    write_sheet(exercise, path, live=live)


def _sweep(path: Path, runs: int) -> None:
    rates = [0.01 * number for number in range(1, runs + 1)]
    bp.sweep(bp.load("book-xor").changed({"iterations": 20}), {"learning_rate": rates}).to_excel(
        path
    )


def _differentiated(path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet["A1"], sheet["A2"], sheet["A3"] = 0.5, 2.0, "  words 🦋 "
    sheet["B1"] = "=(TANH(A1)*A2-1)^2"
    source = path.with_name("source.xlsx")
    book.save(source)
    differentiate_workbook(source, "B1", ["A1:A2"], path, 0.1)


KINDS: Mapping[str, Kind] = {
    "full": _run("two-neuron", 12),
    "book": _run("book-xor", 20, "book"),
    "walkthrough": _run("two-neuron", 12, "full", "walkthrough"),
    "charts": _run("multiway-classification", 12, "book", "charts"),
    "studies": _run("two-neuron", 6, "full", "gradient-check", "hessian"),
    "everything": _run("book-xor", 6, "full", "walkthrough", "charts", "gradient-check", "hessian"),
    "graph": _run("line-adam", 10),
    "verdicts": _run("book-perceptron", None),
    "overflow": _overflow,
    "strange words": _strange,
    "part": _part,
    "exercise": _exercise,
    "live exercise": lambda path: _exercise(path, live=True),
    "live sweep": lambda path: _sweep(path, 3),
    "sweep": lambda path: _sweep(path, 14),
    "differentiated": _differentiated,
}


def of_templates() -> dict[str, Kind]:
    """Every template in all layouts that it can have: formulas have no matrices of layers."""
    return {
        f"{name}, {layout}": _run(name, 6, layout)
        for name in template_names()
        for layout in LAYOUTS
        if not LAYOUTS[layout].first or has_network(name)
    }
