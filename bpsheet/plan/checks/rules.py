"""Whether a training's own formulas can be read: those of its rule and of its schedule."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bpsheet.columns.rules import IN_RULES, IN_SCHEDULES, own_formulas
from bpsheet.errors import FormulaError, Problem
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.parse import WORDS, is_name, parse_formula
from bpsheet.tables.training import Training
from bpsheet.words import shown

__all__ = ["formula_problems"]


def formula_problems(training: Training) -> Iterator[Problem]:
    """Problems with the formulas of a rule and of a schedule of one's own."""
    if training.rule != "formula":
        for key in ("adjustment", "remember"):
            if getattr(training, key):
                yield Problem(f"training.{key}", "used by the rule formula only; leave it out")
    else:
        if training.adjustment is None:
            yield Problem("training.adjustment", "missing, and needed by formula")
        for name in training.remember:
            if not is_name(name) or _is_taken(name):
                yield Problem(
                    f"training.remember.{name}",
                    f"another name expected: {shown(name)} cannot be one in these formulas",
                )
                return
        for key, text, names in own_formulas(training):
            yield from _formula(f"training.{key}", text, names)
    schedule = training.schedule
    if schedule is not None and schedule.formula is not None:
        path = "training.schedule.formula"
        if "kind" in schedule.model_fields_set:
            yield Problem(path, "either kind or formula expected, not both")
        yield from _formula(path, schedule.formula, IN_SCHEDULES)


def _is_taken(name: str) -> bool:
    return name in (*IN_RULES, *WORDS, *FUNCTIONS, "last") or name.startswith("last_")


def _formula(path: str, text: str, names: Collection[str]) -> Iterator[Problem]:
    try:
        parse_formula(text, names)
    except FormulaError as error:
        yield Problem(path, str(error))
