"""The long table: a row for each value, in one order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

import bpsheet as bp
from bpsheet.runs import tidy
from tests.helpers.samples import draws, sampled
from tests.helpers.strategies import experiments

COLUMNS = ["iteration", "phase", "layer", "neuron", "input", "quantity", "value"]
NAMES = ["two-neuron", "iris", "n-samples", "rnn", "formula", "exploding", "book-perceptron"]


@pytest.mark.parametrize("name", sampled(NAMES, "iris", "rnn", "exploding"))
def test_the_long_table_has_every_value_with_its_place(traced, name):
    trace = traced(name, 15)
    long = trace.tidy()
    assert list(long) == COLUMNS
    wide = long.set_index(["iteration", "quantity"])["value"].unstack()
    assert len(long) == trace.frame.size
    np.testing.assert_array_equal(wide[list(trace.frame)], trace.values[:, 1:])
    places = trace.columns
    row = long[long["iteration"] == 7].set_index("quantity")
    for key in ("phase", "layer", "neuron", "input"):
        ours, theirs = row[key].astype(object), places.loc[list(row.index), key].astype(object)
        assert ours.fillna("-").tolist() == theirs.fillna("-").tolist()


def test_the_derivatives_stand_in_the_order_of_the_forward_pass(traced):
    """By position, `backward` has them from the last layer to the first."""
    trace = traced("n-samples", 12)
    first = trace.tidy().query("iteration == 1 and phase == 'backward'")
    steps = first[["layer", "neuron"]].drop_duplicates().values.tolist()
    assert steps == [[1, "h1"], [1, "h2"], [2, "out1"], [2, "out2"]]
    terms = [name for name in first["quantity"] if name.startswith("delta")]
    assert terms == ["delta1_1", "delta1_2", "delta2_1", "delta2_2"]
    assert terms == [name for name in trace.backward if name.startswith("delta")][::-1]
    sequence = traced("rnn", 6).tidy().query("iteration == 1 and phase == 'backward'")["quantity"]
    hidden = [name for name in sequence if name.startswith("dloss_dh")]
    assert hidden == [f"dloss_dh{step}_{unit}" for step in (1, 2, 3) for unit in (1, 2)]


@pytest.mark.parametrize("name", ["attention", "two-neuron"])
def test_gradients_and_adjustments_are_of_their_weights_layer(traced, name):
    trace = traced(name, 12)
    layers = trace.columns["layer"]
    changing = [column for column in trace.program if column.weight]
    assert len(changing) >= 10
    for column in changing:
        assert layers[column.name] == layers[column.weight] > 0


@given(experiments())
@draws(25)
def test_all_other_phases_are_in_the_order_of_the_columns(experiment):
    trace = experiment.run(2)
    long = trace.tidy()
    other = long[(long["phase"] != "backward") & (long["iteration"] == 2)]
    names = [c.name for c in trace.program if c.phase != "backward"]
    assert ["iteration", *other["quantity"]] == names
    assert (np.diff(long["iteration"]) >= 0).all()


def test_a_long_table_is_hand_values(traced):
    """It has the columns of a file of hand values, so one run may be compared with another's table."""
    trace = traced("two-neuron", 12)
    long = trace.tidy()
    assert len(trace.compare(long[long["phase"] != "input"])) == 12 * 25


def test_a_row_takes_about_thirty_bytes(traced):
    long = traced("iris", 300).tidy()
    assert long.memory_usage(deep=True, index=False).sum() / len(long) < 30


def test_too_long_a_table_is_refused_before_it_is_made(traced, monkeypatch):
    monkeypatch.setattr(tidy, "MAX_VALUES", 1000)
    with pytest.raises(bp.LimitError, match=r"12 iterations of 30 quantities are 360 rows"):
        traced("two-neuron", 12).tidy()


def test_other_programs_read_the_long_table(traced):
    polars = pytest.importorskip("polars")
    duckdb = pytest.importorskip("duckdb")
    long = traced("n-samples", 12).tidy()
    weights = long[long["phase"] == "weight"]
    means = weights.groupby(["layer", "neuron"], observed=True)["value"].mean().tolist()
    table = polars.from_pandas(long).filter(polars.col("phase") == "weight")
    theirs = table.group_by("layer", "neuron", maintain_order=True).agg(polars.col("value").mean())
    assert theirs["value"].to_list() == pytest.approx(means, rel=1e-12)
    found = duckdb.sql(
        "select avg(value) from long where phase = 'weight' group by layer, neuron "
        "order by min(layer), min(neuron)"
    ).fetchall()
    assert [value for (value,) in found] == pytest.approx(means, rel=1e-12)
