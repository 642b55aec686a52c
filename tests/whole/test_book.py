"""The layout book of three templates is the book's own sheets, cell by cell."""

from __future__ import annotations

import functools
import math

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.helpers.samples import spread

# The headers of each tab in row 7, from column A; the empty one is an empty column.
HEADERS = {
    "two-neuron": [
        "x1 x2 y",
        "w_xg0 w_xg1 w_xg2 w_gf0 w_gf1",
        "g f MSE",
        "MSE' f' f_error g' g_error",
        "dMSE / dw_xg0|dMSE / dw_xg1|dMSE / dw_xg2|dMSE / dw_gf0|dMSE / dw_gf1",
        "delta_w_xg0 delta_w_xg1 delta_w_xg2 delta_w_gf0 delta_w_gf1",
    ],
    "book-xor": [
        "x1 x2 y",
        "w_n0_0 w_n0_1 w_n0_2 w_n1_0 w_n1_1 w_n1_2 w_n2_0 w_n2_1 w_n2_2",
        "n0 n1 n2 MSE",
        "MSE' n2' n2_error n1' n1_error n0' n0_error",
        "dMSE / dw_n0_0|dMSE / dw_n0_1|dMSE / dw_n0_2",
        "dMSE / dw_n1_0|dMSE / dw_n1_1|dMSE / dw_n1_2",
        "dMSE / dw_n2_0|dMSE / dw_n2_1|dMSE / dw_n2_2",
        "delta_w_n0_0 delta_w_n0_1 delta_w_n0_2 delta_w_n1_0 delta_w_n1_1 delta_w_n1_2",
        "delta_w_n2_0 delta_w_n2_1 delta_w_n2_2",
        "test 00|test 01|test 10|test 11",
    ],
    "book-perceptron": [
        "x1 x2 y",
        "w0 w1 w2",
        "output",
        "delta_w0 delta_w1 delta_w2",
        "|test 00|test 01|test 10|test 11",
    ],
}
LAST_CELL = {"two-neuron": "Z504", "book-xor": "AS703", "book-perceptron": "O27"}
ROWS = {"two-neuron": 497, "book-xor": 696, "book-perceptron": 20}

# What the cells of a row r say in the tab of two neurons; p is the row before.
TWO_NEURON_WEIGHTS = {
    "D": "=D{p}+V{p}",
    "E": "=E{p}+W{p}",
    "F": "=F{p}+X{p}",
    "G": "=G{p}+Y{p}",
    "H": "=H{p}+Z{p}",
}
TWO_NEURON = {
    "I": "=TANH(1*D{r}+A{r}*E{r}+B{r}*F{r})",
    "J": "=1/(1+EXP(-(1*G{r}+I{r}*H{r})))",
    "K": "=0.5*(C{r}-J{r})^2",
    "L": "=-(C{r}-J{r})",
    "M": "=J{r}*(1-J{r})",
    "N": "=L{r}*M{r}",
    "O": "=1-I{r}^2",
    "P": "=N{r}*H{r}*O{r}",
    "Q": "=P{r}*1",
    "R": "=P{r}*A{r}",
    "S": "=P{r}*B{r}",
    "T": "=N{r}*1",
    "U": "=N{r}*I{r}",
    "V": "=-$B$5*Q{r}",
    "W": "=-$B$5*R{r}",
    "X": "=-$B$5*S{r}",
    "Y": "=-$B$5*T{r}",
    "Z": "=-$B$5*U{r}",
}

# The same for the tab of exclusive or, but for its tests, which the book writes shorter.
XOR_WEIGHTS = {
    "D": "=D{p}+AG{p}",
    "E": "=E{p}+AH{p}",
    "F": "=F{p}+AI{p}",
    "G": "=G{p}+AJ{p}",
    "H": "=H{p}+AK{p}",
    "I": "=I{p}+AL{p}",
    "J": "=J{p}+AM{p}",
    "K": "=K{p}+AN{p}",
    "L": "=L{p}+AO{p}",
}
XOR = {
    "M": "=TANH(1*D{r}+A{r}*E{r}+B{r}*F{r})",
    "N": "=TANH(1*G{r}+A{r}*H{r}+B{r}*I{r})",
    "O": "=1/(1+EXP(-(1*J{r}+M{r}*K{r}+N{r}*L{r})))",
    "P": "=0.5*(C{r}-O{r})^2",
    "Q": "=-(C{r}-O{r})",
    "R": "=O{r}*(1-O{r})",
    "S": "=Q{r}*R{r}",
    "T": "=1-N{r}^2",
    "U": "=S{r}*L{r}*T{r}",
    "V": "=1-M{r}^2",
    "W": "=S{r}*K{r}*V{r}",
    "X": "=W{r}*1",
    "Y": "=W{r}*A{r}",
    "Z": "=W{r}*B{r}",
    "AA": "=U{r}*1",
    "AB": "=U{r}*A{r}",
    "AC": "=U{r}*B{r}",
    "AD": "=S{r}*1",
    "AE": "=S{r}*M{r}",
    "AF": "=S{r}*N{r}",
    "AG": "=-$B$5*X{r}",
    "AH": "=-$B$5*Y{r}",
    "AI": "=-$B$5*Z{r}",
    "AJ": "=-$B$5*AA{r}",
    "AK": "=-$B$5*AB{r}",
    "AL": "=-$B$5*AC{r}",
    "AM": "=-$B$5*AD{r}",
    "AN": "=-$B$5*AE{r}",
    "AO": "=-$B$5*AF{r}",
}

