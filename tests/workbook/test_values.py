"""Every number of a workbook is stored to its last bit, errors as errors."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.workbook.writing import layout_of
from tests.helpers.samples import draws, sampled
from tests.helpers.workbooks import DATA_PART, SHORTER, STEPS_PART, WORKBOOKS, one_weight, part

CELL = re.compile(
    r'<c r="([A-Z]+)([0-9]+)" s="[0-9]+"(?: t="([a-zA-Z]+)")?>(<f.*?)?<v>([^<]*)</v></c>'
)


def raw_cells(path: Path) -> dict[str, tuple[str | None, str | None, str]]:
    """The rows of Steps as they are stored: type, formula and value of each cell."""
    content = part(path, STEPS_PART)
    content = content[content.index('<row r="8"') :]
    return {
        f"{letters}{row}": (kind or None, formula or None, value)
        for letters, row, kind, formula, value in CELL.findall(content)
    }


@pytest.mark.sample(2)
@pytest.mark.parametrize(("name", "kind"), WORKBOOKS)
def test_every_cell_stores_the_bits_of_the_trace(made, traced, name, kind):
    """Numbers to the last bit, verdicts as words, errors as errors; formulas never empty."""
    rows = SHORTER.get(name)
    trace, cells = traced(name, rows), raw_cells(made(name, kind, rows))
    layout = layout_of(trace, kind)
    assert len(cells) == len(trace) * len(layout.shown)
    for shown in layout.shown:
        values = trace.values[:, trace.program.position[shown.column.name]].tolist()
        for row, expected in enumerate(values, start=8):
            stored_as, formula, text = cells[f"{shown.letter}{row}"]
            typed = shown.formula is None or (row == 8 and shown.starts_typed)
            assert (formula is None) == typed
            if math.isnan(expected):
                assert (stored_as, text[0]) == ("e", "#")
            elif shown.column.labels:
                assert (stored_as, text) == ("str", shown.column.labels[int(expected)])
            else:
                assert stored_as is None
                assert float(text).hex() == expected.hex()


@pytest.mark.sample(1)
@pytest.mark.parametrize("template", ["two-neuron", "book-perceptron", "exploding"])
def test_pandas_reads_the_values(made, traced, template, kind):
    """pandas.read_excel(header=6): the trace without a calculation. An error reads as NaN."""
    rows = SHORTER.get(template)
    trace = traced(template, rows)
    read = pd.read_excel(made(template, kind, rows), sheet_name="Steps", header=6)
    for shown in layout_of(trace, kind).shown:
        values = trace.values[:, trace.program.position[shown.column.name]]
        if shown.column.labels:
            assert (read[shown.column.name] == "Correct").tolist() == (values == 1).tolist()
        else:
            pd.testing.assert_series_equal(
                read[shown.column.name].astype(float),
                pd.Series(values, name=shown.column.name),
                check_exact=True,
            )


@pytest.mark.slow
def test_openpyxl_reads_values_and_formulas(made, traced):
    values = load_workbook(made("two-neuron", "full", 60), data_only=True)["Steps"]
    formulas = load_workbook(made("two-neuron", "full", 60))["Steps"]
    frame = traced("two-neuron", 60).frame
    place = {cell.value: cell.column for cell in values[7]}
    for iteration in (1, 2, 60):
        row = iteration + 7
        for column in frame.columns:
            assert values.cell(row, place[column]).value == frame.loc[iteration, column]
    assert formulas["AE67"].value == "=-$B$5*Z67"


@pytest.mark.slow
@draws(30)
@given(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([1e-300, 5e-324, 1e22, 0.1 + 0.2, -1e15, 1e16, 123456789012345678.0]),
    )
)
def test_a_weight_is_stored_with_every_digit(tmp_path_factory, weight):
    path = tmp_path_factory.mktemp("digits") / "weight.xlsx"
    one_weight(w=weight, iterations=1).run().to_excel(path)
    stored = raw_cells(path)["F8"]
    assert stored[:2] == (None, None)
    assert float(stored[2]).hex() == weight.hex()


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "number",
    sampled([0.1 + 0.2, 1 / 3, 2 / 3 * 1e-5, 5e-324, 1e22, 123456.7], 0.1 + 0.2, 5e-324, 1e22),
)
@pytest.mark.parametrize(
    ("place", "sheet"), [("B5", STEPS_PART), ("B2", DATA_PART), ("C2", DATA_PART)]
)
def test_a_hyper_parameter_and_an_example_are_stored_with_every_digit(
    tmp_path, number, place, sheet
):
    """The workbook must start from the same bits as the trace."""
    path = (
        one_weight(rate=number, x=number, y=number, iterations=1)
        .run()
        .to_excel(tmp_path / "x.xlsx", sheets=[])
    )
    found = re.search(rf'<c r="{place}"[^>]*><v>([^<]*)</v>', part(path, sheet))
    assert found
    assert float(found[1]).hex() == number.hex()


def test_errors_are_stored_as_errors(made, traced, kind):
    trace = traced("exploding")
    error = trace.first_error
    assert error is not None
    cells = raw_cells(made("exploding", kind))
    found = {int(place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")): [] for place in cells}
    for place, (stored_as, _, value) in cells.items():
        if stored_as == "e":
            found[int(place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))].append(value)
    for row, errors in found.items():
        assert bool(errors) == (row >= error.iteration + 7)
        assert set(errors) <= {"#NUM!"}


def test_division_by_zero_is_its_own_error(tmp_path):
    network = bp.Network(
        inputs=["x"],
        targets=["y"],
        loss="half_squared_error",
        layers=[bp.Layer(neurons=["o"], activation="1/(z-1)", weights=[[1.0]], bias=False)],
    )
    experiment = bp.Experiment(
        network=network, data=bp.Data(examples=[[1.0, 3.0]]), training=bp.Training(iterations=2)
    )
    cells = raw_cells(experiment.run().to_excel(tmp_path / "x.xlsx"))
    assert "#DIV/0!" in {value for kind, _, value in cells.values() if kind == "e"}
