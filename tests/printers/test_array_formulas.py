"""Array formulas: what spreadsheet programs make of them is what NumPy makes of the arrays."""

from __future__ import annotations

import subprocess

import ironcalc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.formula import ArrayFormula

from bpsheet.formula.arrays import shape_of
from bpsheet.outside.office import libreoffice_command
from bpsheet.printers.array_formulas import MatrixPrinter
from bpsheet.printers.excel import Cell
from bpsheet.printers.matrices import is_printable
from tests.helpers.arrays import SHAPES, by_numpy, formulas
from tests.helpers.samples import draws

# Where the arrays stand: one below another.
ROWS = {name: 1 + 4 * number for number, name in enumerate(SHAPES)}
SHAPED = {name: shape for name, shape in SHAPES.items() if shape}
any_shape = st.sampled_from([(), (2,), (3,), (3, 2), (2, 3), (3, 3)])
printable = st.lists(any_shape.flatmap(formulas), min_size=5, max_size=20).map(
    lambda drawn: [formula for formula in drawn if is_printable(formula, SHAPED)]
)
numbers = st.integers(0, 2**32 - 1).map(
    lambda seed: {
        name: np.random.default_rng([seed, index]).uniform(-1, 1, shape)
        for index, (name, shape) in enumerate(SHAPES.items())
    }
)


def as_matrix(values):
    """A vector is a column of cells."""
    values = np.asarray(values)
    return values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)


def area(shape, row, column):
    rows, columns = as_matrix(np.empty(shape)).shape
    first = f"{get_column_letter(column)}{row}"
    last = f"{get_column_letter(column + columns - 1)}{row + rows - 1}"
    return first if first == last else f"{first}:{last}"


def write(path, drawn, values):
    """A workbook with the arrays and, to the right of them, a formula each four columns."""
    book = Workbook()
    sheet = book.active
    for name, value in values.items():
        for (i, k), number in np.ndenumerate(as_matrix(value)):
            sheet.cell(ROWS[name] + i, 1 + k).value = float(number)
    printer = MatrixPrinter(
        lambda name: area(SHAPES[name], ROWS[name], 1),
        lambda ref: Cell(1, ROWS[ref.name]),
        lambda name: name,
        SHAPED,
    )
    for number, formula in enumerate(drawn):
        at = area(shape_of(formula, SHAPED), 1, 5 + 4 * number)
        sheet[at.partition(":")[0]] = ArrayFormula(at, f"={printer.text(formula)}")
    book.save(path)


def found_and_expected(drawn, values, value_of):
    """The values of all array formulas there, and by NumPy."""
    there, here = [], []
    for number, formula in enumerate(drawn):
        expected = as_matrix(by_numpy(formula, values))
        found = [[value_of(1 + i, 5 + 4 * number + k) for k in range(expected.shape[1])] for i in range(expected.shape[0])]  # fmt: skip
        there += np.ravel(found).tolist()
        here += expected.ravel().tolist()
    return there, here


@given(printable, numbers)
@draws(60)
def test_ironcalc_computes_an_array_formula_as_numpy_does(tmp_path_factory, drawn, values):
    path = tmp_path_factory.mktemp("a") / "a.xlsx"
    write(path, drawn, values)
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    model.evaluate()
    found, expected = found_and_expected(
        drawn, values, lambda row, column: model.get_cell_value(0, row, column)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@given(printable, numbers)
@draws(4)
@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_computes_an_array_formula_as_numpy_does(tmp_path_factory, drawn, values):
    folder = tmp_path_factory.mktemp("a")
    write(folder / "a.xlsx", drawn, values)
    converted = folder / "converted"
    subprocess.run(
        [
            libreoffice_command(),
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--headless",
            *("--convert-to", "xlsx"),
            *("--outdir", str(converted)),
            str(folder / "a.xlsx"),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    sheet = load_workbook(converted / "a.xlsx", data_only=True).active
    found, expected = found_and_expected(
        drawn, values, lambda row, column: sheet.cell(row, column).value
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
