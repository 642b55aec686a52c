"""Text in a workbook, and the sheet About: a workbook can be made again from itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

import bpsheet as bp
from bpsheet.plan.templates import template_path
from bpsheet.workbook.writing import layout_of
from tests.helpers.samples import sampled
from tests.helpers.workbooks import SHORTER, WORKBOOKS, one_weight, part


@pytest.mark.sample(3)
@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_text_that_looks_like_a_formula_stays_text(tmp_path, start, kind):
    said = f'{start}HYPERLINK("http://example.com","x")'
    experiment = one_weight(title=said, notes=f"{said}\nsecond line")
    path = experiment.run().to_excel(tmp_path / "x.xlsx", kind, [])
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


@pytest.mark.sample(2)
@pytest.mark.parametrize("text", sampled(TITLES, *TITLES[:8:2]))
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


def about_texts(path: Path) -> list[list[str]]:
    book = load_workbook(path, read_only=True)
    rows = book["About"].iter_rows(values_only=True)
    found = [[cell for cell in row if cell is not None] for row in rows]
    book.close()
    return found


def test_about_has_title_notes_and_version(made):
    said = about_texts(made("two-neuron", "full", 12))
    experiment = bp.load("two-neuron")
    assert said[0] == [experiment.title]
    for line in experiment.notes.strip().splitlines():
        assert [line] in said
    assert ["Version", f"bpsheet {bp.__version__}"] in said


def test_about_tells_each_column_with_its_formula(made, traced, kind):
    said = {row[1]: row for row in about_texts(made("book-xor", kind, 12)) if len(row) >= 4}
    layout = layout_of(traced("book-xor", 12), kind)
    for shown in layout.shown:
        letter, _, _, meaning, *formula = said[shown.column.name]
        assert letter == shown.letter
        assert len(meaning) > 5
        assert bool(formula) == (shown.column.formula is not None)


@pytest.mark.slow
def test_a_gap_parts_the_words_from_the_formulas(made):
    """Words may fill their column to its end."""
    sheet = load_workbook(made("two-neuron", "full", 12))["About"]
    formulas = [cell for cell in sheet["E"] if cell.value]
    assert formulas[0].value == "Formula"
    assert {(cell.alignment.horizontal, cell.alignment.indent) for cell in formulas} == {
        ("left", 1)
    }


@pytest.mark.slow
def test_about_tells_which_cells_may_be_changed(made):
    text = "\n".join(" ".join(row) for row in about_texts(made("iris", "full", 12)))
    assert "lr (B5), batch size (D5), reduction (F5)" in text
    assert "First weights on Steps: M8 to AU8." in text


@pytest.mark.sample(2)
@pytest.mark.parametrize(("name", "kind"), WORKBOOKS)
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


@pytest.mark.slow
def test_comments_of_the_experiment_file_are_kept(made):
    text = bp.load(made("two-neuron")).text
    assert text == (Path(template_path("two-neuron"))).read_text("utf-8")
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


@pytest.mark.slow
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
