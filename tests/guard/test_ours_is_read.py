"""Nothing that bpsheet writes is refused when bpsheet reads it, at any limit of the writer."""

from __future__ import annotations

import re
import zipfile

import pytest

import bpsheet as bp
from bpsheet.guard.limits import OURS
from bpsheet.plan.checks.network import MAX_TEXT
from bpsheet.workbook.layout import MAX_COLUMNS

# So much of a limit may be used by what is known here.
SHARE = 0.75


def wide(inputs, **more):
    return bp.Experiment(
        network={
            "inputs": [f"x{n}" for n in range(inputs)],
            "targets": ["t"],
            "loss": "half_squared_error",
            "layers": [{"neurons": ["o"], "activation": "linear"}],
        },
        data={"examples": [[0.1] * inputs + [1.0]]},
        training={"iterations": 2},
        **more,
    )


def elements(path):
    """The elements of all parts, and the columns of Steps."""
    with zipfile.ZipFile(path) as package:
        parts = [package.read(name) for name in package.namelist() if not name.endswith(".png")]
    return sum(len(re.findall(rb"<[A-Za-z]", part)) for part in parts)


@pytest.mark.slow
def test_a_sheet_of_all_columns_has_fewer_elements_than_are_read(tmp_path):
    """A column has so many elements more, in its header, its note and its line on About."""
    sizes = []
    for inputs in (40, 80):
        experiment = wide(inputs)
        path = experiment.write(tmp_path / f"{inputs}.xlsx")
        sizes.append((len(experiment.columns), elements(path)))
    (few, at_few), (many, at_many) = sizes
    each = (at_many - at_few) / (many - few)
    assert 10 < each < 100
    assert at_few + each * MAX_COLUMNS < SHARE * OURS.elements


@pytest.mark.parametrize("lines", [4_000, MAX_TEXT])
def test_notes_of_as_many_lines_as_a_cell_has_characters_are_read_again(tmp_path, lines):
    experiment = wide(1, notes="\n" * (lines - 1) + "x")
    path = experiment.write(tmp_path / "notes.xlsx")
    assert bp.load(path) == experiment


def test_titles_and_names_of_any_length_that_is_allowed_are_read_again(tmp_path):
    name = "x" * 60
    experiment = bp.Experiment(
        title="t" * MAX_TEXT,
        notes="n" * MAX_TEXT,
        graph={
            "inputs": [name],
            "parameters": {"w": 0.5},
            "forward": [f"e = ({name} - w)^2"],
            "loss": "e",
        },
        data={"examples": [[1.0]]},
        training={"iterations": 2},
    )
    path = experiment.write(tmp_path / "names.xlsx")
    assert bp.load(path) == experiment
    assert bp.verify(path).passed


def test_a_workbook_that_could_not_be_read_again_is_refused_before_it_is_trained(tmp_path):
    columns = len(wide(1).columns)
    with pytest.raises(bp.LimitError, match=r"rows of .* cells; a workbook of at most 200,000,000"):
        wide(1).write(tmp_path / "long.xlsx", OURS.cells // columns + 10**6)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("inputs", [3_426, 4_092])
def test_the_widest_workbooks_are_read_again(tmp_path, inputs):
    """13,717 columns, and all that a worksheet has but three."""
    experiment = wide(inputs)
    assert len(experiment.columns) in (13_717, 16_381)
    path = experiment.write(tmp_path / "wide.xlsx")
    assert bp.load(path) == experiment
