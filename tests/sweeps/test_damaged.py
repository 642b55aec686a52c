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
from tests.helpers.samples import sampled, spread

GRID = {"learning_rate": [0.1, 1.0], "reduction": ["sum", "mean"]}


@pytest.fixture
def swept(xor, tmp_path):
    """A folder with a sweep, and what goes on from it: swept() is the sweep again."""
    folder = tmp_path / "runs"

    def again(keep="every:10"):
        return bp.sweep(xor, GRID, folder=folder, keep=keep)

    again.whole, again.folder = again(), folder
    again.part = folder / "losses" / "run-2.parquet"
    return again


def column(name, values, kind=None):
    return lambda table: table.set_column(
        table.schema.get_field_index(name), name, pa.array(values(table[name].to_pylist()), kind)
    )


def fact(name, value):
    return lambda table: table.replace_schema_metadata({**table.schema.metadata, name: value})


DAMAGE = {
    "nothing but saved again": lambda table: table,
    "losses as text": column("loss", lambda losses: [str(loss) for loss in losses]),
    "a loss that is missing": column("loss", lambda losses: [None, *losses[1:]]),
    "a loss that is another": column("loss", lambda losses: [0.5, *losses[1:]]),
    "iterations of others": column("iteration", lambda numbers: [n + 1 for n in numbers]),
    "a rate of another run": column("learning_rate", lambda rates: [1.0] * len(rates)),
    "a column less": lambda table: table.drop_columns("learning_rate"),
    "no columns": lambda table: table.select([]),
    "a row less": lambda table: table.slice(1),
    "no rows": lambda table: table.slice(0, 0),
    "no facts": lambda table: table.replace_schema_metadata(),
    "a fact as text": fact("results", "low"),
    "a fact that is no text": fact("results", b"\xff"),
}


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "damage",
    spread(sampled(DAMAGE, "nothing but saved again", "a loss that is another", "no rows", "a fact that is no text"), 2),
)  # fmt: skip
def test_a_part_that_is_not_as_it_was_written_is_refused(swept, damage):
    pq.write_table(DAMAGE[damage](pq.read_table(swept.part, partitioning=None)), swept.part)
    with pytest.raises(bp.OutputError, match=r"run-2.* since it was written; remove it to run it"):
        swept()
    swept.part.unlink()
    pd.testing.assert_frame_equal(swept().losses, swept.whole.losses, check_exact=True)


@pytest.mark.sample(1)
@pytest.mark.parametrize("seed", spread(sampled(range(60), *range(0, 60, 14)), 2))
def test_a_part_of_which_some_bytes_changed_is_refused(swept, seed):
    content, drawn = bytearray(swept.part.read_bytes()), random.Random(seed)
    if seed % 3:
        content[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
    else:
        del content[drawn.randrange(len(content)) :]
    swept.part.write_bytes(content)
    with pytest.raises(bp.OutputError, match="since it was written; remove it to run it anew"):
        swept()


def test_swapped_runs_are_refused(swept):
    one, two = (swept.folder / "losses" / f"run-{number}.parquet" for number in (1, 2))
    shutil.move(one, swept.folder / "aside")
    shutil.move(two, one)
    shutil.move(swept.folder / "aside", two)
    with pytest.raises(bp.OutputError, match=r"run-1.*it is not run 1 of this sweep"):
        swept()


@pytest.mark.slow
def test_a_run_of_another_sweep_is_refused(swept, xor, tmp_path):
    bp.sweep(xor, GRID, folder=tmp_path / "whole")
    shutil.copy(tmp_path / "whole" / "losses" / "run-2.parquet", swept.part)
    with pytest.raises(bp.OutputError, match=r"run-2.*it is not run 2 of this sweep"):
        swept()


def test_whole_numbers_written_as_fractions_are_the_same_sweep(xor, tmp_path):
    whole = bp.sweep(xor, {"learning_rate": [1, 2]}, folder=tmp_path / "runs")
    again = bp.sweep(xor, {"learning_rate": [1.0, 2.0]}, folder=tmp_path / "runs")
    pd.testing.assert_frame_equal(again.runs, whole.runs, check_dtype=False)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("content", "said"),
    spread(
        sampled(
            [
                ("", "cannot read"),
                ("{", "cannot read"),
                ("[" * 100_000, "cannot read"),
                ("\xff", "cannot read"),
                ("[]", "holds another sweep"),
                ("null", "holds another sweep"),
            ],
            ("[" * 100_000, "cannot read"),
            ("\xff", "cannot read"),
            ("null", "holds another sweep"),
        ),
        1,
    ),
)
def test_a_damaged_word_of_which_sweep_it_is_is_refused(swept, content, said):
    (swept.folder / "_sweep.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(bp.OutputError, match=said):
        swept()


def test_the_folder_says_which_values_were_given(swept):
    assert json.loads((swept.folder / "_sweep.json").read_text())["grid"] == GRID
