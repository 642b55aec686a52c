"""Columns of one kind are found by their formulas: side by side, and in patterns that repeat."""

from __future__ import annotations

import pytest

from bpsheet.engine.patterns import LEAST, is_block, is_ordered, items, patterns
from bpsheet.formula.tree import Call, Mul, Num, Ref, Sum
from bpsheet.program.program import Program
from tests.helpers.one_by_one import column


def program_of(*formulas):
    """x0, x1 … are given, as many as there are formulas; c0, c1 … are computed."""
    given = [column(f"x{n}", None) for n in range(len(formulas))]
    computed = [column(f"c{n}", formula) for n, formula in enumerate(formulas)]
    return Program((*given, *computed), given={f"x{n}": [0.5] for n in range(len(formulas))})


def items_of(program):
    return items(program, range(len(program) // 2, len(program)))


def found_in(program):
    return list(patterns(items_of(program)))


def test_formulas_alike_but_for_the_next_column_are_one_item():
    (item,) = items_of(program_of(*(Call("tanh", (Ref(f"x{n}"),)) for n in range(5))))
    assert (item.start, item.count) == (5, 5)
    assert (item.refs, item.step) == ((0,), (1,))


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        (Mul(Ref("x2"), Num(3.0)), [2, 1, 1]),
        (Mul(Num(2.0), Ref("x2")), [2, 1, 1]),
        (Mul(Ref("x2"), Num(-0.0)), [2, 1, 1]),
        (Call("exp", (Ref("x2"),)), [2, 1, 1]),
        (Mul(Ref("x0"), Num(2.0)), [2, 2]),  # x0 and x3 are a step of three
    ],
)
def test_another_number_order_function_or_place_ends_an_item(other, counts):
    formulas = [Mul(Ref(f"x{n}"), Num(2.0)) for n in range(4)]
    formulas[2] = other
    assert [item.count for item in items_of(program_of(*formulas))] == counts


def test_a_long_sum_is_a_run_of_terms_of_one_kind():
    terms = tuple(Mul(Ref(f"x{n}"), Num(2.0)) for n in range(LEAST))
    program = program_of(*[Sum(terms)] * LEAST)
    (item,) = items_of(program)
    ((_, count, step),) = item.kind[1]
    assert (count, step) == (LEAST, (1,))
    assert (item.refs, item.step) == ((0,), (0,))


def test_a_pattern_that_repeats_itself_is_two_blocks():
    """As a neuron's sum and output are, neuron after neuron."""
    formulas = []
    for n in range(LEAST):
        formulas += [
            Sum((Ref(f"x{2 * n}"), Ref(f"x{2 * n + 1}"))),
            Call("tanh", (Ref(f"c{2 * n}"),)),
        ]
    ((sums, outputs),) = found_in(program_of(*formulas))
    assert (sums.times, sums.over, sums.step) == (LEAST, 2, (2, 2))
    assert (outputs.times, outputs.over, outputs.step) == (LEAST, 2, (2,))
    assert outputs.columns().tolist() == list(range(2 * LEAST + 1, 4 * LEAST, 2))
    assert is_block([sums, outputs])


def test_fewer_columns_than_pay_are_no_block():
    for count in (LEAST - 1, LEAST):
        (blocks,) = found_in(program_of(*(Call("tanh", (Ref(f"x{n}"),)) for n in range(count))))
        assert is_block(blocks) == (count == LEAST)


def test_columns_that_refer_to_one_another_are_no_block():
    """Each needs the one before it, so that they cannot be computed at once."""
    chain = [Call("tanh", (Ref(f"c{n - 1}" if n else "x0"),)) for n in range(LEAST + 2)]
    *_, blocks = found_in(program_of(*chain))
    assert blocks[0].size == LEAST
    assert not is_ordered(blocks)
    before = [Call("tanh", (Ref(f"c{n}", 1),)) for n in range(LEAST)]
    (blocks,) = found_in(program_of(*before))
    assert is_ordered(blocks)
