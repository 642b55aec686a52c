"""The sheet Diagram: the network in cells, at the iteration that is chosen; or its picture."""

from __future__ import annotations

import math
import zipfile
from itertools import pairwise

import ironcalc
import pytest
from openpyxl.utils.cell import get_column_letter

import bpsheet as bp
from bpsheet.program.kinds import Phase
from bpsheet.verifying.verify import verify
from bpsheet.workbook import layout
from tests.helpers.networks import random_network
from tests.helpers.samples import sampled
from tests.helpers.workbooks import book_of

NAMES = [
    *("two-neuron", "book-xor", "two-hidden-layers", "book-perceptron"),
    *("multiway-classification", "n-samples", "matrix-1-2-1", "iris"),
]
SOME = ("two-hidden-layers", "book-perceptron", "n-samples")
BAND_ROW = 6


def network(*layers):
    return bp.Experiment(
        title="Made for a test",
        network=bp.Network(
            inputs=["x"], targets=["y"], loss="half_squared_error", layers=list(layers)
        ),
        data=bp.Data(examples=[[0.5, 1.0]]),
        training=bp.Training(iterations=3),
    )


@pytest.fixture(scope="module")
def wide():
    """Twenty neurons in a layer: too many for cells, few enough for a picture."""
    return network(bp.Layer(units=20), bp.Layer(units=1)).run()


@pytest.fixture(scope="module")
def written(tmp_path_factory, traced):
    folder = tmp_path_factory.mktemp("diagrams")

    def write(name, kind="full"):
        path = folder / f"{name}-{kind}.xlsx"
        if not path.exists():
            sheets = ["walkthrough", "diagram"] if kind == "full" else ["diagram"]
            traced(name, 40).to_excel(path, kind, sheets)
        return path

    return write


def stored(path):
    sheet = book_of(path, data_only=True)["Diagram"]
    return lambda row, column: sheet.cell(row, column).value


def recalculated(path, cells):
    """In another engine, with other numbers in cells: {("Walkthrough", "B3"): 17}."""
    book = book_of(path)
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    for (sheet, place), value in cells.items():
        cell = book[sheet][place]
        number = book.sheetnames.index(sheet)
        model.update_cell_with_number(number, cell.row, cell.column, value)
    model.evaluate()
    number = book.sheetnames.index("Diagram")
    return lambda row, column: model.get_cell_value(number, row, column)


def seen(path, cell):
    """What somebody who looks at the sheet reads, by its kind and name."""
    sheet = book_of(path)["Diagram"]
    found = {}
    for column in range(1, sheet.max_column + 1):
        title, box = sheet.cell(BAND_ROW, column).value, None
        for row in range(BAND_ROW + 1, sheet.max_row + 1) if title else ():
            name = sheet.cell(row, column).value
            if name is None:
                continue
            if title == "Weights":
                weight = sheet.cell(row, column + 1).value
                found["weight", weight] = cell(row, column + 2)
                found["adjustment", weight] = cell(row, column + 3)
            elif title in ("Inputs", "Targets", "Loss"):
                found[title, name] = cell(row, column + 1)
            elif sheet.cell(row, column).alignment.horizontal == "centerContinuous":
                box = name
            elif title != "Adjustments":
                found[name, box] = cell(row, column + 1)
    return found


def expected(trace, iteration, heads=None):
    program, model = trace.program, trace.experiment.model
    row = dict(zip(program.names, trace.values[iteration - 1].tolist(), strict=True))
    found = {("Inputs", name): row[name] for name in model.inputs}
    found |= {("Targets", name): row[name] for name in model.targets}
    found |= {("Loss", model.loss): row[model.loss]} if model.loss else {}
    for layer in model.layers:
        for index, neuron in enumerate(layer.neurons):
            total, error = layer.sums[index], program[layer.sums[index]].adjoint_name
            if heads is None or total in heads:
                found["sum", neuron] = row[total]
            found["output", neuron] = row[layer.outputs[index]]
            if error in row:
                found["error term", neuron] = row[error]
            for weight in layer.of_neuron(index):
                found["weight", weight] = row[weight]
                moved = trace.experiment.notation.name("adjustment", weight=weight)
                found["adjustment", weight] = row.get(moved, "fixed")
    return found


def assert_same(found, wanted):
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        if isinstance(value, str):
            assert found[key] == value, key
        else:
            assert math.isclose(found[key], value, rel_tol=1e-9, abs_tol=1e-15), key


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(NAMES, *SOME))
@pytest.mark.parametrize("kind", sampled(["full", "book"], "full"))
def test_the_stored_sheet_is_the_first_iteration(traced, written, name, kind):
    """Every weight, adjustment, output and error term; sums where the layout has them."""
    path = written(name, kind)
    heads = [cell.value for cell in book_of(path)["Steps"][7]]
    assert_same(seen(path, stored(path)), expected(traced(name, 40), 1, heads))


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", sampled(NAMES, *SOME))
@pytest.mark.parametrize("iteration", sampled([2, 17, 40], 17))
def test_it_follows_the_iteration_chosen_on_walkthrough(traced, written, name, iteration):
    path = written(name)
    cell = recalculated(path, {("Walkthrough", "B3"): iteration})
    assert cell(3, 2) == iteration
    assert_same(seen(path, cell), expected(traced(name, 40), iteration))


