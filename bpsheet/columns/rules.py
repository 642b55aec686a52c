"""The rule and the schedule of a training: a row of the textbook, or formulas of its own.

A formula of one's own knows the names that the formulas of the textbook know.
"""

from __future__ import annotations

from collections.abc import Iterator

from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import references
from bpsheet.tables.training import Schedule, Training
from bpsheet.textbook.rules import RULES, SCHEDULES, Quantity, RateFormula, Rule

__all__ = ["IN_RULES", "IN_SCHEDULES", "own_formulas", "rule_of", "schedule_of"]

# What a rule's formulas and a schedule's formula may use.
IN_RULES = ("g", "w", "t", "rate", "learning_rate")
IN_SCHEDULES = ("k", "learning_rate")


def own_formulas(training: Training) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The formulas of a rule of one's own: the key of each, its text and the names it may use.

    >>> own = Training(rule="formula", adjustment="rate*v", remember={"v": "0.9*last + g"})
    >>> [key for key, _, _ in own_formulas(own)]
    ['remember.v', 'adjustment']
    """
    lasts = tuple(f"last_{name}" for name in training.remember)
    for index, (name, formula) in enumerate(training.remember.items()):
        before = tuple(training.remember)[:index]
        yield f"remember.{name}", formula, (*IN_RULES, "last", *before, *lasts)
    if training.adjustment is not None:
        names = (*IN_RULES, *training.remember, *lasts)
        yield "adjustment", training.adjustment, names


def rule_of(training: Training) -> Rule | None:
    """The rule of a training; None for the perceptron's, which uses no gradient."""
    if training.rule != "formula":
        return RULES.get(training.rule)
    used = {
        key: {ref.name for ref in references(parse_formula(text, names))}
        for key, text, names in own_formulas(training)
    }
    return Rule(
        str(training.adjustment),
        "the rule's own formula",
        tuple(
            Quantity(name, formula, f"what the rule remembers of {{weight}} as {name}")
            for name, formula in training.remember.items()
        ),
        counts=any("t" in names for names in used.values()),
        paced=any(
            not names.isdisjoint({"rate", "learning_rate"})
            for key, names in used.items()
            if key != "adjustment"
        ),
    )


def schedule_of(schedule: Schedule) -> RateFormula:
    """The formula of a schedule."""
    if schedule.formula is not None:
        return RateFormula(schedule.formula, "the schedule's own formula")
    return SCHEDULES[schedule.kind]
