"""A program is checked when it is made: what refers to what is settled before anything runs."""

from __future__ import annotations

import pytest

from bpsheet.errors import ProgramError
from bpsheet.formula.tree import Lookup, Mul, Num, Param, Ref, Sum
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Parameter, Program


def column(name, formula, phase=Phase.FORWARD, **more):
    return Column(name, phase, Role.OUTPUT, formula, **more)


WEIGHT = column("w", Sum((Ref("w", 1), Ref("step", 1))), Phase.WEIGHT, start=0.5)
OUTPUT = column("o", Mul(Ref("w"), Num(2.0)))
STEP = column("step", Mul(Param("learning_rate"), Ref("o")), Phase.UPDATE)
RATE = Parameter("learning_rate", 0.1, "lr")


def test_columns_are_found_by_name_place_and_phase():
    program = Program((WEIGHT, OUTPUT, STEP), (RATE,))
    assert program.names == ("w", "o", "step")
    assert len(program) == 3
    assert program["o"] is OUTPUT
    assert program.position["step"] == 2
    assert program.phase(Phase.WEIGHT, Phase.UPDATE) == (WEIGHT, STEP)
    assert list(program) == [WEIGHT, OUTPUT, STEP]


def test_columns_whose_last_value_is_used_are_known():
    program = Program((WEIGHT, OUTPUT, STEP), (RATE,))
    assert program.lagged == ("w", "step")
    assert WEIGHT.is_state
    assert not OUTPUT.is_state


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((OUTPUT, WEIGHT, STEP), "o refers to w, which is not computed before it"),
        ((column("a", Ref("a")),), "a refers to a, which is not computed before it"),
        ((column("a", Ref("nowhere", 1)),), "a refers to .*nowhere.* does not exist"),
        ((column("a", Num(1.0)), column("b", Ref("a", 2))), "b refers to .*a.* does not exist"),
        ((column("a", Num(1.0)), column("a", Num(2.0))), "two columns are named a"),
        ((column("a", None),), "a has neither a formula nor given values"),
        ((column("a", Param("rate")),), "a refers to an unknown parameter rate"),
        ((column("a", Lookup("x1", Num(1.0))),), "a looks up an unknown table x1"),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(columns, message):
    with pytest.raises(ProgramError, match=message):
        Program(columns, (RATE,))


def test_values_may_be_given_instead_of_a_formula():
    program = Program((column("e", None), column("o", Ref("e"))), given={"e": [3.0, 1.0]})
    assert program["e"].references == ()
    assert program["o"].references == (Ref("e"),)
