"""The sheet Diagram of layers of other kinds and of formulas: a box of cells for each array."""

from __future__ import annotations

import math
from dataclasses import dataclass

import ironcalc
import pytest
from openpyxl.utils.cell import get_column_letter as letter

import bpsheet as bp
from bpsheet.formula.tree import references
from bpsheet.program.kinds import Phase
from bpsheet.verifying.verify import verify
from tests.helpers.samples import sampled
from tests.helpers.workbooks import book_of

NAMES = [
    *("attention", "lstm-two-steps", "rnn", "cnn-3x3", "batch-norm", "transformer-block"),
    *("line-adam", "formula"),
]
SOME = ("lstm-two-steps", "line-adam")
CENTRED = "centerContinuous"


@dataclass
class Box:
    """What somebody reads in a box: where it stands, its formula, and its numbers by their words."""

    row: int
    columns: range
    formula: str
    numbers: dict[str, list[list[object]]]
    last_row: int


@pytest.fixture(scope="module")
def written(tmp_path_factory, traced):
    folder = tmp_path_factory.mktemp("arrays")

    def write(name, rows=12):
        path = folder / f"{name}-{rows}.xlsx"
        return path if path.exists() else traced(name, rows).to_excel(path, sheets=["diagram"])

    return write


def boxes(path, cell):
    """The boxes of the sheet by the names of their arrays; `cell` gives what a cell shows."""
    sheet = book_of(path)["Diagram"]
    found = {}
    for head in (c for row in sheet.iter_rows(min_row=7) for c in row if c.value is not None):
        if head.alignment.horizontal != CENTRED or not head.font.b:
            continue
        end = head.column
        while sheet.cell(head.row, end + 1).alignment.horizontal == CENTRED:
            end += 1
        columns, row, formula = range(head.column, end + 1), head.row + 1, ""
        if sheet.cell(row, head.column).alignment.horizontal == CENTRED:
            formula, row = sheet.cell(row, head.column).value, row + 1
        numbers, word = {}, None
        while True:
            word = sheet.cell(row, head.column).value or word
            line = [c for c in columns[1:] if sheet.cell(row, c).value is not None]
            numbers.setdefault(word, []).append([cell(row, c) for c in line])
            bottom = sheet.cell(row, head.column).border.bottom
            if bottom is not None and bottom.style:
                break
            row += 1
        name = head.value.split("   ")[0]
        assert name not in found
        found[name] = Box(head.row, columns, formula, numbers, row)
    return found


def stored(path):
    sheet = book_of(path, data_only=True)["Diagram"]
    return lambda row, column: sheet.cell(row, column).value


def at_iteration(path, iteration):
    """The cells in another engine, after an iteration was typed."""
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    number = book_of(path).sheetnames.index("Diagram")
    model.update_cell_with_number(number, 3, 2, iteration)
    model.evaluate()
    return lambda row, column: model.get_cell_value(number, row, column)


def assert_shows(found, trace, iteration):
    """Every quantity of the forward pass and what it uses, with derivatives and adjustments."""
    program = trace.program
    row = dict(zip(program.names, trace.values[iteration - 1].tolist(), strict=True))
    wanted = {q.name: q for q in program.quantities if q.phase is Phase.FORWARD}
    assert set(wanted) <= set(found)
    for quantity in program.quantities:
        if quantity.name not in found:
            continue
        numbers = {word.rstrip("s"): lines for word, lines in found[quantity.name].numbers.items()}
        names = [column.name for column in quantity.columns.ravel()]
        groups = {"value": names}
        if quantity.phase is Phase.WEIGHT:
            groups["adjustment"] = [program.adjustment_of(name) for name in names]
        elif all(program.derivative_of(name) for name in names):
            groups["derivative"] = [program.derivative_of(name) for name in names]
        for word, own in groups.items():
            flat = [value for line in numbers.get(word, []) for value in line]
            if word == "derivative" and not flat:
                assert not set(own) & set(row)
                continue
            assert len(flat) == len(own), (quantity.name, word)
            for value, name in zip(flat, own, strict=True):
                if name is None:
                    assert value == "fixed"
                else:
                    assert math.isclose(value, row[name], rel_tol=1e-9, abs_tol=1e-15), name


@pytest.mark.parametrize("name", sampled(NAMES, *SOME))
def test_the_stored_boxes_are_the_first_iteration(traced, written, name):
    path = written(name)
    assert_shows(boxes(path, stored(path)), traced(name, 12), 1)


@pytest.mark.parametrize("name", sampled(NAMES, *SOME))
def test_the_boxes_follow_the_iteration_that_is_typed(traced, written, name):
    path = written(name)
    last = len(traced(name, 12).recording)
    assert_shows(boxes(path, at_iteration(path, last)), traced(name, 12), last)


