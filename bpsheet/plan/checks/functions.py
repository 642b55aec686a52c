"""Whether the user's own functions can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bpsheet.errors import FormulaError, Problem
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.own import check_function, own_functions
from bpsheet.formula.parse import WORDS, is_name
from bpsheet.words import shown, unfit_name

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["function_problems"]

# Each knows those above it, so very many would take much memory.
MOST = 200


def function_problems(experiment: Tables) -> Iterator[Problem]:
    """The problems of [functions]: names, arguments, formulas, and functions that call themselves."""
    if len(experiment.functions) > MOST:
        yield Problem("functions", f"at most {MOST} expected; got {len(experiment.functions):,}")
        return
    heads = True
    for name, text in experiment.functions.items():
        path = f"functions.{name}"
        if unfit_name(name) is not None or not is_name(name):
            yield Problem(
                path, f"a name of letters, digits and underscores expected; got {shown(name)}"
            )
        elif name.lower() in (*FUNCTIONS, *WORDS):
            yield Problem(path, f"{shown(name)} is a function already; give yours another name")
        try:
            own_functions({name: text})
        except FormulaError as error:
            heads = False
            yield Problem(path, str(error))
    if not heads:
        return
    for name, function in experiment.own.items():
        try:
            check_function(function)
        except FormulaError as error:
            yield Problem(f"functions.{name}", str(error))
            # Those below may call it, and would be wrong for its sake.
            return
