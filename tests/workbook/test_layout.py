"""Which columns a sheet shows, what their cells say, and what a worksheet cannot hold."""

from __future__ import annotations

import bisect
import itertools

import pytest
from openpyxl.formula.translate import Translator

import bpsheet as bp
from bpsheet.engine import engine
from bpsheet.formula.tree import Call, Mul, Num, Ref, Sum
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program
from bpsheet.workbook.layout import Layout, full_layout, make_layout
from bpsheet.workbook.writing import check_fits, count_formulas, layout_of
from tests.helpers.samples import SAMPLE, sampled, small_templates


def column(name, formula, role=Role.OUTPUT, start=None):
    return Column(name=name, phase=Phase.FORWARD, role=role, formula=formula, start=start)


def hidden(name, formula, start=None):
    """A column that the layout book does not show."""
    return column(name, formula, Role.SUM, start)


START = column("w", Sum((Ref("w", 1), Num(1.0))), Role.WEIGHT, start=2.0)


def laid_out(*columns: Column) -> Layout:
    return make_layout(Program((START, *columns)), 1, "book")


def shown_names(layout: Layout) -> list[str]:
    return [entry.column.name for entry in layout.shown]


# Hidden columns


def test_hidden_column_is_written_into_the_one_formula_that_uses_it():
    layout = laid_out(
        hidden("z", Sum((Num(1.0), Ref("w")))), column("y", Call("tanh", (Ref("z"),)))
    )
    assert shown_names(layout) == ["w", "y"]
    assert layout.formula("y", 9) == "TANH(1+A9)"


def test_hidden_column_in_a_hidden_column_is_written_in_too():
    layout = laid_out(
        hidden("a", Sum((Ref("w"), Num(1.0)))),
        hidden("b", Mul(Ref("a"), Num(2.0))),
        column("y", Call("tanh", (Ref("b"),))),
    )
    assert shown_names(layout) == ["w", "y"]
    assert layout.formula("y", 9) == "TANH((A9+1)*2)"


def test_hidden_column_used_twice_is_shown():
    layout = laid_out(
        hidden("z", Sum((Num(1.0), Ref("w")))),
        column("y", Call("tanh", (Ref("z"),))),
        column("v", Mul(Ref("z"), Ref("y"))),
    )
    assert shown_names(layout) == ["w", "z", "y", "v"]
    assert layout.formula("y", 9) == "TANH(B9)"


def test_hidden_column_used_twice_by_one_formula_is_shown():
    layout = laid_out(hidden("z", Sum((Num(1.0), Ref("w")))), column("y", Mul(Ref("z"), Ref("z"))))
    assert shown_names(layout) == ["w", "z", "y"]


def test_hidden_column_used_in_the_next_row_is_shown():
    layout = laid_out(
        hidden("z", Sum((Num(1.0), Ref("w")))), column("y", Sum((Ref("z"), Ref("z", 1))))
    )
    assert shown_names(layout) == ["w", "z", "y"]
    assert layout.formula("y", 9) == "B9+B8"


def test_hidden_column_used_in_the_next_row_by_a_hidden_one_is_shown():
    layout = laid_out(
        hidden("a", Sum((Num(1.0), Ref("w")))),
        hidden("b", Sum((Ref("w"), Ref("a", 1)))),
        column("y", Call("tanh", (Ref("b"),))),
    )
    assert shown_names(layout) == ["w", "a", "y"]
    assert layout.formula("y", 9) == "TANH(A9+B8)"


def test_hidden_column_that_nothing_uses_is_left_out():
    layout = laid_out(hidden("z", Ref("w")), column("y", Ref("w")))
    assert shown_names(layout) == ["w", "y"]


def test_hidden_column_is_shown_where_the_formula_would_be_too_long():
    long = Sum(tuple(Mul(Num(float(n)), Ref("w")) for n in range(200)))
    short = Sum(tuple(Mul(Num(float(n)), Ref("w")) for n in range(3)))
    for formula, names in ((long, ["w", "z", "y"]), (short, ["w", "y"])):
        layout = laid_out(hidden("z", formula), column("y", Call("tanh", (Ref("z"),))))
        assert shown_names(layout) == names


def test_a_state_that_is_hidden_is_shown_where_it_is_used():
    """Its first value is typed: it cannot be written into a formula."""
    layout = laid_out(
        hidden("s", Sum((Ref("s", 1), Num(1.0))), start=0.0), column("y", Call("tanh", (Ref("s"),)))
    )
    assert shown_names(layout) == ["w", "s", "y"]


@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize("name", sampled(small_templates(), *SAMPLE, "lstm-two-steps"))
def test_formulas_refer_only_to_columns_that_are_shown(traced, name, kind):
    layout = layout_of(traced(name, 10), kind)
    for entry in layout.shown:
        if entry.formula is not None:
            assert layout.formula(entry.column.name, 9)


