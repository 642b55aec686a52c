"""Array formulas: what spreadsheet programs make of them is what NumPy makes of the arrays."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import ironcalc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.formula import ArrayFormula

from bpsheet.errors import ProgramError
from bpsheet.formula.arrays import (
    along,
    as_column,
    largest,
    product,
    row_of,
    shape_of,
    sum_of,
    transposed,
)
from bpsheet.formula.tree import Call, Div, Mul, Num, Operation, Pow, Ref, Sub, Sum
from bpsheet.outside.office import libreoffice_command
from bpsheet.printers.array_formulas import MatrixPrinter
from bpsheet.printers.excel import Cell
from bpsheet.printers.matrices import is_printable
from tests.helpers.arrays import SHAPES, by_numpy, formulas
from tests.helpers.samples import draws

# Some programs refuse MMULT of a single cell.
SINGLE = {"e": (1,), "V": (1, 3), "X": (1, 1)}
ARRAYS = {**SHAPES, **SINGLE}
# Where the arrays stand: one below another.
ROWS = {name: 1 + 4 * number for number, name in enumerate(ARRAYS)}
SHAPED = {name: shape for name, shape in ARRAYS.items() if shape}
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
        lambda name: area(ARRAYS[name], ROWS[name], 1),
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


A, B, C, U, V, S, E, ROW, X = map(Ref, "ABCuvseVX")
ONE, TWO = Num(1.0), Num(2.0)
OF_EACH_KIND = [
    (product(A, V), lambda n: n.A @ n.v),
    (product(U, A), lambda n: n.u @ n.A),
    (product(A, B), lambda n: n.A @ n.B),
    (product(U, U), lambda n: n.u @ n.u),
    (Div(TWO, product(U, U)), lambda n: 2 / (n.u @ n.u)),
    (product(A, row_of(A, 2)), lambda n: n.A @ n.A[1]),
    (product(ROW, U), lambda n: n.V @ n.u),
    (product(transposed(ROW), E), lambda n: n.V.T @ n.e),
    (product(transposed(ROW), Sum((E, ONE))), lambda n: n.V.T @ (n.e + 1)),
    (Div(TWO, product(transposed(ROW), E)), lambda n: 2 / (n.V.T @ n.e)),
    (product(X, E), lambda n: n.X @ n.e),
    (product(E, ROW), lambda n: n.e @ n.V),
    (transposed(Sub(A, transposed(B))), lambda n: (n.A - n.B.T).T),
    (transposed(X), lambda n: n.X),
    (Mul(S, transposed(Sum((X, X)))), lambda n: n.s * 2 * n.X),
    (Mul(as_column(U), V), lambda n: np.outer(n.u, n.v)),
    (Mul(as_column(Sum((U, U))), Mul(TWO, V)), lambda n: np.outer(2 * n.u, 2 * n.v)),
    (Mul(as_column(U), row_of(A, 3)), lambda n: np.outer(n.u, n.A[2])),
    (Mul(as_column(E), U), lambda n: np.outer(n.e, n.u)),
    (Mul(as_column(U), E), lambda n: np.outer(n.u, n.e)),
    (Pow(Mul(as_column(U), V), TWO), lambda n: np.outer(n.u, n.v) ** 2),
    (Mul(as_column(E), E), lambda n: np.outer(n.e, n.e)),
    (Div(ONE, Mul(as_column(E), E)), lambda n: 1 / np.outer(n.e, n.e)),
    (Sub(U, sum_of(A)), lambda n: n.u - n.A.sum()),
    (Div(U, largest(U)), lambda n: n.u / n.u.max()),
    (row_of(A, 3), lambda n: n.A[2]),
    (Sum((row_of(U, 2), S)), lambda n: n.u[1] + n.s),
    (row_of(X, 1), lambda n: n.X[0]),
    (along(U, C), lambda n: np.where(np.eye(3), np.diag(n.u), n.C)),
    (Mul(along(U, Sub(C, S)), C), lambda n: np.where(np.eye(3), np.diag(n.u), n.C - n.s) * n.C),
    (Sub(C, along(U, C)), lambda n: n.C - np.where(np.eye(3), np.diag(n.u), n.C)),
    (along(Sum((U, U)), C), lambda n: np.where(np.eye(3), np.diag(2 * n.u), n.C)),
    (Call("max", (Num(0.0), U)), lambda n: np.maximum(0, n.u)),
    (Call("min", (A, Num(0.1))), lambda n: np.minimum(n.A, 0.1)),
    (
        Call("max", (A, Num(-0.2), transposed(B))),
        lambda n: np.maximum(np.maximum(n.A, -0.2), n.B.T),
    ),
    (Call("max", (S, Num(0.5))), lambda n: np.maximum(n.s, 0.5)),
    (Call("tanh", (Mul(ONE, A),)), lambda n: np.tanh(n.A)),
    (Mul(S, Mul(Sum((U, U)), ONE)), lambda n: n.s * 2 * n.u),
    (Mul(S, Mul(ONE, Sum((U, U)))), lambda n: n.s * 2 * n.u),
    (Sum((Sub(U, U), Sum((U, Mul(S, U))), Sub(S, U))), lambda n: n.s * (1 + n.u)),
]


def test_each_kind_of_array_formula_has_the_value_of_its_equation(tmp_path):
    values = {
        name: np.random.default_rng(7).uniform(-1, 1, shape) for name, shape in ARRAYS.items()
    }
    write(tmp_path / "a.xlsx", [formula for formula, _ in OF_EACH_KIND], values)
    model = ironcalc.load_from_xlsx(str(tmp_path / "a.xlsx"), "en", "UTC", "en")
    model.evaluate()
    for number, (formula, equation) in enumerate(OF_EACH_KIND):
        assert is_printable(formula, SHAPED), formula
        expected = as_matrix(equation(SimpleNamespace(**values)))
        at = 5 + 4 * number
        found = [[model.get_cell_value(0, 1 + i, at + k) for k in range(expected.shape[1])] for i in range(expected.shape[0])]  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=str(formula))


def test_a_function_of_a_formula_of_arrays_is_written_in_the_form_that_never_overflows():
    """The logistic of -900 is 0, and EXP(900) is an error in a spreadsheet."""
    printer = MatrixPrinter(lambda _: "A1:B3", lambda _: Cell(1, 1), str, {"A": (3, 2)})
    assert printer.text(Call("logistic", (Sum((A, A)),))) == (
        "IF(A1:B3+A1:B3<-709,0,1/(1+EXP(-(A1:B3+A1:B3))))"
    )


def test_an_operation_without_an_array_formula_is_refused_by_its_name():
    printer = MatrixPrinter(str, lambda ref: Cell(1, ROWS[ref.name]), str, SHAPED)
    with pytest.raises(ProgramError, match=r"^no array formula for sum down$"):
        printer.text(Operation("sum down", (A,)))


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