# And of the perceptron, whose tests too need no sign function in the book.
PERCEPTRON_WEIGHTS = {"D": "=D{p}+H{p}", "E": "=E{p}+I{p}", "F": "=F{p}+J{p}"}
PERCEPTRON = {
    "G": "=SIGN(1*D{r}+A{r}*E{r}+B{r}*F{r})",
    "H": "=IF(G{r}=C{r},0,C{r}*1*$B$5)",
    "I": "=IF(G{r}=C{r},0,C{r}*A{r}*$B$5)",
    "J": "=IF(G{r}=C{r},0,C{r}*B{r}*$B$5)",
}

# Rows of numbers that the book's file holds, the first, the second and the last.
VALUES = {
    ("two-neuron", 8): [
        *(-0.9, 0.1, 1, 0.3, 0.6, -0.1, -0.2, 0.5),
        *(-0.2449186624037092, 0.42007650719611306, 0.16815562875293),
        *(-0.579923492803887, 0.24361223529802706, -0.1412764583837942),
        *(0.940014848806378, -0.06640098433377144),
        *(-0.06640098433377144, 0.059760885900394294, -0.006640098433377144),
        *(-0.1412764583837942, 0.03460124121649216),
        *(0.006640098433377144, -0.00597608859003943, 0.0006640098433377145),
        *(0.014127645838379423, -0.0034601241216492165),
    ],
    ("two-neuron", 504): [
        *(-0.9, 0.1, 1),
        *(1.0442091194658414, -0.06978820751925649, -0.025579088053415897),
        *(1.435639857948332, 1.0961841572621203),
        *(0.8020955628633206, 0.910102271606741, 0.004040800785134087),
        *(-0.08989772839325905, 0.08181612682299087, -0.00735508394732167),
        *(0.3566427080349729, -0.0028754412839884507),
        *(-0.0028754412839884507, 0.0025878971555896055, -0.0002875441283988451),
        *(-0.00735508394732167, -0.005899480198633949),
        *(0.0002875441283988451, -0.00025878971555896055, 2.875441283988451e-05),
        *(0.000735508394732167, 0.000589948019863395),
    ],
    ("book-xor", 9): [
        *(-1, 1, 1),
        *(-0.0072431054243872256, 0.11724310542438722, 0.4172431054243872),
        *(-0.00813282571125626, -0.4018671742887437, 0.01813282571125626),
        *(-0.012031614575757554, 0.7857475024292461, 0.7854286005276861),
        *(0.2846702797419697, 0.39005692635426914, 0.6266821359135689, 0.06968311382302751),
        *(-0.3733178640864311, 0.23395163644037606, -0.08733832521544645),
        *(0.8478555942030602, -0.05816121377581054, 0.9189628318316287, -0.06306462466321028),
        *(-0.06306462466321028, 0.06306462466321028, -0.06306462466321028),
        *(-0.05816121377581054, 0.05816121377581054, -0.05816121377581054),
        *(-0.08733832521544645, -0.024862625471276264, -0.0340669186864666),
        *(0.006306462466321028, -0.006306462466321028, 0.006306462466321028),
        *(0.005816121377581054, -0.005816121377581054, 0.005816121377581054),
        *(0.008733832521544645, 0.0024862625471276266, 0.00340669186864666),
        *("Correct", "Correct", "Incorrect", "Incorrect"),
    ],
    ("book-xor", 703): [
        *(-1, -1, 0),
        *(0.7767553689309422, 0.8453071290033374, 0.8357364270053097),
        *(0.4680012090632562, -0.6453155157198007, -0.6332375346887313),
        *(-0.5166996469135713, 1.0985056467746006, 0.958096154162783),
        *(-0.718379456335819, 0.940982096883618, 0.4002815289985957, 0.08011265122872681),
        *(0.4002815289985957, 0.2400562265411421, 0.09609007340552163),
        *(0.11455269334450935, 0.010546125295450804, 0.48393095671465314, 0.05108156840802233),
        *(0.05108156840802233, -0.05108156840802233, -0.05108156840802233),
        *(0.010546125295450804, -0.010546125295450804, -0.010546125295450804),
        *(0.09609007340552163, -0.06902913469232756, 0.09041903876282852),
        *(-0.005108156840802233, 0.005108156840802233, 0.005108156840802233),
        *(-0.0010546125295450804, 0.0010546125295450804, 0.0010546125295450804),
        *(-0.009609007340552164, 0.006902913469232757, -0.009041903876282852),
        *("Correct", "Correct", "Correct", "Correct"),
    ],
    ("book-perceptron", 8): [
        *(1, 1, -1, 0.2, -0.6, 0.25, -1, 0, 0, 0, None),
        *("Correct", "Correct", "Incorrect", "Correct"),
    ],
    ("book-perceptron", 9): [
        *(1, -1, 1, 0.2, -0.6, 0.25, -1, 0.1, 0.1, -0.1, None),
        *("Correct", "Correct", "Incorrect", "Correct"),
    ],
    ("book-perceptron", 27): [
        *(-1, 1, 1, 0.4, -0.4, -0.15000000000000002, 1, 0, 0, 0, None),
        *("Correct", "Correct", "Correct", "Correct"),
    ],
}