# The two layouts


def test_columns_of_the_full_layout():
    layout = layout_of(bp.load("two-neuron").run(3), "full")
    assert shown_names(layout) == [
        *("iteration", "epoch", "example", "x1", "x2", "y"),
        *("w_xg0", "w_xg1", "w_xg2", "w_gf0", "w_gf1"),
        *("z_g", "g", "z_f", "f", "MSE"),
        *("MSE'", "f'", "f_error", "g'", "g_error"),
        *(f"dMSE / dw_{weight}" for weight in ("xg0", "xg1", "xg2", "gf0", "gf1")),
        *(f"delta_w_{weight}" for weight in ("xg0", "xg1", "xg2", "gf0", "gf1")),
    ]
    assert [entry.place for entry in layout.shown] == list(range(1, 32))


def test_formulas_of_the_full_layout():
    layout = layout_of(bp.load("two-neuron").run(3), "full")
    expected = {
        "iteration": "A8+1",
        "epoch": "INT((A9-1)/1)+1",
        "example": "MOD(A9-1,1)+1",
        "x1": "INDEX(Data!$B$2:$B$3,C9)",
        "y": "INDEX(Data!$D$2:$D$3,C9)",
        "w_xg0": "G8+AA8",
        "z_g": "1*G9+D9*H9+E9*I9",
        "g": "TANH(L9)",
        "f": "IF(N9<-709,0,1/(1+EXP(-N9)))",
        "MSE": "0.5*(F9-O9)^2",
        "delta_w_gf1": "-$B$5*Z9",
    }
    assert {name: layout.formula(name, 9) for name in expected} == expected


def test_batches_add_their_columns_and_cells():
    layout = layout_of(bp.load("matrix-1-2-1").run(10), "full")
    assert shown_names(layout)[:5] == ["iteration", "epoch", "example", "batch_row", "batch_end"]
    assert layout.parameter_cells == {"learning_rate": "B5", "batch_size": "D5", "reduction": "F5"}


@pytest.mark.slow
def test_every_column_but_sums_of_tests_is_in_the_full_layout(traced):
    for name in small_templates():
        trace = traced(name, 10)
        shown = layout_of(trace, "full").by_name
        left_out = {column.role for column in trace.program if column.name not in shown}
        assert left_out <= {Role.TEST_SUM}


def test_unknown_layout_is_refused_with_those_there_are():
    with pytest.raises(bp.OutputError, match='no layout "wide"; known are full, book, matrix'):
        layout_of(bp.load("two-neuron").run(1), "wide")


# Wide layers


def wide(inputs: int, units: int = 1, iterations: int = 2, **layer) -> bp.Experiment:
    return bp.Experiment(
        network=bp.Network(
            inputs=[f"x{n}" for n in range(1, inputs + 1)],
            targets=[f"t{n}" for n in range(1, units + 1)],
            loss="half_squared_error",
            layers=[bp.Layer(units=units, **({"activation": "tanh"} | layer))],
        ),
        data=bp.Data(examples=[[0.5] * (inputs + units)]),
        training=bp.Training(iterations=iterations),
    )


def test_sum_of_a_wide_layer_is_a_sumproduct():
    """16 inputs (D to S) times their weights (V to AK), after the bias (U)."""
    layout = layout_of(wide(16).run(), "full")
    assert layout.formula("z_out", 9) == "1*U9+SUMPRODUCT(D9:S9,V9:AK9)"


def test_sum_of_a_wide_layer_is_a_sumproduct_in_the_book_too():
    """16 inputs (A to P), the target, the bias (R), the weights (S to AH)."""
    layout = layout_of(wide(16).run(), "book")
    assert layout.formula("out", 9) == "TANH(1*R9+SUMPRODUCT(A9:P9,S9:AH9))"


def test_narrow_layers_are_written_out():
    text = layout_of(wide(8).run(), "full").formula("z_out", 9)
    assert text is not None
    assert "SUMPRODUCT" not in text
    assert text.count("*") == 9


# Down the column


@pytest.mark.sample(11)
@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize("name", sampled(small_templates(), *SAMPLE, "lstm-two-steps"))
def test_formulas_are_uniform_down_the_column(traced, name, kind):
    """Filling the second row down gives the formula of every later row."""
    layout = layout_of(traced(name, 10), kind)
    for entry in layout.shown:
        if entry.formula is None:
            continue
        letter = entry.letter
        second = layout.formula(entry.column.name, 9)
        filled = Translator(f"={second}", origin=f"{letter}9").translate_formula(f"{letter}1234")
        assert filled == f"={layout.formula(entry.column.name, 1234)}"
        if not entry.starts_typed:
            first = Translator(f"={second}", origin=f"{letter}9").translate_formula(f"{letter}8")
            assert first == f"={layout.formula(entry.column.name, 8)}"


