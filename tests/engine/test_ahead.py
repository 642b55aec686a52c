"""Columns that need no weight are computed ahead, for all rows at once."""

from __future__ import annotations

import pytest

from bpsheet.engine import ahead
from bpsheet.formula.tree import Call, Num, Ref, Sum
from bpsheet.program.program import Program
from tests.helpers.one_by_one import assert_same, column, counting


@pytest.mark.parametrize(
    ("start", "step"), [(0.0, 1e200), (2.0**53, 1.0), (-3.0, -2.0), (0.0, 0.1)]
)
def test_what_counts_is_added_step_by_step(start, step):
    """Numbers too large to be exact too, which grow by what the addition leaves of the step."""
    count = column("s", Sum((Ref("s", 1), Num(step))), start=start)
    assert_same(Program((count, column("o", Call("tanh", (Ref("s"),))))), 12)


@pytest.mark.parametrize(
    "formula",
    [
        "int(n - 3.5)",
        "int(-(n/2))",
        "mod(n - 4, 3)",
        "mod(n - 4, -3)",
        "-(n - 1)",
        "int((n - 1)/4)*-1",
        "if(n > 3, -n, 0*(-n))",
        "if(n = 2, 1, 0) - if(n < 3, 1, 0)",
        "1/(n - 3)",
        "int(1/(n - 3))",
        "if(n = 1e308 + 1e308, 0, n)",
    ],
)
def test_what_is_computed_ahead_is_what_one_formula_after_the_other_gives(formula):
    """Negative whole parts and remainders, signed zeros, comparisons, errors."""
    program = counting(formula)
    assert ahead.Ahead(program).indices == (0, 1)
    assert_same(program, 9)