@pytest.fixture(params=HEADERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def opened(made):
    """The sheet Steps of a template in the layout book, read once."""

    @functools.cache
    def read(name: str, *, values: bool = False) -> Worksheet:
        return load_workbook(made(name, "book"), data_only=values)["Steps"]

    return read


@pytest.fixture
def sheet(opened, name) -> Worksheet:
    return opened(name)


@pytest.mark.slow
def test_headers_stand_where_the_book_has_them(sheet, name):
    expected: list[str | None] = []
    for group in HEADERS[name]:
        parts = group.split("|") if "|" in group else group.split(" ")
        expected += [part or None for part in parts]
    assert [cell.value for cell in sheet[7]] == expected


@pytest.mark.sample(2)
def test_sheet_ends_where_the_book_ends(sheet, name):
    """497, 696 and 20 iterations, and not a column more."""
    assert sheet.dimensions == f"A1:{LAST_CELL[name]}"
    assert sheet.max_row - 7 == ROWS[name]


@pytest.mark.sample(1)
def test_learning_rate_stands_in_b5(sheet):
    assert (sheet["A5"].value, sheet["B5"].value) == ("lr = ", 0.1)


def test_panes_are_frozen_at_d8(sheet):
    assert sheet.freeze_panes == "D8"


def test_rows_one_to_three_say_what_the_sheet_shows(sheet):
    assert all(len(sheet[f"A{row}"].value) > 10 for row in (1, 2, 3))
    assert sheet["A4"].value is None
    assert sheet["A6"].value is None


@pytest.mark.parametrize(
    ("name", "weights", "formulas"),
    [
        ("two-neuron", TWO_NEURON_WEIGHTS, TWO_NEURON),
        ("book-xor", XOR_WEIGHTS, XOR),
        ("book-perceptron", PERCEPTRON_WEIGHTS, PERCEPTRON),
    ],
    ids=HEADERS,
)
def test_every_formula_is_the_books(sheet, name, weights, formulas):
    """In every row; weights are typed numbers in the first one."""
    for row in range(8, 8 + ROWS[name]):
        for letter, formula in formulas.items():
            assert sheet[f"{letter}{row}"].value == formula.format(r=row)
        for letter, formula in weights.items():
            value = sheet[f"{letter}{row}"].value
            if row == 8:
                assert isinstance(value, int | float)
            else:
                assert value == formula.format(p=row - 1)


def test_two_neuron_has_no_formula_but_those_listed(opened):
    sheet = opened("two-neuron")
    live = {
        cell.column_letter
        for row in sheet.iter_rows(min_row=8)
        for cell in row
        if cell.data_type == "f"
    }
    assert live == {*TWO_NEURON, *TWO_NEURON_WEIGHTS}


def test_examples_are_typed_numbers_in_every_row(sheet):
    for row in sheet.iter_rows(min_row=8, max_col=3, values_only=True):
        assert all(isinstance(value, int | float) for value in row)


def test_perceptron_leaves_column_k_empty(opened):
    sheet = opened("book-perceptron")
    assert {sheet[f"K{row}"].value for row in range(5, 28)} == {None}


def test_perceptron_presents_the_examples_in_the_books_order(opened):
    sheet = opened("book-perceptron")
    numbers = {(-1, -1): 1, (-1, 1): 2, (1, -1): 3, (1, 1): 4}
    order = [numbers[row] for row in sheet.iter_rows(min_row=8, max_col=2, values_only=True)]
    assert order == [4, 3, 2, 1, 3, 4, 2, 1, 3, 2, 4, 3, 2, 1, 3, 4, 2, 1, 3, 2]


@pytest.mark.sample(1)
@pytest.mark.parametrize(("name", "row"), spread(VALUES, 4))
def test_values_are_the_books_to_twelve_digits(opened, name, row):
    found = [cell.value for cell in opened(name, values=True)[row]]
    assert len(found) == len(VALUES[name, row])
    for cell, expected in zip(found, VALUES[name, row], strict=True):
        if isinstance(expected, int | float):
            assert math.isclose(cell, expected, rel_tol=1e-12, abs_tol=0)
        else:
            assert cell == expected
