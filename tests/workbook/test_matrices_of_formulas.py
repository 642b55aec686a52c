"""The sheet Matrices for formulas with vectors and matrices: every quantity is a live block."""

from __future__ import annotations

import re
import zipfile

import ironcalc
import numpy as np
import pytest

import bpsheet as bp
from bpsheet.errors import LimitError
from bpsheet.formula.arrays import largest_across
from bpsheet.formula.tree import Operation, Ref
from bpsheet.pictures.shelves import GraphFrames
from bpsheet.printers.matrices import is_printable
from bpsheet.program.kinds import Phase
from bpsheet.verifying.verify import verify
from bpsheet.workbook.companions.matrices import COMPANION
from bpsheet.workbook.writing import sheets_of
from tests.helpers.graphs import TABLES, graph
from tests.helpers.samples import sampled
from tests.helpers.workbooks import book_of

TRAINING = {
    "plain": {},
    "only some entries": {"only": ["Wq_1_1", "Wk_2_1"]},
    "adam": {"rule": "adam"},
    "batches": {"batch_size": 2, "reduction": "mean"},
    "clipped": {"clip_norm": 0.1, "weight_decay": 0.1},
    "one iteration": {"iterations": 1},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    made = {}

    def write(name):
        if name not in made:
            made[name] = folder / f"{name}.xlsx"
            graph(name).run().to_excel(made[name], "matrix")
        return made[name]

    return write


def frames(name):
    return GraphFrames(graph(name).program()).frames


def numbers_of(frame):
    """The cells that the numbers of a frame take, within its shelf."""
    return {
        (frame.shelf, frame.row, i, frame.column + k)
        for i in range(frame.rows)
        for k in range(frame.columns)
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(TABLES, "attention", "recurrent"))
def test_a_graph_is_right_after_changes_in_ironcalc(name, written):
    report = verify(written(name))
    assert report.passed, [c.wrong[:3] for c in report.comparisons]


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.usefixtures("libreoffice")
def test_a_graph_is_right_after_changes_in_libreoffice(name, written):
    report = verify(written(name), "libreoffice")
    assert report.passed, [c.wrong[:3] for c in report.comparisons]


@pytest.mark.slow
@pytest.mark.parametrize("training", sampled(TRAINING, "adam", "only some entries"))
def test_any_training_is_right_after_changes(training, tmp_path):
    graph("attention", **TRAINING[training]).run().to_excel(tmp_path / "m.xlsx", "matrix")
    report = verify(tmp_path / "m.xlsx")
    assert report.passed, [c.wrong[:3] for c in report.comparisons]


@pytest.mark.slow
def test_the_block_follows_the_iteration_that_is_typed(written):
    """Every number of the fifth iteration, recalculated in ironcalc."""
    trace = graph("attention").run()
    (steps,) = sheets_of(trace, "matrix")
    model = ironcalc.load_from_xlsx(str(written("attention")), "en", "UTC", "en")
    model.update_cell_with_number(0, 3, 2, 5)
    model.evaluate()
    expected = COMPANION.numbers(trace, steps, 5)
    sheet = book_of(written("attention"))["Matrices"]
    found = [model.get_cell_value(0, sheet[at].row, sheet[at].column) for at in expected]
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-12, atol=1e-12)
    assert expected != COMPANION.numbers(trace, steps, 1)


@pytest.mark.parametrize("name", TABLES)
def test_every_quantity_of_an_iteration_has_one_place(name):
    """Whatever is computed; only the counts and an optimiser's memory have none."""
    program = graph(name).program()
    shown = [frame.name for frame in frames(name)]
    expected = {
        q.name for q in program.quantities if q.name not in ("iteration", "epoch", "example")
    }
    assert {name for name in shown if not name.startswith("new ")} == expected
    assert len(shown) == len(set(shown))
    assert {f"new {weight}" for weight in TABLES[name]["parameters"]} < set(shown)


@pytest.mark.parametrize("name", TABLES)
def test_no_number_stands_in_the_place_of_another(name):
    places = [place for frame in frames(name) for place in numbers_of(frame)]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("name", TABLES)
def test_a_derivative_stands_under_its_quantity_and_the_order_is_that_of_computing(name):
    found = {frame.name: frame for frame in frames(name)}
    program = graph(name).program()
    forward = [q for q in program.quantities if q.phase is Phase.FORWARD]
    for quantity in forward:
        derivative = found.get(quantity.adjoint)
        if derivative is not None:
            own = found[quantity.name]
            assert (derivative.shelf, derivative.column) == (own.shelf, own.column)
            assert derivative.row > own.row
    places = [(found[q.name].shelf, found[q.name].column) for q in forward]
    assert places == sorted(places)


def test_the_steps_of_a_sequence_stand_in_the_same_columns_or_side_by_side():
    gates = {frame.name: frame for frame in frames("gates")}
    for stem in ("f", "g", "a", "h"):
        assert len({gates[f"{stem}[{t}]"].column for t in (1, 2, 3)}) == 1
    assert len({gates[f"h[{t}]"].shelf for t in (1, 2, 3)}) == 3
    # A step keeps its numbers and the parts of its softmax.
    assert gates["p2"].shelf >= gates["f[2]"].shelf
    assert gates["a2_exp"].shelf >= gates["f[2]"].shelf
    recurrent = {frame.name: frame for frame in frames("recurrent")}
    columns = [recurrent[f"h[{t}]"].column for t in (0, 1, 2, 3)]
    assert len({recurrent[f"h[{t}]"].shelf for t in (0, 1, 2, 3)}) == 1
    assert len(set(np.diff(columns))) == 1


