"""How a workbook looks: inputs, notes, headers, bands, colours."""

from __future__ import annotations

import pytest
from openpyxl import load_workbook

from bpsheet.program.kinds import Role
from bpsheet.workbook import style
from bpsheet.workbook.writing import layout_of
from tests.helpers.workbooks import WORKBOOKS, book_of


@pytest.fixture(scope="module")
def books(traced, tmp_path_factory):
    """The workbook in each layout, written and read when a test asks for it: books("full")."""
    folder = tmp_path_factory.mktemp("iris")

    def read(kind):
        path = folder / f"{kind}.xlsx"
        return book_of(path if path.exists() else traced("iris", 12).to_excel(path, kind, []))

    return read


def is_input(cell) -> bool:
    return (cell.font.color is not None and cell.font.color.rgb == "000000FF") and (
        cell.fill.fill_type == "solid"
    )


@pytest.mark.slow
def test_input_cells_look_like_input_cells_and_no_others_do(books, kind):
    """Typed numbers are blue on a pale fill; the first iteration's number is not for changing."""
    sheet = books(kind)["Steps"]
    for row in sheet.iter_rows(min_row=8, max_row=19):
        for cell in row:
            typed = cell.data_type != "f" and cell.value is not None
            counted = sheet.cell(7, cell.column).value == "iteration"
            assert is_input(cell) == (typed and not counted)
    for place in ("B5", "D5", "F5"):
        assert is_input(sheet[place])


def test_a_column_has_room_for_its_numbers_with_their_signs_and_a_character_more(made, traced):
    sheet = book_of(made("two-neuron", "full", 12))["Steps"]
    frame = traced("two-neuron", 12).frame
    signed = 0
    for cell in sheet[7]:
        if sheet.cell(9, cell.column).number_format == "0.0000":
            longest = max(len(f"{value:.4f}") for value in frame[cell.value])
            dimension = next(
                d for d in sheet.column_dimensions.values() if d.min <= cell.column <= d.max
            )
            assert dimension.width >= 0.95 * longest + 0.94, cell.value
            signed += longest == len("-0.0000")
    assert signed


def test_data_cells_look_like_input_cells(books):
    sheet = books("full")["Data"]
    assert sheet.dimensions == "A1:H151"
    assert all(is_input(cell) for row in sheet.iter_rows(min_row=2, min_col=2) for cell in row)
    assert not is_input(sheet["A2"])


@pytest.mark.sample(5)
@pytest.mark.parametrize(("name", "kind"), WORKBOOKS)
def test_every_header_has_a_note(made, name, kind):
    sheet = book_of(made(name, kind, 12))["Steps"]
    for cell in sheet[7]:
        if cell.value is not None:
            assert cell.comment is not None
            assert len(cell.comment.text) > 10


def test_hyper_parameters_have_a_note(books, kind):
    for place in ("B5", "D5", "F5"):
        assert "Change it, and every row follows." in books(kind)["Steps"][place].comment.text


def test_headers_and_the_iteration_stay_in_view(made):
    """In the book the example, as in the book's own spreadsheet."""
    assert book_of(made("two-neuron", "full", 12))["Steps"].freeze_panes == "B8"
    assert book_of(made("two-neuron", "book", 12))["Steps"].freeze_panes == "D8"


def test_numbers_of_examples_that_are_typed_look_typed(made):
    """Each column has its own style, whatever stands beside it."""
    sheet = book_of(made("book-xor", "full", 12))["Steps"]
    assert [is_input(cell) for cell in sheet[12][:6]] == [False, False, True, False, False, False]


@pytest.mark.sample(4)
@pytest.mark.parametrize(("name", "kind"), WORKBOOKS)
def test_each_column_has_one_number_format_and_its_header_its_alignment(made, name, kind):
    """Also in the first row, where numbers are typed."""
    sheet = book_of(made(name, kind, 12))["Steps"]
    for head in sheet[7]:
        if head.value is None:
            continue
        cells = [sheet.cell(row, head.column) for row in range(8, 12)]
        assert len({cell.number_format for cell in cells}) == 1
        assert {cell.alignment.horizontal for cell in cells} == {head.alignment.horizontal}
        if isinstance(cells[-1].value, int | float) or head.value in ("iteration", "epoch"):
            assert head.alignment.horizontal == "right"


@pytest.mark.slow
def test_formats_show_the_size_of_what_is_in_a_column(made):
    """Data with their own decimals; a loss that falls by powers of ten with a power of ten."""
    sheet = book_of(made("line-adam", "full", 500))["Steps"]
    formats = {head.value: sheet.cell(9, head.column).number_format for head in sheet[7]}
    shown = {name: formats[name] for name in ("x", "y", "a", "E", "delta_a")}
    assert shown == {
        "x": "General",
        "y": "0.0###",
        "a": "0.0000",
        "E": "0.000E+00",
        "delta_a": "+0.00000;-0.00000;0.00000",
    }