def test_without_walkthrough_it_has_a_cell_of_its_own(traced, written):
    path = written("book-xor", "book")
    sheet = book_of(path)["Diagram"]
    assert sheet["B3"].value == 1
    (choice,) = sheet.data_validations.dataValidation
    assert (str(choice.sqref), choice.formula1, choice.formula2) == ("B3", "1", "40")
    found = seen(path, recalculated(path, {("Diagram", "B3"): 23}))
    assert_same(found, expected(traced("book-xor", 40), 23, heads=[]))


def test_it_follows_a_changed_weight(traced, written):
    path = written("two-neuron")
    place = book_of(path)["Steps"]
    (letter,) = [cell.column_letter for cell in place[7] if cell.value == "w_xg1"]
    cell = recalculated(path, {("Steps", f"{letter}8"): 0.9, ("Walkthrough", "B3"): 30})
    changed = traced("two-neuron").experiment.changed({"w_xg1": 0.9}).run(40)
    assert_same(seen(path, cell), expected(changed, 30))


@pytest.mark.slow
def test_the_network_is_read_from_left_to_right(written):
    sheet = book_of(written("two-hidden-layers"))["Diagram"]
    assert [cell.value for cell in sheet[BAND_ROW] if cell.value] == [
        "Inputs",
        *("Weights", "Adjustments", "Layer 1"),
        *("Weights", "Adjustments", "Layer 2"),
        *("Weights", "Adjustments", "Output layer"),
        "Targets",
        "Loss",
    ]


@pytest.mark.parametrize("name", sampled(NAMES, *SOME))
def test_no_two_boxes_touch(written, name):
    """Between the weights of two neurons a line is free, and so between two neurons."""
    sheet = book_of(written(name))["Diagram"]
    for column in range(1, sheet.max_column + 1):
        cells = [sheet.cell(row, column) for row in range(BAND_ROW + 1, sheet.max_row + 1)]
        for above, below in pairwise(cells):
            ends = bool(above.border.bottom and above.border.bottom.style)
            begins = bool(below.border.top and below.border.top.style)
            assert not (ends and begins), below.coordinate


def test_adjustments_are_coloured_by_sign_and_strength_and_signed_for_all(written):
    """Red to green by the same measure in all layers, and the sign is printed."""
    path = written("two-neuron")
    sheet = book_of(path)["Diagram"]
    (area,) = sheet.conditional_formatting
    (rule,) = area.rules
    ends = [(end.type, str(end.val)) for end in rule.colorScale.cfvo]
    assert ends == [
        ("formula", "-MAX($G$3,1E-300)"),
        ("num", "0.0"),
        ("formula", "MAX($G$3,1E-300)"),
    ]
    assert str(area.sqref) == "G8:G12 O8:O12"
    # Four digits of the largest adjustment of each weight.
    assert [sheet[place].number_format for place in ("G9", "G10", "O9")] == [
        "+0.000000;-0.000000;0.000000",
        "+0.000000;-0.000000;0.000000",
        "+0.00000;-0.00000;0.00000",
    ]
    wanted = expected(bp.load("two-neuron").run(40), 9)
    largest = max(abs(value) for key, value in wanted.items() if key[0] == "adjustment")
    assert math.isclose(recalculated(path, {("Walkthrough", "B3"): 9})(3, 7), largest)


def test_a_weight_that_stands_still_is_called_fixed(tmp_path):
    experiment = bp.load("book-xor")
    training = experiment.training.replaced(freeze=["w_n0_1"])
    trace = experiment.replaced(training=training).run(3)
    path = trace.to_excel(tmp_path / "x.xlsx", sheets=["diagram"])
    found = seen(path, stored(path))
    assert found["adjustment", "w_n0_1"] == "fixed"
    assert_same(found, expected(trace, 1))


def test_an_error_is_an_error_in_its_box(tmp_path):
    """Stored: a value of the first iteration that no spreadsheet can hold."""
    layers = (bp.Layer(neurons=[n], activation="linear", weights=[[1e200]]) for n in "ho")
    trace = network(*layers).run()
    path = trace.to_excel(tmp_path / "x.xlsx", sheets=["diagram"])
    found = seen(path, stored(path))
    assert found["sum", "h"] == 5e199
    assert found["sum", "o"] == found["Loss", "loss"] == found["adjustment", "w_h_1"] == "#NUM!"
    assert book_of(path, data_only=True)["Diagram"]["G3"].value == "#NUM!"


