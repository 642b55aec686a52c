"""The fewest causes: what explains most mistakes is named before what is likelier for one of them."""

from __future__ import annotations

from bpsheet.formula.tree import Num
from bpsheet.hand.causes import Found, causes_of
from bpsheet.hand.slips import Slip
from bpsheet.program.kinds import Role


def found(kind, column, rank):
    slip = Slip(kind, column, Num(0.0), f"{kind} in {column}", rank, (kind,))
    return Found(slip, 1, 0.0, {}, Role.ERROR)


def test_the_cause_of_most_mistakes_is_the_cause():
    """Each of a, b and c has a likelier slip of its own; one slip explains all three."""
    each = {
        (1, "a"): [found("sign", "a", 0), found("factor", "a", 9)],
        (1, "b"): [found("half", "b", 1), found("factor", "b", 9)],
        (1, "c"): [found("bias", "c", 2), found("factor", "c", 9)],
    }
    (cause,) = causes_of(each, {})
    assert cause.kind == "factor"
    assert cause.place == (1, "a")
    assert cause.places == tuple(each)
    assert cause.reason == "factor in a"


def test_of_two_causes_of_as_many_mistakes_the_likelier_is_named():
    (cause,) = causes_of({(1, "a"): [found("factor", "a", 9), found("sign", "a", 0)]}, {})
    assert cause.kind == "sign"


def test_what_follows_from_a_cause_is_counted_and_what_has_no_explanation_has_no_cause():
    each = {(1, "a"): [found("sign", "a", 0)], (1, "b"): []}
    following = {(1, "c"): [(1, "a")], (1, "d"): [(1, "b"), (1, "a")], (1, "e"): [(1, "b")]}
    (cause,) = causes_of(each, following)
    assert cause.explains == 2
