"""The tests on the sheet Walkthrough: each with rows of its own, from its inputs to its verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bpsheet.columns.repeated import example_like
from bpsheet.formula.tree import Expr, Lookup, Ref, rewrite
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.runs.run import Run
from bpsheet.workbook.about import DATA
from bpsheet.workbook.layout import Layout

__all__ = ["Tested", "own_name", "tests_of"]

# The first example's row on the sheet Data.
FIRST_EXAMPLE = 2


@dataclass(frozen=True)
class Tested:
    """A test: its heading, the cells of its inputs and targets with their values, its columns."""

    heading: str
    given: Mapping[str, tuple[str, float]]
    columns: tuple[Column, ...]


def own_name(name: str) -> str:
    """A column's name without the test that it belongs to: z_g of `z_g (test 1)`."""
    return name.partition(" (")[0]


def tests_of(run: Run, layout: Layout) -> Iterator[Tested]:
    """The tests, each with its columns in the order in which they are computed."""
    plan, test = run.experiment, run.experiment.test
    if test is None:
        return
    columns = layout.program.phase(Phase.TEST)
    verdicts = [column for column in columns if column.role is Role.VERDICT]
    examples = plan.ordered_examples()
    for verdict, example in zip(verdicts, test.examples, strict=True):
        own = [c for c in columns if c.name.endswith(f" ({verdict.name})")]
        number = example_like(example, examples) if layout.tests_follow else None
        heading = f"{verdict.name}: " + (
            "numbers of its own, which Data does not change"
            if number is None
            else f"example {number} of the data"
        )
        given = {}
        for name, value in zip(plan.data_names, example, strict=False):
            cell = f"{value!r}"
            if number is not None:
                cell = f"{DATA}!${layout.data_letters[name]}${FIRST_EXAMPLE + number - 1}"
            given[f"{name} ({verdict.name})"] = cell, value
        made = (_over_rows(column, verdict.name, layout) for column in [*own, verdict])
        yield Tested(heading, given, tuple(made))


def _over_rows(column: Column, test: str, layout: Layout) -> Column:
    """The column over the rows of its test in the place of the data's cells."""
    followed = column.from_data if layout.tests_follow else None
    column = column if followed is None else followed

    def own(node: Expr) -> Expr:
        return Ref(f"{node.table} ({test})") if isinstance(node, Lookup) else node

    assert column.formula is not None
    return replace(column, formula=rewrite(column.formula, own))
