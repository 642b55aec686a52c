"""The program of a page for any number of examples.

A page computes its number of examples while it runs. So its formulas, and those of the workbook that
it makes, are printed from a program whose number of examples is a mark: a number that stands nowhere
else in the experiment.
"""

from __future__ import annotations

import re

from bpsheet.columns.assembly import bands_of, program_of
from bpsheet.formula.tree import Num, walk
from bpsheet.plan.plan import Plan
from bpsheet.program.program import Program
from bpsheet.xlsx.cells import FIRST_ROW

__all__ = ["counted", "marked"]

# The first number that may be the mark: large enough to be rare, small enough for any format.
FIRST_MARK = 7_919


def counted(plan: Plan, program: Program) -> tuple[Program, int | None]:
    """The program with the mark as its number of examples, and the mark.

    Where the number of examples decides more than numbers in formulas, or the order of the examples
    is a list, the program is returned as it is, and no mark: its examples are as many as they are.

    >>> from bpsheet.plan.templates import template_path
    >>> text = template_path("book-xor").read_text("utf-8")
    >>> from bpsheet.plan.reader import from_text
    >>> plan = from_text(text, base=None, name="xor", source="xor", made=Plan)
    >>> counted(plan, plan.program())[1] in (None, 7919)
    True
    """
    training = plan.training
    is_long = training.iterations is not None or training.epochs is not None
    if plan.data.order != "cyclic" or not plan.has_data or plan.model.masks or not is_long:
        return program, None
    mark = FIRST_MARK
    texts = plan.to_toml()
    last = plan.iterations + FIRST_ROW
    while mark <= last <= mark + 2 or re.search(rf"{mark}|{mark + 1}", texts):
        mark += 3
    bands, scope = bands_of(
        plan.model,
        training,
        plan.test,
        plan.notation,
        validation=plan.validation,
        preparation=plan.preparation,
        meanings=plan.data.meanings,
        examples=mark,
        cyclic=True,
    )
    other = program_of(
        bands,
        scope,
        training,
        program.tables,
        plan.model.settings,
        preparation=plan.preparation,
        examples=mark,
        order=plan.data.order,
        seed=plan.data.seed,
        iterations=plan.iterations,
        masks=plan.model.masks,
    )
    return (other, mark) if _same_but_numbers(program, other) else (program, None)


def _same_but_numbers(one: Program, other: Program) -> bool:
    """Whether two programs differ at most in numbers within their formulas."""
    if one.names != other.names:
        return False
    for name in one.names:
        first, second = one[name].formula, other[name].formula
        if (first is None) != (second is None):
            return False
        if first is None or second is None or first == second:
            continue
        ours, theirs = [*walk(first)], [*walk(second)]
        if [type(node) for node in ours] != [type(node) for node in theirs]:
            return False
    return True


def marked(node: Num, mark: int | None) -> bool:
    """Whether a number in a formula is the number of examples."""
    return mark is not None and node.value == mark
