"""The .xlsx file: its values, its text, its looks, and that it can be made again from itself."""

from __future__ import annotations

import math
import posixpath
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

import bpsheet as bp
from bpsheet.workbook import layout_of
from tests.conftest import DATA_PART, STEPS_PART
from tests.helpers.samples import SAMPLE, sampled, small_templates

KINDS = ("full", "book")
# Enough rows for two epochs of iris; the other templates run as long as they say.
SHORTER = {"iris": 310}

CELL = re.compile(
    r'<c r="([A-Z]+)([0-9]+)" s="[0-9]+"(?: t="([a-zA-Z]+)")?>(<f.*?)?<v>([^<]*)</v></c>'
)


def one_weight(w=0.5, rate=0.1, x=2.0, y=3.0, iterations=3, **more) -> bp.Experiment:
    """x · w → o, the smallest experiment there is."""
    return bp.Experiment(
        network=bp.Network(
            inputs=["x"],
            targets=["y"],
            loss="half_squared_error",
            layers=[bp.Layer(neurons=["o"], activation="linear", weights=[[w]], bias=False)],
        ),
        data=bp.Data(examples=[[x, y]]),
        training=bp.Training(learning_rate=rate, iterations=iterations),
        **more,
    )


def part(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as package:
        return package.read(name).decode()


def raw_cells(path: Path) -> dict[str, tuple[str | None, str | None, str]]:
    """The rows of Steps as they are stored: type, formula and value of each cell."""
    content = part(path, STEPS_PART)
    content = content[content.index('<row r="8"') :]
    return {
        f"{letters}{row}": (kind or None, formula or None, value)
        for letters, row, kind, formula, value in CELL.findall(content)
    }


@pytest.fixture(params=sampled(small_templates(), *SAMPLE))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


# Values


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


@pytest.mark.parametrize("template", ["two-neuron", "book-perceptron", "exploding"])
def test_pandas_reads_the_values(made, traced, template, kind):
    """pandas.read_excel(header=6): the trace without a calculation. An error reads as NaN."""
    trace = traced(template)
    read = pd.read_excel(made(template, kind), sheet_name="Steps", header=6)
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


def test_openpyxl_reads_values_and_formulas(made, traced):
    values = load_workbook(made("two-neuron"), data_only=True)["Steps"]
    formulas = load_workbook(made("two-neuron"))["Steps"]
    frame = traced("two-neuron").frame
    place = {cell.value: cell.column for cell in values[7]}
    for iteration in (1, 2, 497):
        row = iteration + 7
        for column in frame.columns:
            assert values.cell(row, place[column]).value == frame.loc[iteration, column]
    assert formulas["AE504"].value == "=-$B$5*Z504"


@settings(max_examples=60, deadline=None)
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


@pytest.mark.parametrize("number", [0.1 + 0.2, 1 / 3, 2 / 3 * 1e-5, 5e-324, 1e22, 123456.7])
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
        .to_excel(tmp_path / "x.xlsx")
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


# The same bytes


def test_dates_in_the_package_are_fixed(made):
    with zipfile.ZipFile(made("two-neuron")) as package:
        assert {info.date_time for info in package.infolist()} == {(2000, 1, 1, 0, 0, 0)}
        core = package.read("docProps/core.xml").decode()
    assert set(re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", core)) == {
        "2000-01-01T00:00:00Z"
    }


# Text


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_text_that_looks_like_a_formula_stays_text(tmp_path, start, kind):
    said = f'{start}HYPERLINK("http://example.com","x")'
    experiment = one_weight(title=said, notes=f"{said}\nsecond line")
    path = experiment.run().to_excel(tmp_path / "x.xlsx", kind)
    book = load_workbook(path)
    for sheet, place in (("Steps", "A1"), ("About", "A1"), ("About", "A3")):
        cell = book[sheet][place]
        assert (cell.value, cell.data_type) == (said, "s")
        assert cell.quotePrefix
    number = book.sheetnames.index("About") + 1
    assert "<f" not in part(path, f"xl/worksheets/sheet{number}.xml")


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
@pytest.mark.parametrize(
    "notation", [{"output": "{start}cmd"}, {"weight": "{start}w"}, {"rename": {"z_o": "{start}z"}}]
)
def test_columns_cannot_be_named_like_formulas(start, notation):
    """Headers go into .csv files too, where nothing marks them as text."""
    named = {
        key: value.replace("{start}", start)
        if isinstance(value, str)
        else {"z_o": value["z_o"].replace("{start}", start)}
        for key, value in notation.items()
    }
    with pytest.raises(bp.ExperimentError, match="a name begins with a letter"):
        one_weight(notation=bp.Notation(**named))


TITLES = [
    "Experiment file",
    "Layout",
    "Made with",
    "<b>&amp;</b> \"quoted\" 'apostrophes'",
    "tab\there",
    "  spaces  ",
    "日本語 e\u0301 😀",
    "_x0041_ _x000D_",
    "line\u2028separator",
    "TRUE",
    "1.5",
    "#NUM!",
]


@pytest.mark.parametrize("text", TITLES)
def test_any_title_and_notes_come_back(tmp_path, text):
    """About holds the experiment file, whatever the words above it are."""
    experiment = one_weight(title=text, notes=f"{text}\n\n{text}\nend")
    path = experiment.run().to_excel(tmp_path / "x.xlsx")
    again = bp.load(path)
    assert (again.title, again.notes) == (experiment.title, experiment.notes)
    assert unescape(load_workbook(path)["Steps"]["A1"].value) == text


def test_text_that_no_cell_can_hold_is_refused():
    for bad in ("a\x07b", "a\uffffb", "a\x1bb"):
        with pytest.raises(bp.ExperimentError, match="cannot stand in a cell"):
            one_weight(title=bad)


# About


def about_texts(path: Path) -> list[list[str]]:
    rows = load_workbook(path)["About"].iter_rows(values_only=True)
    return [[cell for cell in row if cell is not None] for row in rows]


def test_about_has_title_notes_and_version(made):
    said = about_texts(made("two-neuron"))
    experiment = bp.load("two-neuron")
    assert said[0] == [experiment.title]
    for line in experiment.notes.strip().splitlines():
        assert [line] in said
    assert ["Version", f"bpsheet {bp.__version__}"] in said


def test_about_tells_each_column_with_its_formula(made, traced, kind):
    said = {row[1]: row for row in about_texts(made("book-xor", kind)) if len(row) >= 4}
    layout = layout_of(traced("book-xor"), kind)
    for shown in layout.shown:
        letter, _, _, meaning, *formula = said[shown.column.name]
        assert letter == shown.letter
        assert len(meaning) > 5
        assert bool(formula) == (shown.column.formula is not None)


def test_about_tells_which_cells_may_be_changed(made):
    text = "\n".join(" ".join(row) for row in about_texts(made("iris", "full", 40)))
    assert "lr (B5), batch size (D5), reduction (F5)" in text
    assert "First weights on Steps: M8 to AU8." in text


def test_a_workbook_is_made_again_from_itself(made, traced, name, kind):
    rows = SHORTER.get(name)
    trace, again = traced(name, rows), bp.load(made(name, kind, rows))
    ran = again.run()
    assert ran.values.tobytes() == trace.values.tobytes()
    assert (again.title, again.notes, again.hand) == (
        trace.experiment.title,
        trace.experiment.notes,
        trace.experiment.hand,
    )
    assert ran.program == trace.program


def test_comments_of_the_experiment_file_are_kept(made):
    text = bp.load(made("two-neuron")).text
    assert text == (Path(bp.reader.template_path("two-neuron"))).read_text("utf-8")
    assert "# The smallest network with a hidden neuron" in text


def test_an_experiment_built_in_code_is_in_its_workbook(tmp_path, kind):
    trace = one_weight(w=0.1 + 0.2, rate=1 / 3, x=1e-300, y=1e22).run()
    again = bp.load(trace.to_excel(tmp_path / "x.xlsx", kind))
    assert again.run().values.tobytes() == trace.values.tobytes()


def test_data_from_a_csv_file_is_in_the_workbook(tmp_path):
    """The workbook needs the file no longer."""
    (tmp_path / "data.csv").write_text("y,x\n0.30000000000000004,1e-7\n-2,3\n")
    (tmp_path / "net.toml").write_text(
        '[network]\ninputs = ["x"]\ntargets = ["y"]\nloss = "squared_error"\n'
        '[[network.layers]]\nunits = 2\nactivation = "tanh"\n[[network.layers]]\nunits = 1\n'
        '[data]\nfile = "data.csv"\n[training]\nepochs = 3\n[initial]\nseed = 3\n'
    )
    trace = bp.load(tmp_path / "net.toml").run()
    path = trace.to_excel(tmp_path / "net.xlsx")
    (tmp_path / "data.csv").unlink()
    assert bp.load(path).run().values.tobytes() == trace.values.tobytes()


def test_lines_longer_than_a_cell_survive(tmp_path):
    """A cell holds 32,767 characters; the examples of this file stand on one line of more."""
    examples = ", ".join(f"[{n}.123456789012345, {n + 0.5}]" for n in range(5_000))
    (tmp_path / "long.toml").write_text(
        '[network]\ninputs = ["x"]\ntargets = ["y"]\nloss = "squared_error"\n'
        '[[network.layers]]\nunits = 1\nactivation = "tanh"\nweights = [[0.5]]\nbias = [0]\n'
        f"[data]\nexamples = [{examples}]\n[training]\niterations = 5\n"
    )
    experiment = bp.load(tmp_path / "long.toml")
    assert max(map(len, experiment.text.splitlines())) > 100_000
    path = experiment.run().to_excel(tmp_path / "long.xlsx")
    cells = [cell for row in about_texts(path) for cell in row]
    assert max(map(len, cells)) <= 32_767
    assert bp.load(path).text == experiment.text


# The package


def package_names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as package:
        return package.namelist()


def test_every_part_is_valid_xml_and_every_relation_leads_somewhere(made, name, kind):
    with zipfile.ZipFile(made(name, kind, 12)) as package:
        names = package.namelist()
        assert len(names) == len(set(names))
        for entry in names:
            root = ET.fromstring(package.read(entry))
            if entry.endswith(".rels"):
                base = posixpath.dirname(posixpath.dirname(entry))
                for relation in root:
                    target = relation.attrib["Target"]
                    found = posixpath.normpath(posixpath.join("/" + base, target))
                    assert found.lstrip("/") in names


def test_shared_formulas_stay_on_their_sheet(made, name, kind):
    """Excel never shares a formula that looks into another sheet."""
    content = part(made(name, kind, 12), STEPS_PART)
    masters = re.findall(r'<f t="shared" ref="([^"]+)" si="([0-9]+)">([^<]*)</f>', content)
    assert masters
    assert not [text for _, _, text in masters if "!" in text]
    numbers = [number for _, number, _ in masters]
    assert len(numbers) == len(set(numbers))
    assert set(re.findall(r'si="([0-9]+)"/>', content)) <= set(numbers)


def test_shared_formulas_cover_the_cells_that_use_them(made):
    content = part(made("two-neuron", "book"), STEPS_PART)
    areas = dict(
        re.findall(r'<f t="shared" ref="[A-Z]+([0-9]+:[A-Z]+[0-9]+)" si="([0-9]+)"', content)
    )
    assert set(areas) == {
        *(f"9:{letter}504" for letter in "DEFGH"),
        *(f"8:{letter}504" for letter in "IJKLMNOPQRSTUVWXYZ"),
    }


def test_openpyxl_can_load_and_save_it(made, tmp_path, kind):
    """Formulas, notes, styles and names come through."""
    first = load_workbook(made("book-xor", kind, 50))
    first.save(tmp_path / "again.xlsx")
    second = load_workbook(tmp_path / "again.xlsx")
    assert second.sheetnames == first.sheetnames
    for sheet in first:
        for row in sheet.iter_rows():
            for cell in row:
                other = second[sheet.title][cell.coordinate]
                assert (other.value, other.number_format) == (cell.value, cell.number_format)
                assert (other.comment and other.comment.text) == (
                    cell.comment and cell.comment.text
                )


PAGES = ["Walkthrough", "Diagram", "Charts"]


def test_sheets_are_steps_data_and_about_and_three_over_the_rows_of_steps(made):
    """In the layout full; the one that is opened is Steps."""
    book = load_workbook(made("book-xor", "full", 12))
    assert book.sheetnames == ["Steps", "Data", *PAGES, "About"]
    assert book.active.title == "Steps"
    assert load_workbook(made("book-xor", "book", 12)).sheetnames == ["Steps", "About"]


@pytest.mark.parametrize(
    ("name", "iterations", "sheets"),
    [
        ("formula", 1, ["Walkthrough", "Charts"]),  # no layers
        pytest.param("digits", 1, ["Charts"], marks=pytest.mark.slow),  # too wide
        ("two-neuron", 2_000, PAGES),
        ("two-neuron", 2_001, ["Walkthrough", "Diagram"]),  # too many points
    ],
)
def test_what_does_not_fit_is_left_out(tmp_path, traced, name, iterations, sheets):
    path = traced(name, iterations).to_excel(tmp_path / "x.xlsx")
    assert load_workbook(path).sheetnames == ["Steps", "Data", *sheets, "About"]


def test_a_run_that_is_long_has_no_sheets_over_its_rows(tmp_path, traced, monkeypatch):
    """However it is written: from memory, or piece by piece."""
    trace = traced("two-neuron", 40)
    monkeypatch.setattr("bpsheet.workbook.pages.IN_MEMORY", 1_000)
    assert trace.to_excel(tmp_path / "a.xlsx").read_bytes() == (
        trace.experiment.write(tmp_path / "b.xlsx", 40).read_bytes()
    )
    assert load_workbook(tmp_path / "a.xlsx").sheetnames == ["Steps", "Data", "About"]


def test_no_picture_is_made_unless_one_is_asked_for(tmp_path):
    """A network too large for cells has no Diagram by default; matplotlib is slow to import."""
    network = bp.Network(
        inputs=["x"],
        targets=["y"],
        loss="squared_error",
        layers=[bp.Layer(units=20), bp.Layer(units=1)],
    )
    experiment = bp.Experiment(
        network=network, data=bp.Data(examples=[[1, 1]]), training=bp.Training(iterations=2)
    )
    path = experiment.run().to_excel(tmp_path / "x.xlsx")
    assert load_workbook(path).sheetnames == ["Steps", "Data", "Walkthrough", "Charts", "About"]


def test_the_sheets_by_default_are_those_that_are_asked_for(tmp_path, traced):
    trace = traced("book-xor", 12)
    asked = trace.to_excel(tmp_path / "a.xlsx", sheets=["charts", "diagram", "walkthrough"])
    assert asked.read_bytes() == trace.to_excel(tmp_path / "b.xlsx").read_bytes()
    none = trace.to_excel(tmp_path / "c.xlsx", sheets=[])
    assert load_workbook(none).sheetnames == ["Steps", "Data", "About"]


def test_calculation_is_asked_for_when_it_is_opened(made):
    """A spreadsheet then shows its own numbers, not only ours."""
    assert load_workbook(made("two-neuron", "full", 12)).calculation.fullCalcOnLoad


# Looks


@pytest.fixture(scope="module")
def books(made):
    return {kind: load_workbook(made("iris", kind, 40)) for kind in KINDS}


def is_input(cell) -> bool:
    return (cell.font.color is not None and cell.font.color.rgb == "000000FF") and (
        cell.fill.fill_type == "solid"
    )


def test_input_cells_look_like_input_cells_and_no_others_do(books, kind):
    """Typed numbers are blue on a pale fill; the first iteration's number is not for changing."""
    sheet = books[kind]["Steps"]
    for row in sheet.iter_rows(min_row=8, max_row=40):
        for cell in row:
            typed = cell.data_type != "f" and cell.value is not None
            counted = sheet.cell(7, cell.column).value == "iteration"
            assert is_input(cell) == (typed and not counted)
    for place in ("B5", "D5", "F5"):
        assert is_input(sheet[place])


def test_data_cells_look_like_input_cells(books):
    sheet = books["full"]["Data"]
    assert sheet.dimensions == "A1:H151"
    assert all(is_input(cell) for row in sheet.iter_rows(min_row=2, min_col=2) for cell in row)
    assert not is_input(sheet["A2"])


def test_every_header_has_a_note(made, name, kind):
    sheet = load_workbook(made(name, kind, 12))["Steps"]
    for cell in sheet[7]:
        if cell.value is not None:
            assert cell.comment is not None
            assert len(cell.comment.text) > 10


def test_hyper_parameters_have_a_note(books, kind):
    for place in ("B5", "D5", "F5"):
        assert "Change it, and every row follows." in books[kind]["Steps"][place].comment.text


def test_headers_and_examples_stay_in_view(made):
    assert load_workbook(made("two-neuron", "full", 12))["Steps"].freeze_panes == "G8"


def test_pages_repeat_the_headers(books, kind):
    sheet = books[kind]["Steps"]
    assert sheet.print_title_rows == "$6:$7"
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.print_area.endswith(f"${sheet.max_row}")


def test_bands_name_the_groups_of_columns(made):
    sheet = load_workbook(made("book-xor", "full", 12))["Steps"]
    names = [cell.value for cell in sheet[6] if cell.value]
    assert list(dict.fromkeys(names)) == [
        *("Example", "Weights", "Forward pass", "Backward pass", "Gradient", "Adjustments"),
        "Tests",
    ]
    assert names == sorted(names, key=list(dict.fromkeys(names)).index)


def test_adjustments_are_green_and_red(books, traced, kind):
    sheet = books[kind]["Steps"]
    layout = layout_of(traced("iris", 40), kind)
    moves = [s.letter for s in layout.shown if s.column.role.value == "adjustment"]
    rules = {str(area.sqref): area.rules for area in sheet.conditional_formatting}
    up, down = rules[f"{moves[0]}8:{moves[-1]}47"]
    assert (up.operator, up.formula, up.dxf.font.color.rgb) == ("greaterThan", ["0"], "001B7A3D")
    assert (down.operator, down.formula, down.dxf.font.color.rgb) == ("lessThan", ["0"], "00B42318")


def test_hyper_parameters_have_names_and_are_checked(books, kind):
    book = books[kind]
    places = {"learning_rate": "B5", "batch_size": "D5", "reduction": "F5"}
    for name, place in places.items():
        assert book.defined_names[name].attr_text == f"Steps!${place[0]}$5"
    checks = {str(check.sqref): check for check in book["Steps"].data_validations.dataValidation}
    assert (checks["F5"].type, checks["F5"].formula1) == ("list", '"sum,mean"')
    assert (checks["D5"].type, checks["D5"].formula1) == ("whole", "1")
    assert checks["B5"].type == "decimal"


def test_adjustments_show_their_sign(books):
    sheet = books["full"]["Steps"]
    column = next(cell.column for cell in sheet[7] if str(cell.value).startswith("delta_"))
    assert sheet.cell(20, column).number_format.startswith("+")


# Refusals


@pytest.mark.parametrize("path", ["x.xls", "x", "x.xlsx.txt"])
def test_other_endings_are_refused(tmp_path, path):
    with pytest.raises(bp.OutputError, match=r"ends in \.xlsx"):
        one_weight().run().to_excel(tmp_path / path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_layout_writes_nothing(tmp_path):
    with pytest.raises(bp.OutputError, match="known are full, book"):
        one_weight().run().to_excel(tmp_path / "x.xlsx", layout="tall")
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told(tmp_path):
    from bpsheet.workbook import write_workbook

    told: list[int] = []
    write_workbook(one_weight(iterations=3_000).run(), tmp_path / "x.xlsx", progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 3_000
    assert len(told) > 1
