"""The formula tree: frozen data, kept as written."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given

from bpsheet.errors import ProgramError
from bpsheet.formula.tree import (
    ONE,
    ZERO,
    Call,
    Compare,
    If,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    children,
    depth,
    rebuild,
    references,
    replace_refs,
    rewrite,
    size,
    total,
    walk,
)
from tests.helpers.samples import draws
from tests.helpers.strategies import refs, trees, written

EVERYTHING = trees(refs | written)


def test_nodes_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Num(1.0).value = 2.0


def test_a_sum_has_two_terms_at_least():
    with pytest.raises(ProgramError, match="at least two terms; got 1"):
        Sum((Ref("a"),))


def test_total_of_nothing_is_zero_and_of_one_term_is_that_term():
    assert total([]) == ZERO
    assert total([Ref("a")]) == Ref("a")
    assert total((Ref("a"), Ref("b"), ONE)) == Sum((Ref("a"), Ref("b"), ONE))


def test_depth_is_that_of_the_longest_branch():
    assert depth(Ref("a")) == 1
    assert depth(Sum((Ref("a"), Neg(Neg(Ref("b"))), Mul(Ref("c"), ONE)))) == 4


def test_walk_goes_from_left_to_right_with_parents_first():
    tree = Sub(Mul(Ref("a"), Ref("b")), Neg(Ref("c")))
    assert list(walk(tree)) == [
        tree,
        Mul(Ref("a"), Ref("b")),
        Ref("a"),
        Ref("b"),
        Neg(Ref("c")),
        Ref("c"),
    ]
    assert size(tree) == 6


def test_references_come_once_in_order_and_last_rows_value_is_another_reference():
    tree = Sum((Ref("b"), Ref("a"), Ref("b"), Ref("b", 1)))
    assert list(references(tree)) == [Ref("b"), Ref("a"), Ref("b", 1)]


def test_parameters_and_lookups_are_not_references():
    tree = Mul(Param("learning_rate"), Lookup("x1", Ref("example")))
    assert list(references(tree)) == [Ref("example")]


def test_replacing_reaches_every_kind_of_node():
    test = Compare("<", Ref("a"), Num(1.0))
    tree = If(test, Call("max", (Ref("a"), Ref("b"))), Pow(Lookup("x", Ref("a")), Ref("a", 1)))
    found = replace_refs(tree, {Ref("a"): Num(7.0)})
    assert found == If(
        Compare("<", Num(7.0), Num(1.0)),
        Call("max", (Num(7.0), Ref("b"))),
        Pow(Lookup("x", Num(7.0)), Ref("a", 1)),
    )


def test_what_is_no_node_is_refused():
    with pytest.raises(ProgramError, match="not a formula node"):
        children("a+b")


@given(EVERYTHING)
@draws(100)
def test_a_node_rebuilt_from_its_operands_is_the_same(tree):
    for node in walk(tree):
        assert rebuild(node, children(node)) == node


@given(EVERYTHING)
@draws(100)
def test_replacing_references_by_themselves_changes_nothing(tree):
    assert replace_refs(tree, lambda ref: ref) == tree


def test_rewrite_offers_an_inner_part_with_its_operands_already_changed():
    inner = Mul(Num(2.0), Num(3.0))

    def change(node):
        if node == Num(2.0):
            return Num(5.0)
        return Ref("y") if node == Mul(Num(5.0), Num(3.0)) else node

    assert rewrite(Sum((inner, ONE)), change) == Sum((Ref("y"), ONE))