def formulas_of(path):
    """The formulas of the sheet Matrices by their cells: of arrays, and of single cells."""
    with zipfile.ZipFile(path) as package:
        content = package.read("xl/worksheets/sheet1.xml").decode()
    arrays = dict(re.findall(r'<f t="array" ref="([A-Z0-9:]+)">([^<]*)</f>', content))
    single = dict(re.findall(r'<c r="([A-Z0-9]+)"[^>]*><f>([^<]*)</f>', content))
    return arrays, single


def cell_below(path, label):
    """The first number of the array with this label, in the chosen block."""
    sheet = book_of(path)["Matrices"]
    cell = next(c for row in sheet.iter_rows() for c in row if c.value == label)
    return sheet.cell(cell.row + 2, cell.column).coordinate


def test_what_programs_would_compute_differently_has_a_formula_in_each_cell(written):
    arrays, single = formulas_of(written("attention"))
    starts = {area.partition(":")[0]: text for area, text in arrays.items()}
    assert starts[cell_below(written("attention"), "Q   3 × 2")].startswith("MMULT(")
    assert single[cell_below(written("attention"), "S_exp   3 × 3")].startswith("EXP(")
    assert single[cell_below(written("attention"), "S_max   3 × 1")].startswith("MAX(")
    every = " ".join([*arrays.values(), *single.values()])
    assert not re.search(r"LET|LAMBDA|SEQUENCE|_xlfn|#", every)


def test_a_step_of_a_recurrent_net_is_one_array_formula_that_takes_a_row_of_its_input(written):
    arrays, _ = formulas_of(written("recurrent"))
    starts = {area.partition(":")[0]: text for area, text in arrays.items()}
    text = starts[cell_below(written("recurrent"), "h[2]   2 × 1")]
    assert re.fullmatch(
        r"TANH\(MMULT\(G8:H9,TRANSPOSE\(B9:C9\)\)\+MMULT\(\w+:\w+,\w+:\w+\)\+\w+:\w+\)", text
    )


def test_a_derivative_uses_what_the_forward_pass_has_computed():
    """1 − h² and not 1 − tanh(z)² once more."""
    said = {frame.label: frame.says for frame in frames("recurrent")}
    assert said["dh[1]   2 × 1"] == "Whᵀ·(dh[2] ∘ (1 − h[2]²))"
    attention = {frame.label: frame.says for frame in frames("attention")}
    assert attention["dS_in   3 × 3"] == "dS_exp ∘ S_exp"
    assert attention["dZ   3 × 2"] == "1/6·(2·(Z − T))"


@pytest.mark.parametrize("node", [largest_across(Ref("W")), Operation("unheard of", (Ref("W"),))])
def test_an_operation_that_the_printer_does_not_know_is_no_array_formula(node):
    assert not is_printable(node, {"W": (3, 2)})


@pytest.mark.slow
@pytest.mark.parametrize("label", sampled(["Q   3 × 2", "S_exp   3 × 3"], "S_exp   3 × 3"))
def test_verify_finds_a_changed_formula_of_an_array_and_of_a_cell(label, written, tmp_path):
    at = cell_below(written("attention"), label)
    path = tmp_path / "changed.xlsx"
    with zipfile.ZipFile(written("attention")) as old, zipfile.ZipFile(path, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                text = content.decode()
                changed = re.sub(rf'(<c r="{at}"[^>]*><f[^>]*>)', r"\g<1>2*", text)
                assert changed != text
                content = changed.encode()
            new.writestr(part, content)
    report = verify(path)
    assert not report.passed
    assert "Matrices!" in report.comparisons[1].wrong[0]


@pytest.mark.slow
def test_an_entry_that_is_never_updated_has_a_dash_for_its_adjustment(tmp_path):
    path = tmp_path / "only.xlsx"
    graph("attention", only=["Wq_1_1"]).run().to_excel(path, "matrix")
    sheet = book_of(path)["Matrices"]
    first = sheet[cell_below(path, "ΔWq   2 × 2")]
    assert [first.offset(i, k).value for i, k in ((0, 1), (1, 0), (1, 1))] == ["–"] * 3
    assert str(first.value).startswith("=")


@pytest.mark.slow
def test_a_block_begins_a_page_and_one_that_is_too_tall_is_broken_between_shelves(tmp_path):
    path = tmp_path / "pages.xlsx"
    # Thirty steps of seven arrays.
    long = graph("gates").replaced(
        graph=bp.Graph(
            **TABLES["gates"]
            | {"inputs": ["x", "y"], "shapes": {"x": [30, 2], "y": [3]}, "repeat": {"t": "1:30"}}
            | {"forward": [line.replace("y[t]", "y[1]") for line in TABLES["gates"]["forward"]]},
            loss="loss",
        ),
        data=bp.Data(examples=[[0.1] * 63]),
    )
    long.replaced(training=bp.Training(learning_rate=0.1, iterations=2)).run().to_excel(
        path, "matrix"
    )
    sheet = book_of(path)["Matrices"]
    breaks = {one.id for one in sheet.row_breaks.brk}
    tops = [c.row for c in sheet["A"] if re.match("Iteration", str(c.value))]
    assert {top - 1 for top in tops} <= breaks
    assert len(breaks) > len(tops)
    for row in breaks - {top - 1 for top in tops}:
        # The titles of a shelf's first line stand two rows below the break.
        assert sheet.cell(row + 3, 1).value in ("given", "forward")


def test_numbers_alone_are_refused(tmp_path):
    with pytest.raises(LimitError, match="numbers only, no vectors and no matrices"):
        bp.load("line-adam").run(iterations=3).to_excel(tmp_path / "m.xlsx", "matrix")