def test_pages_repeat_the_headers(books, kind):
    sheet = books(kind)["Steps"]
    assert sheet.print_title_rows == "$6:$7"
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.print_area.endswith(f"${sheet.max_row}")
    assert sheet.page_setup.pageOrder == "overThenDown"


@pytest.mark.slow
def test_a_long_run_is_printed_without_its_middle(tmp_path, traced):
    """About twenty pages, one above another, and About says so."""
    book = load_workbook(traced("two-neuron", 1500).to_excel(tmp_path / "x.xlsx", sheets=[]))
    assert book["Steps"].print_area == "'Steps'!$A$1:$AE$507,'Steps'!$A$1008:$AE$1507"
    text = [cell.value for cell in book["About"]["A"] if isinstance(cell.value, str)]
    assert any("the first 500 rows and the last 500" in line for line in text)


@pytest.mark.slow
def test_of_a_long_list_of_columns_the_beginning_is_printed(tmp_path, traced):
    """And what comes before and after it, with a sentence that says so."""
    about = load_workbook(traced("iris", 2).to_excel(tmp_path / "x.xlsx"))["About"]
    texts = {str(cell.value): cell.row for cell in about["A"] if cell.value}
    first = texts["The columns of Steps"] + 1
    begin, end = about.print_area.split(",")
    assert begin == f"'About'!$A$1:$E${first + 100}"
    assert end.startswith(f"'About'!$A${texts['Made with']}:$E$")
    assert int(end.rpartition("$")[2]) >= about.max_row
    count = texts["Made with"] - 1 - first - 1
    assert f"Of About: the first 100 of the {count} columns of Steps." in texts


def test_bands_name_the_groups_of_columns(made):
    sheet = book_of(made("book-xor", "full", 12))["Steps"]
    names = [cell.value for cell in sheet[6] if cell.value]
    assert list(dict.fromkeys(names)) == [
        *("Example", "Weights", "Forward pass", "Backward pass", "Gradient", "Adjustments"),
        "Tests",
    ]
    assert names == sorted(names, key=list(dict.fromkeys(names)).index)


def test_adjustments_are_green_and_red(books, traced, kind):
    sheet = books(kind)["Steps"]
    layout = layout_of(traced("iris", 12), kind)
    moves = [s.letter for s in layout.shown if s.column.role.value == "adjustment"]
    rules = {str(area.sqref): area.rules for area in sheet.conditional_formatting}
    up, down = rules[f"{moves[0]}8:{moves[-1]}19"]
    assert (up.operator, up.formula, up.dxf.font.color.rgb) == ("greaterThan", ["0"], "001B7A3D")
    assert (down.operator, down.formula, down.dxf.font.color.rgb) == ("lessThan", ["0"], "00B42318")


def test_hyper_parameters_have_names_and_are_checked(books, kind):
    book = books(kind)
    places = {"learning_rate": "B5", "batch_size": "D5", "reduction": "F5"}
    for name, place in places.items():
        assert book.defined_names[name].attr_text == f"Steps!${place[0]}$5"
    checks = {str(check.sqref): check for check in book["Steps"].data_validations.dataValidation}
    assert (checks["F5"].type, checks["F5"].formula1) == ("list", '"sum,mean"')
    assert (checks["D5"].type, checks["D5"].formula1) == ("whole", "1")
    assert checks["B5"].type == "decimal"


def test_adjustments_show_their_sign(books):
    sheet = books("full")["Steps"]
    column = next(cell.column for cell in sheet[7] if str(cell.value).startswith("delta_"))
    assert sheet.cell(19, column).number_format.startswith("+")


@pytest.mark.parametrize(
    ("wider", "narrower"),
    [
        ((Role.ADJUSTMENT, 0.5, False), (Role.VALUE, 0.5, False)),
        ((Role.VALUE, 0.5, True), (Role.VALUE, 0.5, False)),
        ((Role.VALUE, 12_345.0, False), (Role.VALUE, 1.0, False)),
    ],
)
def test_a_sign_and_further_digits_before_the_point_have_their_room(wider, narrower):
    """An adjustment shows a plus sign as well."""
    one, other = (
        style.column_width("x", role, "0.0000", largest, signed=signed)
        for role, largest, signed in (wider, narrower)
    )
    digits = len(f"{wider[1]:.0f}") - len(f"{narrower[1]:.0f}") or 1
    assert one - other == pytest.approx(0.95 * digits, abs=0.051)


def test_only_the_first_row_of_a_weight_looks_typed(made):
    sheet = book_of(made("two-neuron", "full", 12))["Steps"]
    at = next(cell.column for cell in sheet[7] if cell.value == "w_xg1")
    assert [is_input(sheet.cell(row, at)) for row in (8, 9)] == [True, False]