@pytest.mark.slow
def test_a_network_too_large_for_cells_is_a_picture(tmp_path, wide):
    """Of the first iteration; the sheet says so, and that it does not follow."""
    path = wide.to_excel(tmp_path / "x.xlsx", sheets=["walkthrough", "diagram"])
    sheet = book_of(path)["Diagram"]
    assert len(sheet._images) == 1
    assert "first iteration" in sheet["A2"].value
    assert "does not follow" in sheet["A2"].value
    assert sheet["B3"].value is None
    with zipfile.ZipFile(path) as package:
        assert package.read("xl/media/image1.png").startswith(b"\x89PNG")
    assert verify(path).passed


@pytest.mark.parametrize("is_wide", sampled([True, False], False))
def test_the_same_bytes(tmp_path, traced, wide, is_wide):
    trace = wide if is_wide else traced("book-xor", 40)
    first, second = (
        trace.to_excel(tmp_path / f"{n}.xlsx", sheets=["diagram"]).read_bytes() for n in "ab"
    )
    assert first == second


def test_what_cannot_be_shown_is_refused(tmp_path, traced, wide, monkeypatch):
    path = tmp_path / "x.xlsx"
    with monkeypatch.context() as patch:
        patch.setattr("bpsheet.pictures.matplot.find_spec", lambda _name: None)
        with pytest.raises(bp.MissingExtraError, match="pictures need matplotlib"):
            wide.to_excel(path, sheets=["diagram"])
    monkeypatch.setattr(layout, "MAX_ROWS", 30)
    with pytest.raises(bp.LimitError, match="Diagram reads a single sheet"):
        traced("two-neuron", 40).to_excel(path, sheets=["diagram"])
    assert not list(tmp_path.iterdir())


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", ["full", "book"])
def test_the_workbook_still_verifies(written, kind):
    assert verify(written("two-neuron", kind)).passed


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "name",
    sampled([*NAMES, "line-adam", "formula"], "two-neuron", "line-adam", "formula"),
)
def test_every_formula_of_the_sheets_recalculates_to_what_it_stores(tmp_path, traced, name):
    """Walkthrough, Diagram and Charts, as they are by default: no error, and the same value."""
    path = traced(name, 40).to_excel(tmp_path / "x.xlsx")
    formulas, stored_values = book_of(path), book_of(path, data_only=True)
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    model.evaluate()
    compared = 0
    for number, sheet in enumerate(formulas.sheetnames):
        if sheet not in ("Walkthrough", "Diagram", "Charts"):
            continue
        for cell in (cell for row in formulas[sheet].iter_rows() for cell in row):
            if cell.data_type != "f":
                continue
            kept = stored_values[sheet][cell.coordinate].value
            found = model.get_cell_value(number, cell.row, cell.column)
            if isinstance(found, str):
                # openpyxl reads an empty text as nothing.
                assert found == (kept or ""), (sheet, cell.coordinate)
            else:
                assert math.isclose(found, kept, rel_tol=1e-9, abs_tol=1e-12), cell.coordinate
            compared += 1
    assert compared > 10


def width_of(sheet, column):
    return sheet.column_dimensions[get_column_letter(column)].width


@pytest.mark.parametrize("seed", sampled(range(40), 7, 31))
def test_no_text_of_the_sheet_is_cut_and_no_box_stands_on_another(tmp_path, seed):
    """Random networks: every weight and neuron stands once, names and numbers have room, and an arrow
    has a column of its own."""
    experiment = random_network(seed)
    path = experiment.run().to_excel(tmp_path / "book.xlsx", "full", ["diagram"])
    sheet, program = book_of(path)["Diagram"], experiment.program()
    if sheet._images:
        # A picture stands below the notes, and nothing stands below its upper edge.
        (picture,) = sheet._images
        assert picture.anchor._from.row >= 3
        assert all(cell.value is None for row in sheet.iter_rows(min_row=4) for cell in row)
        return
    cells = [cell for row in sheet.iter_rows(min_row=BAND_ROW) for cell in row if cell.value]
    texts = [cell for cell in cells if not str(cell.value).startswith("=")]
    names = [cell.value for cell in texts]
    for column in program.phase(Phase.WEIGHT):
        assert names.count(column.name) == 1
    for cell in texts:
        beside = sheet.cell(cell.row, cell.column + 1)
        room = width_of(sheet, cell.column)
        if cell.alignment.horizontal == "centerContinuous" or beside.value is None:
            room += width_of(sheet, cell.column + 1)
        assert len(cell.value) <= room, cell.coordinate
    arrows = [cell for cell in texts if cell.value == "\u2192"]
    neurons = sum(len(layer.neurons) for layer in experiment.model.layers)
    assert len(arrows) == neurons
    for arrow in arrows:
        same = {c.value for c in cells if c.column == arrow.column and c.row > BAND_ROW}
        assert same == {"\u2192"}
    # The heads of neurons, one below the other in a layer, have the lines of a box between them.
    heads = [cell for cell in texts if cell.alignment.horizontal == "centerContinuous"]
    assert len(heads) == neurons
    for one, other in pairwise(sorted(heads, key=lambda cell: (cell.column, cell.row))):
        if one.column == other.column:
            below = [sheet.cell(row, one.column).value for row in range(one.row + 1, other.row)]
            assert "output" in below