@pytest.mark.parametrize("name", sampled(NAMES, *SOME))
def test_what_a_formula_uses_stands_above_its_box(traced, written, name):
    found = boxes(written(name), stored(written(name)))
    quantities = {q.name: q for q in traced(name, 12).program.quantities}
    for own, box in found.items():
        for other, above in found.items():
            if own != other and uses(quantities[own], quantities[other]):
                assert above.last_row < box.row, (own, other)
                assert box.formula


def uses(quantity, other):
    """Whether a column of the one refers to a column of the other in the same iteration."""
    names = {column.name for column in other.columns.ravel()}
    formulas = [c.formula for c in quantity.columns.ravel() if c.formula is not None]
    return any(not r.lag and r.name in names for f in formulas for r in references(f))


@pytest.mark.parametrize("name", sampled(NAMES, *SOME))
def test_no_text_is_cut_and_no_box_touches_another(written, name):
    """Names and formulas fit into their boxes; an arrow stands above each formula."""
    path = written(name)
    sheet, found = book_of(path)["Diagram"], boxes(path, stored(path))
    taken = {}
    for own, box in found.items():
        room = sum(sheet.column_dimensions[letter(c)].width for c in box.columns)
        assert len(box.formula) < room
        assert len(sheet.cell(box.row, box.columns[0]).value) < room
        arrow = sheet.cell(box.row - 1, box.columns[0]).value
        assert arrow == ("\u2193" if box.formula else None)
        for row in range(box.row - 1, box.last_row + 1):
            for column in range(box.columns[0] - 1, box.columns[-1] + 1):
                assert taken.setdefault((row, column), own) == own


@pytest.mark.parametrize("name", sampled([n for n in NAMES if n != "formula"], *SOME))
def test_the_adjustments_of_a_box_are_one_area_on_the_scale_of_colours(written, name):
    path = written(name)
    sheet, found = book_of(path)["Diagram"], boxes(path, stored(path))
    (scaled,) = sheet.conditional_formatting
    wanted = set()
    for box in found.values():
        for word, lines in box.numbers.items():
            if word.startswith("adjustment"):
                first, last = box.columns[-1] - len(lines[0]) + 1, box.columns[-1]
                top = box.last_row - len(lines) + 1
                wanted.add(f"{letter(first)}{top}:{letter(last)}{box.last_row}")
    assert {str(area) for area in scaled.sqref.ranges} == {
        area if (ends := area.split(":"))[0] != ends[1] else ends[0] for area in wanted
    }


def test_a_page_ends_between_boxes(written):
    path = written("transformer-block", rows=2)
    sheet, found = book_of(path)["Diagram"], boxes(path, stored(path))
    ends = [page.id for page in sheet.row_breaks.brk]
    assert ends
    for box in found.values():
        assert not any(box.row <= end < box.last_row for end in ends)


def test_it_is_there_by_default_and_needs_no_matplotlib(tmp_path, traced, monkeypatch):
    monkeypatch.setattr("bpsheet.pictures.matplot.find_spec", lambda _name: None)
    path = traced("line-adam", 12).to_excel(tmp_path / "x.xlsx")
    assert "Diagram" in book_of(path).sheetnames
    assert verify(path).passed


def test_an_array_of_many_numbers_is_named_without_them(tmp_path):
    """More arrays than anybody sees at once are a picture again."""
    graph = bp.Graph(
        inputs=["x"], shapes={"x": [9]}, parameters={"w": 0.5}, forward=["e = sum(w*x)"], loss="e"
    )
    data, once = bp.Data(examples=[list(range(9))]), bp.Training(iterations=1)
    run = bp.Experiment(graph=graph, data=data, training=once).run()
    path = run.to_excel(tmp_path / "x.xlsx", sheets=["diagram"])
    found = boxes(path, stored(path))
    assert found["x"].numbers == {"numbers on Steps": [[]]}
    assert found["e"].numbers["value"] == [[18.0]]


def test_a_weight_that_stands_still_is_called_fixed(tmp_path):
    experiment = bp.load("line-adam")
    training = experiment.training.replaced(freeze=["a"])
    run = experiment.replaced(training=training).run(3)
    found = boxes(path := run.to_excel(tmp_path / "x.xlsx", sheets=["diagram"]), stored(path))
    assert found["a"].numbers["adjustment"] == [["fixed"]]
    assert_shows(found, run, 1)


def test_where_no_weight_moves_nothing_is_said_of_adjustments(written):
    moving, still = (
        book_of(written(name))["Diagram"]["A4"].value for name in ("line-adam", "formula")
    )
    assert "Adjustments" in moving
    assert still is None
