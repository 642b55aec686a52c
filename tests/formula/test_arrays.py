"""Formulas of arrays: shapes, the formulas of their cells, and what goes back through them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.errors import ProgramError
from bpsheet.formula.arrays import (
    along,
    as_column,
    beside,
    largest,
    named,
    product,
    shape_of,
    shaped_as,
    sum_of,
    transposed,
    written_out,
)
from bpsheet.formula.evaluate import evaluate
from bpsheet.formula.pullback import pulled_back
from bpsheet.formula.tree import Mul, Num, Operation, Ref, Sub, Sum
from bpsheet.printers.atoms import AtomText
from tests.helpers.arrays import SHAPES, by_numpy, cells, formulas
from tests.helpers.samples import draws


def cell_values(values):
    return {
        ref.name: float(values[name][index])
        for name, array in cells().items()
        for index, ref in np.ndenumerate(array)
    } | {"s": float(values["s"])}


def by_cells(formula, values):
    """The same from the formulas of the cells."""
    known = cell_values(values)
    written = written_out(formula, cells())
    found = np.empty(written.shape)
    for index in np.ndindex(*written.shape):
        found[index] = evaluate(written[index], lambda ref: known[ref.name], {}, {})
    return found


numbers = st.integers(0, 2**32 - 1).map(
    lambda seed: {
        name: np.random.default_rng([seed, index]).uniform(-1, 1, shape)
        for index, (name, shape) in enumerate(SHAPES.items())
    }
)


@given(st.sampled_from([(), (2,), (3,), (3, 2), (2, 3), (3, 3)]).flatmap(formulas), numbers)
@draws(300)
def test_the_cells_have_the_values_that_numpy_gives(formula, values):
    expected = np.asarray(by_numpy(formula, values))
    assert shape_of(formula, SHAPES) == expected.shape
    np.testing.assert_allclose(by_cells(formula, values), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@given(formulas(()), numbers)
@draws(300)
def test_what_goes_back_is_the_gradient_by_differences(formula, values):
    back = pulled_back(formula, Num(1.0), SHAPES)
    for name, share in back.items():
        found = np.broadcast_to(by_cells(share, values), SHAPES[name])
        for index in itertools.islice(np.ndindex(*SHAPES[name]), 4):
            step = 1e-6
            ends = []
            for sign in (1, -1):
                moved = {key: np.array(value) for key, value in values.items()}
                moved[name][index] += sign * step
                ends.append(float(by_numpy(formula, moved)))
            slope = (ends[0] - ends[1]) / (2 * step)
            assert found[index] == pytest.approx(slope, rel=1e-5, abs=1e-7)


@given(formulas(()), numbers)
@draws(100)
def test_what_goes_back_has_the_shape_of_what_it_goes_to(formula, values):
    for name, share in pulled_back(formula, Num(1.0), SHAPES).items():
        assert shape_of(share, SHAPES) == SHAPES[name]
        assert np.isfinite(by_cells(share, values)).all()


def test_what_goes_back_is_repeated_only_where_nothing_else_repeats_it():
    squares = sum_of(Mul(Ref("A"), Ref("A")))
    slope = Sum((Ref("A"), Ref("A")))
    assert pulled_back(squares, Num(0.5), SHAPES)["A"] == Mul(Num(0.5), slope)
    assert pulled_back(sum_of(Ref("A")), Num(0.5), SHAPES)["A"] == shaped_as(Num(0.5), Ref("A"))


def test_a_matrix_that_is_transposed_twice_is_itself():
    assert transposed(transposed(Ref("A"))) == Ref("A")


def text(formula):
    return AtomText().text(formula).replace(" · ", "*")


def test_a_weighted_sum_is_written_bias_first_and_each_input_times_its_weight():
    whole = Sum((Mul(Num(1.0), Ref("u")), product(Ref("A"), Ref("v"))))
    written = written_out(whole, cells())
    assert text(written[2]) == "1*u_3 + v_1*A_3_1 + v_2*A_3_2"


def test_a_product_of_matrices_is_row_times_column():
    written = written_out(product(Ref("A"), Ref("B")), cells())
    assert text(written[0, 2]) == "A_1_1*B_1_3 + A_1_2*B_2_3"


def test_a_matrix_of_one_row_has_no_sum():
    one = {"W": named([["w"]]), "a": named(["x"])}
    assert text(written_out(product(Ref("W"), Ref("a")), one)[0]) == "x*w"


def test_the_largest_of_a_vector_and_a_matrix_with_its_diagonal():
    assert text(written_out(largest(Ref("u")), cells()).item()) == "max(u_1, u_2, u_3)"
    slopes = along(Ref("u"), Mul(as_column(Ref("u")), Ref("u")))
    written = written_out(slopes, cells())
    assert [text(written[0, 0]), text(written[0, 1])] == ["u_1", "u_1*u_2"]


def test_a_lag_is_kept_in_every_cell():
    assert written_out(Ref("v", 1), cells())[1] == Ref("v_2", 1)


def test_what_has_no_cell_adds_nothing():
    gaps = {"g": named(["g1", None, "g3"]), "h": named([None, None, "h3"])}
    squares = sum_of(beside(Mul(Ref("g"), Ref("g")), as_column(Ref("h"))))
    assert text(written_out(squares, gaps, has_gaps=True).item()) == "g1*g1 + g3*g3 + h3"
    both = written_out(Sum((Ref("g"), Ref("h"))), gaps, has_gaps=True)
    assert [None if f is None else text(f) for f in both] == ["g1", None, "g3 + h3"]


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        (
            product(Ref("A"), Ref("u")),
            "product of 3 × 2 and 3: the first has 2 columns, the second 3 rows",
        ),
        (product(Ref("A"), Ref("s")), "product of 3 × 2 and a number"),
        (transposed(Ref("u")), "transposed of 3: a matrix is needed"),
        (largest(Ref("A")), "largest of 3 × 2: a vector is needed"),
        (beside(Ref("v"), Ref("A")), "beside of 2 and 3 × 2: the first has 2 rows, the second 3"),
        (Sub(Ref("A"), Ref("u")), "difference of 3 × 2 and 3: the shapes do not fit"),
        (as_column(Ref("A")), "as column of 3 × 2: a vector is needed"),
        (along(Ref("u"), Ref("A")), "along of 3 and 3 × 2: a vector and a square matrix"),
    ],
)
def test_shapes_that_do_not_fit_are_said_both(formula, said):
    with pytest.raises(ProgramError) as caught:
        shape_of(formula, SHAPES)
    assert said in str(caught.value)


def test_of_equal_largest_entries_of_a_window_the_first_gets_the_derivative():
    """As in PyTorch."""
    pooled = Operation("window largest", (Ref("C"), Num(2.0), Num(1.0)))
    values = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    values["C"] = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    share = pulled_back(sum_of(pooled), Num(1.0), SHAPES)["C"]
    assert by_cells(share, values).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
