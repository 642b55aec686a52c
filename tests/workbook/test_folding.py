"""Which columns of Steps are folded, so that the first screen shows what came of each row."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.program.kinds import Phase, Role
from bpsheet.workbook.folding import SCREEN
from tests.helpers.samples import sampled, small_templates
from tests.helpers.workbooks import book_of

# A character of a column's width, in pixels.
PIXELS = 7


def steps_of(traced, tmp_path, name, kind="full"):
    trace = traced(name, 2)
    return trace, book_of(trace.to_excel(tmp_path / f"{name}.xlsx", kind, []))["Steps"]


def dimensions(sheet):
    """Each header with the dimension of its column, which may be set for a run of columns."""
    places = {
        place: dimension
        for dimension in sheet.column_dimensions.values()
        for place in range(dimension.min, dimension.max + 1)
    }
    return {head.value: places[head.column] for head in sheet[7] if head.value is not None}


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "name",
    sampled(
        small_templates(),
        *("two-neuron", "book-xor", "iris", "rnn", "attention", "transformer-block", "cnn-3x3"),
        *("lstm-two-steps", "batch-norm", "autoencoder", "multiway-classification"),
    ),
)
def test_outputs_loss_and_their_derivatives_are_on_the_first_screen(traced, tmp_path, name):
    """The loss, the outputs and the first derivatives begin within 1,250 pixels, none of them folded."""
    trace, sheet = steps_of(traced, tmp_path, name)
    found = dimensions(sheet)
    program = trace.program
    wanted = [c.name for c in program if c.role is Role.LOSS]
    last = program.last_layer
    wanted += [c.name for c in program if last and c.layer == last and c.role is Role.OUTPUT]
    wanted += [c.name for c in program.phase(Phase.BACKWARD)][:1]
    left = 0.0
    for header, column in found.items():
        if header in wanted:
            assert not column.hidden
            assert left * PIXELS < 1250
        left += 0.0 if column.hidden else column.width


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "name", sampled(small_templates(), "attention", "iris", "transformer-block")
)
def test_what_is_folded_unfolds_at_the_column_before_it(traced, tmp_path, name):
    """Folded columns have a level, and a column in view before them that carries the sign."""
    _, sheet = steps_of(traced, tmp_path, name)
    assert sheet.sheet_properties.outlinePr.summaryRight is False
    before = None
    for column in dimensions(sheet).values():
        if column.hidden:
            assert column.outlineLevel == 1
            assert before.hidden or before.collapsed
        before = column
    assert ("folded" in sheet["A3"].value) == any(d.hidden for d in dimensions(sheet).values())


def test_small_networks_and_the_book_have_nothing_folded(traced, tmp_path):
    """All of two neurons is in view; the weights fold when somebody wants it. The book has no levels."""
    _, sheet = steps_of(traced, tmp_path, "two-neuron")
    assert not any(column.hidden for column in dimensions(sheet).values())
    assert dimensions(sheet)["w_xg1"].outlineLevel == 1
    _, sheet = steps_of(traced, tmp_path, "book-xor", "book")
    assert not any(column.outlineLevel for column in dimensions(sheet).values())


@pytest.mark.slow
def test_hyper_parameters_that_can_be_typed_are_in_view(traced, tmp_path):
    _, sheet = steps_of(traced, tmp_path, "iris")
    for place in ("B5", "D5", "F5"):
        assert sheet[place].value is not None
        assert not sheet.column_dimensions[place[0]].hidden


@pytest.mark.slow
def test_a_wide_network_is_printed_on_two_pages_side_by_side(tmp_path):
    """450 weights: they are folded, and so are their gradients and adjustments. The headers repeat."""
    names = [f"x{n}" for n in range(1, 21)]
    experiment = bp.Experiment(
        network=bp.Network(
            inputs=names,
            targets=["t1", "t2"],
            loss="half_squared_error",
            layers=[bp.Layer(units=20, activation="tanh"), bp.Layer(units=2, activation="tanh")],
        ),
        data=bp.Data(examples=[[0.5] * 22]),
        training=bp.Training(iterations=2),
    )
    sheet = book_of(experiment.run().to_excel(tmp_path / "x.xlsx", sheets=[]))["Steps"]
    width = sum(column.width for column in dimensions(sheet).values() if not column.hidden)
    assert len(dimensions(sheet)) > 1300
    assert width < 2 * SCREEN
    assert sheet.page_setup.fitToWidth <= 2
    assert sheet.page_setup.fitToHeight == 0
    assert sheet.print_title_rows == "$6:$7"


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "name", sampled(small_templates(), "lstm-two-steps", "autoencoder", "cnn-3x3", "rnn", "iris")
)
def test_the_name_of_a_group_stands_whole_above_its_columns(traced, tmp_path, name):
    """From each name to the next one or to the end of its group, the columns in view have room for it."""
    _, sheet = steps_of(traced, tmp_path, name)
    columns = list(dimensions(sheet).values())
    fills = [sheet.cell(6, place).fill.start_color.rgb for place in range(1, len(columns) + 1)]
    titles = [sheet.cell(6, place).value for place in range(1, len(columns) + 1)]
    for place, title in enumerate(titles):
        if title is None:
            continue
        assert not columns[place].hidden
        room, after = 0.0, place
        while after < len(columns) and fills[after] == fills[place]:
            if after > place and titles[after]:
                break
            room += 0.0 if columns[after].hidden else columns[after].width
            after += 1
        assert room >= len(title), title


@pytest.mark.slow
def test_of_many_outputs_some_error_terms_stand_on_the_first_screen(tmp_path):
    """A network of 30 inputs and 10 outputs: all outputs, the loss and some error terms are there."""
    inputs = [f"p{number}" for number in range(30)]
    experiment = bp.Experiment(
        network=bp.Network(
            inputs=inputs,
            targets=[f"d{number}" for number in range(10)],
            loss="half_squared_error",
            layers=[bp.Layer(units=10)],
        ),
        data=bp.Data(examples=[[0.5] * 40]),
        training=bp.Training(iterations=2),
    )
    sheet = book_of(experiment.run().to_excel(tmp_path / "wide.xlsx", "full", []))["Steps"]
    program, left, seen = experiment.program(), 0.0, set()
    for header, column in dimensions(sheet).items():
        left += 0.0 if column.hidden else column.width
        if not column.hidden and left <= SCREEN:
            seen.add(header)
    wanted = {c.name for c in program if c.role in (Role.LOSS, Role.OUTPUT)}
    assert wanted <= seen
    assert len({c.name for c in program if c.role is Role.ERROR} & seen) >= 4
