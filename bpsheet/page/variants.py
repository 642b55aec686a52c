"""Other rules for the same experiment: what a page needs for computing with each of them.

A variant trains the same network on the same data by another rule, or updates in batches where the
experiment does not. Its program is printed as the experiment's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from bpsheet.errors import BpsheetError
from bpsheet.plan.plan import Plan
from bpsheet.textbook.rules import RULES, SETTINGS

__all__ = ["Variant", "variants_of"]

# The rules that a page offers, the most taught first.
OFFERED = ("gradient_descent", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
# The most columns of an experiment that has variants: more would make the page too large.
MOST_COLUMNS = 400
# What belongs to a training whatever its rule is.
KEPT = {"weight_decay", "clip_value", "clip_norm", "patience"}


class Variant(NamedTuple):
    """The name of a rule, whether it updates in batches, and the experiment with both."""

    rule: str
    batched: bool
    plan: Plan


def variants_of(plan: Plan) -> Iterator[Variant]:
    """The experiment itself, then the variants that it can have."""
    training = plan.training
    batched = training.batch_size != 1
    yield Variant(training.rule, batched, plan)
    if training.rule not in RULES or len(plan.columns) > MOST_COLUMNS:
        return
    # An ascent has another sign; the other rules go up a likelihood by themselves.
    rules = OFFERED[1:] if training.rule == "gradient_ascent" else OFFERED
    for in_batches in (batched, not batched):
        for rule in dict.fromkeys([training.rule, *rules]):
            if rule == training.rule and in_batches == batched:
                continue
            tables = _changed(plan.to_dict(), rule, in_batches=in_batches)
            try:
                other = type(plan).from_dict(tables)
            except BpsheetError:
                continue
            other._name = plan.name  # noqa: SLF001 - of the same class
            yield Variant(rule, in_batches, other)


def _changed(tables: dict[str, Any], rule: str, *, in_batches: bool) -> dict[str, Any]:
    """The tables with another rule, without the settings of the old one, and another batch size.

    A new batch has all examples. Where there is one it is given twice: a reader may add more.
    """
    training = tables.get("training", {})
    if training.get("rule", "gradient_descent") != rule:
        training = {k: v for k, v in training.items() if k not in SETTINGS or k in KEPT}
    training["rule"] = rule
    if not in_batches:
        training.pop("batch_size", None)
        training.pop("reduction", None)
    elif training.get("batch_size", 1) == 1:
        examples = tables.get("data", {}).get("examples", [])
        if len(examples) == 1:
            tables["data"]["examples"] = examples = examples * 2
        training["batch_size"] = len(examples)
    return tables | {"training": training}
