"""Changes of the data that the tests follow, as they do in a workbook with the sheet Data."""

from __future__ import annotations

import math
from typing import TypeVar

from bpsheet.columns.repeated import example_like
from bpsheet.plan.plan import Plan
from bpsheet.tables.data import Test
from bpsheet.tables.plain import Changes

__all__ = ["changed_cells"]

P = TypeVar("P", bound=Plan)


def changed_cells(plan: P, changes: Changes, *, tests_follow: bool) -> P:
    """The plan with some numbers changed. With `tests_follow` a test that repeats an example of the
    data has its new numbers, too.

    >>> from bpsheet.plan.templates import template_path
    >>> from bpsheet.plan.reader import from_text
    >>> text = template_path("book-xor").read_text("utf-8")
    >>> plan = from_text(text, base=None, name="xor", source="xor", made=Plan)
    >>> changed_cells(plan, {"y[4]": 1}, tests_follow=True).test.examples[3]
    [1.0, 1.0, 1.0]
    """
    changed = plan.changed(changes)
    test = plan.test
    if not tests_follow or test is None:
        return changed
    before, after = plan.ordered_examples(), changed.ordered_examples()
    examples = []
    for example in test.examples:
        number = example_like(example, before)
        row = example if number is None else after[number - 1][: len(example)]
        examples.append(row if row == example else _decided(row, test, len(plan.raw_inputs)))
    if examples == test.examples:
        return changed
    followed = changed.replaced(test=test.replaced(examples=examples))
    followed._name = changed._name  # noqa: SLF001 - of the same class
    return followed


def _decided(example: list[float], test: Test, inputs: int) -> list[float]:
    """A test's row whose targets say what is right.

    A sheet takes a target on the border for one below it, and the first of several largest targets;
    an experiment has neither. The next number says the same to both.
    """
    targets = example[inputs:]
    if test.correct == "largest":
        largest = targets.index(max(targets))
        if targets.count(targets[largest]) > 1:
            targets[largest] = math.nextafter(targets[largest], math.inf)
    else:
        border = test.threshold if test.correct == "threshold" else 0.0
        targets = [math.nextafter(t, -math.inf) if t == border else t for t in targets]
    return [*example[:inputs], *targets]
