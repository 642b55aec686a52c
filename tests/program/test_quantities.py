"""Quantities: an array's columns, their order, and the backward pass on arrays and on numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from bpsheet.columns.assembly import bands_of
from bpsheet.errors import ProgramError
from bpsheet.formula.tree import Num, Ref, Sum
from bpsheet.program.backward import backward
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.quantities import Band, Scope, alone, columns_of
from tests.helpers.samples import draws
from tests.helpers.strategies import experiments


def bands(experiment):
    return bands_of(
        experiment.model,
        experiment.training,
        None,
        experiment.notation,
        preparation=experiment.preparation,
        meanings={},
        examples=experiment.example_count,
        cyclic=True,
    )[0]


@pytest.mark.slow
@given(experiments())
@draws(100)
def test_the_backward_pass_of_arrays_is_that_of_their_columns(experiment):
    """The arrays are differentiated and then written out; the columns are written out before."""
    every = bands(experiment)
    forward = [band for band in every if band.quantities[0].phase in (Phase.WEIGHT, Phase.FORWARD)]
    passed = [
        band for band in every if band.quantities[0].phase in (Phase.BACKWARD, Phase.GRADIENT)
    ]
    numbers = columns_of(forward)
    assert columns_of(passed) == columns_of(backward(alone(numbers), experiment.model.loss))


@given(experiments())
@draws(50)
def test_a_group_has_each_column_once_and_quantities_know_their_shapes(experiment):
    every = bands(experiment)
    for band in every:
        names = [column.name for column in band.columns()]
        cells = [c.name for q in band.quantities for c in q.columns.ravel() if c is not None]
        assert sorted(names) == sorted(cells)
    layers = experiment.model.layers
    shapes = {q.name: q.shape for band in every for q in band.quantities}
    for layer in layers:
        assert shapes[f"W{layer.number}"] == (len(layer.neurons), len(layer.inputs))
        assert shapes[f"z{layer.number}"] == shapes[f"a{layer.number}"] == (len(layer.neurons),)


def make(name):
    def column(index, formula, _):
        return Column(f"{name}{index[0] + 1}", Phase.FORWARD, Role.VALUE, formula)

    return column


def vectors():
    scope = Scope()
    scope.announce("x", ["x1", "x2"])
    first = scope.quantity("a", ["a1", "a2"], Ref("x"), make("a"))
    second = scope.quantity("b", ["b1", "b2"], Sum((Ref("a"), Num(1.0))), make("b"))
    return first, second


def test_the_entries_of_a_group_stand_row_by_row_and_in_reverse_if_it_goes_backwards():
    assert [c.name for c in Band(vectors()).columns()] == ["a1", "b1", "a2", "b2"]
    turned = Band(vectors(), backwards=True)
    assert [c.name for c in turned.columns()] == ["a2", "b2", "a1", "b1"]


def test_an_entry_without_a_name_gets_no_column():
    scope = Scope()
    scope.announce("x", ["x1", "x2"])
    made = scope.quantity("a", ["a1", None], Ref("x"), make("a"))
    assert made.columns[1] is None
    assert [c.name for c in Band((made,)).columns()] == ["a1"]
    assert scope.has_gaps


def test_a_formula_of_another_shape_is_refused_with_both():
    scope = Scope()
    scope.announce("x", ["x1", "x2"])
    with pytest.raises(ProgramError, match=r"a has the shape \(3,\), and its formula \(2,\)"):
        scope.quantity("a", ["a1", "a2", "a3"], Ref("x"), make("a"))


def test_a_number_stands_in_every_entry_of_a_quantity():
    made = Scope().quantity("a", ["a1", "a2"], Num(0.0), make("a"))
    assert [column.formula for column in made.columns] == [Num(0.0)] * 2
    assert np.shape(made.columns) == (2,)
