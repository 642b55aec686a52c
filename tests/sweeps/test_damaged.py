"""A sweep's folder that was damaged, or mixed up, is never taken for the sweep's own results."""

from __future__ import annotations

import json
import random
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bpsheet as bp

GRID = {"learning_rate": [0.1, 1.0], "reduction": ["sum", "mean"]}


@pytest.fixture
def swept(xor, tmp_path):
    """A folder with a sweep, and what goes on from it: swept() is the sweep again."""
    folder = tmp_path / "runs"

    def again(keep="every:10"):
        return bp.sweep(xor, GRID, folder=folder, keep=keep)

    again.whole, again.folder = again(), folder
    again.part = folder / "run=2" / "losses.parquet"
    return again


def changed(path, change):
    """Write a part again after a change of its table; what stands beside its columns stays."""
    table = pq.read_table(path, partitioning=None)
    facts = table.schema.metadata
    made = change(table)
    pq.write_table(made.replace_schema_metadata({**facts, **(made.schema.metadata or {})}), path)


def column(name, values, kind=None):
    return lambda table: table.set_column(
        table.schema.get_field_index(name), name, pa.array(values(table[name].to_pylist()), kind)
    )


def fact(name, value):
    return lambda table: table.replace_schema_metadata({name: value})


def without_first(values):
    return [None, *values[1:]]


DAMAGE = {
    "losses as text": column("loss", lambda losses: [str(loss) for loss in losses]),
    "a loss missing": column("loss", without_first),
    "a loss without end": column("loss", lambda losses: [float("inf"), *losses[1:]]),
    "iterations as text": column("iteration", lambda numbers: [str(n) for n in numbers]),
    "an iteration missing": column("iteration", without_first),
    "iterations of others": column("iteration", lambda numbers: [n + 1 for n in numbers]),
    "an iteration twice": column("iteration", lambda n: [n[0], n[0], *n[2:]]),
    "iterations as fractions": column("iteration", lambda n: n, pa.float64()),
    "a rate of another run": column("learning_rate", lambda rates: [1.0] * len(rates)),
    "rates as text": column("learning_rate", lambda rates: [str(rate) for rate in rates]),
    "a rate missing": column("learning_rate", without_first),
    "a word of another run": column("reduction", lambda words: ["sum"] * len(words)),
    "a column less": lambda table: table.drop_columns("learning_rate"),
    "a column more": lambda table: table.append_column("more", table["loss"]),
    "a row less": lambda table: table.slice(1),
    "no rows": lambda table: table.slice(0, 0),
    "a fact as text": fact("final_loss", "low"),
    "a fact that is empty": fact("first_error", ""),
    "a fact that is no text": fact("first_loss", b"\xff"),
    "an error before the run": fact("first_error", "-1"),
    "an error after the run": fact("first_error", "42"),
    "a mean missing": fact("final_loss", "nan"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_part_that_is_not_as_it_was_written_is_refused(swept, damage):
    changed(swept.part, damage)
    with pytest.raises(bp.OutputError, match=r"run=2.*; remove it to run it anew"):
        swept()
    swept.part.unlink()
    pd.testing.assert_frame_equal(swept().losses, swept.whole.losses, check_exact=True)


def test_a_part_without_facts_is_refused(swept):
    pq.write_table(
        pq.read_table(swept.part, partitioning=None).replace_schema_metadata(), swept.part
    )
    with pytest.raises(bp.OutputError, match="first_loss, final_loss, first_error are missing"):
        swept()


def test_swapped_runs_are_refused(swept):
    one, two = (swept.folder / f"run={number}" for number in (1, 2))
    shutil.move(one, swept.folder / "aside")
    shutil.move(two, one)
    shutil.move(swept.folder / "aside", two)
    with pytest.raises(bp.OutputError, match=r"run=1.*its settings are not those of run 1"):
        swept()


@pytest.mark.parametrize("seed", range(60))
def test_bytes_that_changed_change_no_number(swept, seed):
    """A part that was spoilt somewhere is refused, or what changed says nothing about the run."""
    content, drawn = bytearray(swept.part.read_bytes()), random.Random(seed)
    for _ in range(drawn.randint(1, 3)):
        content[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
    if seed % 3 == 0:
        del content[drawn.randrange(len(content)) :]
    swept.part.write_bytes(content)
    try:
        losses = swept().losses
    except bp.OutputError:
        return
    pd.testing.assert_frame_equal(losses, swept.whole.losses, check_exact=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "cannot read"),
        ("{", "cannot read"),
        ("[" * 100_000, "cannot read"),
        ("\xff", "cannot read"),
        ("[]", "holds another sweep"),
        ("null", "holds another sweep"),
    ],
)
def test_a_damaged_word_of_which_sweep_it_is_is_refused(swept, content, said):
    (swept.folder / "_sweep.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(bp.OutputError, match=said):
        swept()


def test_the_losses_of_a_run_that_overflowed_are_missing_from_there_on_alone(tmp_path):
    """And come back so: what is missing before the error is damage."""
    experiment, grid = bp.load("exploding"), {"learning_rate": [0.1, 1.0]}
    first = bp.sweep(experiment, grid, folder=tmp_path)
    again = bp.sweep(experiment, grid, folder=tmp_path)
    pd.testing.assert_frame_equal(first.losses, again.losses, check_exact=True)
    part = tmp_path / "run=2" / "losses.parquet"
    assert pq.read_table(part, partitioning=None)["loss"].null_count > 0
    changed(part, column("loss", without_first))
    with pytest.raises(bp.OutputError, match="lacks losses"):
        bp.sweep(experiment, grid, folder=tmp_path)


def test_the_folder_says_which_values_were_given(swept):
    assert json.loads((swept.folder / "_sweep.json").read_text())["grid"] == GRID