def test_typed_cells_have_no_formula():
    layout = layout_of(bp.load("two-neuron").run(3), "full")
    assert layout.formula("w_xg0", 8) is None
    assert layout.formula("w_xg0", 9) == "G8+AA8"
    assert layout.formula("nothing", 9) is None


@pytest.mark.parametrize("kind", ["full", "book"])
def test_formulas_are_counted_as_they_are_written(made, traced, kind):
    from openpyxl import load_workbook

    sheet = load_workbook(made("book-perceptron", kind))["Steps"]
    live = sum(cell.data_type == "f" for row in sheet.iter_rows(min_row=8) for cell in row)
    assert count_formulas(layout_of(traced("book-perceptron"), kind), 20) == live


# Limits


@pytest.fixture
def never_runs(monkeypatch):
    def run(*_arguments, **_named):
        pytest.fail("it ran before it was refused")

    monkeypatch.setattr(engine, "run", run)


@pytest.mark.slow
@pytest.mark.usefixtures("never_runs")
@pytest.mark.parametrize("kind", sampled(["full", "book"], "full"))
def test_too_many_columns_are_refused_before_the_run(kind):
    with pytest.raises(bp.LimitError, match=r"^1[0-9],[0-9]{3} columns; a worksheet holds 16,384"):
        check_fits(wide(75, 75), kind)


@pytest.mark.usefixtures("never_runs")
@pytest.mark.parametrize("kind", sampled(["full", "book"], "book"))
def test_too_long_a_formula_is_refused_before_the_run(kind):
    product = "*".join(f"(z+{n})" for n in range(1, 50))
    with pytest.raises(
        bp.LimitError, match=r"the formula of .+ has [0-9,]+ characters; a cell holds 8,192"
    ):
        check_fits(wide(1, activation=product), kind)


def test_a_formula_is_refused_from_the_first_character_too_many():
    """What spares most formulas from being printed for this lets none through."""

    def with_terms(count: int) -> Layout:
        terms = [Mul(Num(n + 0.5), Ref("w")) for n in range(count)]
        return laid_out(column("y", Sum(tuple(terms))))

    def length(count: int) -> int:
        return len(with_terms(count).formula("y", 1_048_576) or "")

    most = bisect.bisect_right(range(1_000), 8_192, key=length) - 1
    assert 8_150 < length(most) <= 8_192 < length(most + 1)
    with_terms(most).check()
    with pytest.raises(bp.LimitError, match="the formula of y has 8,"):
        with_terms(most + 1).check()


@pytest.mark.usefixtures("never_runs")
def test_too_deep_a_formula_is_refused_before_the_run():
    """A spreadsheet opens no formula of more than 64 nested functions."""
    deep = "z"
    for _ in range(65):
        deep = f"abs({deep})"
    with pytest.raises(bp.BpsheetError, match=r"nested|deep|levels"):
        check_fits(wide(1, activation=deep), "full")


def test_limits_hold_for_the_data_sheet_too():
    layout = make_layout(bp.load("two-neuron").program(), 1_048_576, "full")
    with pytest.raises(bp.LimitError, match="1,048,576 examples; a worksheet holds 1,048,575"):
        layout.check(10)
    make_layout(bp.load("two-neuron").program(), 1_048_575, "full").check(10)


def test_nothing_is_written_where_a_worksheet_cannot_hold_it(tmp_path, monkeypatch):
    monkeypatch.setattr("bpsheet.workbook.layout.MAX_COLUMNS", 30)
    trace = wide(3, 3).run()
    with pytest.raises(bp.LimitError, match="columns; a worksheet holds 30"):
        trace.to_excel(tmp_path / "wide.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_one_column_stays_in_view_or_a_short_example_in_the_book():
    """So a phone has room for others."""
    assert [layout_of(wide(n).run(), "full").frozen for n in (2, 20)] == [1, 1]
    assert [layout_of(wide(n).run(), "book").frozen for n in (2, 3)] == [3, 0]


def test_full_and_book_show_the_same_rows_of_weights(traced):
    """A layout chooses columns; what they say of each other is the same program."""
    trace = traced("book-xor", 10)
    full, book = (layout_of(trace, kind) for kind in ("full", "book"))
    common = [name for name in shown_names(full) if name in book.by_name]
    assert common == shown_names(book)
    assert full.program is book.program
    assert all(a.place < b.place for a, b in itertools.pairwise(full.shown))
    assert full_layout(trace.program, 4).by_name.keys() == full.by_name.keys()


def test_the_full_layout_repeats_a_long_argument_for_the_safe_form():
    """Without a run that shows whether it is needed, as in the sheets that check a gradient."""
    program = wide(2, activation="logistic(2*z + 1)").program()
    name = next(column.name for column in program if column.role is Role.OUTPUT)
    full, book = (make_layout(program, 1, kind).formula(name, 9) for kind in ("full", "book"))
    assert full.startswith("IF(")
    assert "IF(" not in book
