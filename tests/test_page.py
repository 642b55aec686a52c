"""Pages in a real browser: they compute what the trace holds, and show it to everybody."""

from __future__ import annotations

import html
import json
import random
import re

import numpy as np
import pytest
from browser import DESKTOP, PHONE, numbers_of, settled, wait_until
from hypothesis import HealthCheck, given, settings
from samples import sampled, small_templates
from strategies import experiments, graphs

import bpsheet as bp
from bpsheet.errors import OutputError
from bpsheet.explain.numbers import rounded
from bpsheet.explain.page import _equation
from bpsheet.hand.numbers import Written, read_number
from bpsheet.page import page_of, write_page
from bpsheet.program import Phase, Role
from bpsheet.reader import template_names
from bpsheet.seals import sealed

ROWS = 200
# Agreement of two machines' tanh and exp, carried through 200 updates.
CLOSE = 1e-12


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    """Pages of templates, made once."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}

    def write(name):
        if name not in made:
            made[name] = bp.load(name).to_page(folder / f"{name}.html")
        return made[name]

    return write


def largest_difference(values, trace):
    """Relative to each number, or to a thousandth of the largest in its column (or of 1)."""
    expected = trace.values
    assert (np.isnan(values) == np.isnan(expected)).all(), "errors in other cells"
    sizes = np.nan_to_num(np.abs(expected))
    scale = np.maximum(sizes, np.maximum(sizes.max(axis=0), 1) * 1e-3)
    return np.nanmax(np.abs(values - expected) / scale, initial=0.0)


def codes_of(page, rows):
    """The errors of the page's first rows, as a trace keeps them."""
    found = page.evaluate("[...bpsheet.run.codes].map(([row, codes]) => [row, [...codes]])")
    return {row: codes for row, codes in found if row < rows}


def some_changes(experiment):
    """A weight, a hyper-parameter and a number of the data, each moved a little."""
    program = experiment.program()
    weight = program.phase(Phase.WEIGHT)[:1]
    changes = {c.name: round(c.start + 0.125, 6) for c in weight}
    if program.parameters:
        changes["learning_rate"] = round(program.parameters[0].value * 1.25, 9)
    name = next(iter(program.tables))
    changes[f"{name}[1]"] = round(program.tables[name][0] + 0.25, 6)
    return changes


@pytest.mark.parametrize("name", sampled(template_names(), "book-xor", "exploding", "formula"))
def test_a_page_computes_what_the_trace_holds(name, page_file, opened):
    """Every template, 200 iterations, all columns, the kinds of errors too."""
    trace = bp.load(name).run(min(ROWS, bp.load(name).iterations))
    page = opened(page_file(name))
    assert largest_difference(numbers_of(page, len(trace)), trace) <= CLOSE
    recording = trace.recording
    expected = {
        recording.first_error_row + row: codes.tolist()
        for row, codes in enumerate(recording.errors)
        if codes.any()
    }
    assert codes_of(page, len(trace)) == expected


@pytest.mark.parametrize(
    "name", sampled(template_names(), "two-neuron", "line-adam", "multiway-classification")
)
def test_after_edits_it_computes_what_a_changed_experiment_holds(name, page_file, opened):
    experiment = bp.load(name)
    changes = some_changes(experiment)
    rows = min(ROWS, experiment.iterations)
    page = opened(page_file(name))
    page.evaluate("(changes) => { bpsheet.edits.apply(changes); bpsheet.changed(); }", changes)
    values = numbers_of(page, rows)
    assert largest_difference(values, experiment.changed(changes).run(rows)) <= CLOSE
    assert not np.array_equal(values, experiment.run(rows).values, equal_nan=True)


def field(page, name):
    return page.get_by_role("textbox", name=name, exact=True)


def test_numbers_typed_into_the_page_count_at_once(page_file, opened):
    """The fields for a weight, the learning rate and an example; a wrong one leaves the last."""
    page = opened(page_file("two-neuron"))
    field(page, "w_xg1").fill("0.7")
    field(page, "lr").fill("0.25")
    field(page, "x1[1]").fill("−0.5")
    settled(page)
    changes = {"w_xg1": 0.7, "learning_rate": 0.25, "x1[1]": -0.5}
    trace = bp.load("two-neuron").changed(changes).run()
    assert np.array_equal(numbers_of(page, len(trace)), trace.values)
    field(page, "w_xg1").fill("0,9")
    settled(page)
    assert field(page, "w_xg1").get_attribute("aria-invalid") == "true"
    assert np.array_equal(numbers_of(page, len(trace)), trace.values)
    page.get_by_role("button", name="Back to the original").click()
    settled(page)
    first = bp.load("two-neuron").run()
    assert np.array_equal(numbers_of(page, len(first)), first.values)
    assert field(page, "w_xg1").input_value() == "0.6"


def drawn(page, experiment, tmp_path):
    """The page's values of an experiment, by another page's script."""
    path = tmp_path / "drawn.html"
    write_page(experiment, path)
    page.goto(path.as_uri())
    settled(page)
    return numbers_of(page, experiment.iterations)


def check_drawn(experiment, chromium, tmp_path):
    context = chromium.new_context()
    try:
        trace = experiment.run()
        values = drawn(context.new_page(), experiment, tmp_path)
        assert largest_difference(values, trace) <= 1e-9
    finally:
        context.close()


WITH_A_BROWSER = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=3
)


@WITH_A_BROWSER
@given(experiment=experiments())
def test_any_network_computes_in_a_page_what_the_engine_computes(experiment, chromium, tmp_path):
    check_drawn(experiment, chromium, tmp_path)


@WITH_A_BROWSER
@given(experiment=graphs())
def test_any_formulas_compute_in_a_page_what_the_engine_computes(experiment, chromium, tmp_path):
    check_drawn(experiment, chromium, tmp_path)


def text_of_mathml(content):
    return html.unescape(re.sub(r"<[^>]*>", "", content)).replace(" ", "")


def expected_equations(trace, iteration):
    """What an explanation prints, without the words about choices that it makes."""
    for step in trace.explain(iteration).steps:
        if not any(side.reasons for side in step.equation.sides):
            yield step.name, text_of_mathml(_equation(step.equation))


@pytest.mark.parametrize("name", sampled(small_templates(), "two-neuron", "book-xor", "formula"))
def test_the_worked_solution_is_the_one_that_explain_prints(name, page_file, opened):
    """Symbols, numbers put in, results: the same text, for every quantity of two iterations."""
    trace = bp.load(name).run(min(8, bp.load(name).iterations))
    page = opened(page_file(name))
    compared = 0
    for iteration in {1, len(trace)}:
        expected = dict(expected_equations(trace, iteration))
        found = page.evaluate(
            """([names, index]) => {
                bpsheet.run.ensure(index + 1);
                return names.map((name) => {
                    const place = CONTENT.names.indexOf(name.replace(/^new /, ""));
                    return name.startsWith("new ")
                        ? bpsheet.worked.newWeight(place, index)
                        : bpsheet.worked.step(place, index);
                });
            }""",
            [list(expected), iteration - 1],
        )
        for quantity, made in zip(expected, found, strict=True):
            assert text_of_mathml(made) == expected[quantity], quantity
            compared += 1
    assert compared


def test_numbers_are_rounded_as_explain_rounds_them(page_file, opened):
    page = opened(page_file("two-neuron"))
    draw = random.Random(7)
    values = [draw.uniform(-9, 9) * 10.0 ** draw.randint(-9, 9) for _ in range(3000)]
    values += [0.0, 1.0, -2.5, 0.3, 1e-5, 999999.5, 12345678.0, 1e300, 5e-324]
    cases = [(value, draw.randint(1, 9), draw.random() < 0.5) for value in values]
    found = page.evaluate("(cases) => cases.map((each) => rounded(...each))", cases)
    assert found == [rounded(value, digits, given=short) for value, digits, short in cases]


def test_typed_numbers_are_read_and_judged_as_hand_calculations_are(page_file, opened):
    """The same value and unit, and the same word on whether an exact value rounds to it."""
    page = opened(page_file("two-neuron"))
    draw = random.Random(11)
    texts = ["-0.25", " 1.2e-3 ", "−0.5", "1.2×10^-3", ".5", "5.", "0,5", "1_000", "nan", "", "1/3"]
    texts += ["٣.٥", "1e999", "0x10", "+ 3", "--1", "1.2.3", "12e", "1.2e-333"]
    exacts = [draw.uniform(-2, 2) for _ in range(400)]
    texts += [f"{value * draw.choice((1, 1, 1.1)):.{draw.randint(1, 5)}f}" for value in exacts]
    for text in texts:
        exact = draw.choice(exacts)
        value = read_number(text)
        found = page.evaluate(
            "([text, exact]) => { const read = readNumber(text);"
            " return [read.value ?? null, read.unit ?? null,"
            " read.value === undefined ? null : agrees(read, exact)]; }",
            [text, exact],
        )
        if isinstance(value, Written):
            assert found == [value.value, value.unit, value.agrees(exact)], text
        else:
            assert found == [None, None, None], text


def practised(page, answers):
    """Type answers in practice mode; the verdicts by quantity."""
    page.get_by_label("Practice").check()
    settled(page)
    for name, text in answers.items():
        field(page, f"{name} =").fill(text)
    return {
        name: page.locator("p.answer")
        .filter(has=field(page, f"{name} ="))
        .locator(".verdict")
        .inner_text()
        for name in answers
    }


def test_practice_hides_values_and_judges_what_is_typed(page_file, opened):
    """Two-neuron by hand: -0.24 for g is right; f from a wrong g is carried through."""
    page = opened(page_file("two-neuron"))
    answers = {"z_g": "-0.25", "g": "-0.24", "z_f": "-0.5", "f": "0.38", "MSE": "0.5", "MSE'": "x"}
    found = practised(page, answers)
    assert found["z_g"] == "✓ correct"
    assert found["g"] == "✓ correct"
    assert found["z_f"].startswith("✗")
    assert found["f"] == "✓ carried through: it follows from the z_f that you had."
    assert found["MSE"].startswith("✗")
    assert found["MSE'"].startswith("? no number")


def test_practice_shows_no_value_that_was_not_found(page_file, opened):
    """Neither text, picture, table nor chart gives away f, until it is right or asked for."""
    page = opened(page_file("two-neuron"))
    trace = bp.load("two-neuron").run(1)
    page.get_by_label("Practice").check()
    settled(page)
    f = f"{trace.values[0, trace.program.position['f']]:.3g}"
    seen = page.locator("body").inner_text() + page.locator("#picture").inner_html()
    assert f not in seen
    assert page.locator("#chart-section").is_hidden()
    page.locator("p.answer:has(input[aria-label='f =']) button").click()
    settled(page)
    assert f in page.locator("#picture").inner_html()
    assert f in page.locator("#solution").inner_text()


def test_answers_to_other_numbers_are_gone(page_file, opened):
    """After an edit the questions are new ones."""
    page = opened(page_file("two-neuron"))
    assert practised(page, {"z_g": "-0.25"}) == {"z_g": "✓ correct"}
    field(page, "w_xg1").fill("0.7")
    settled(page)
    assert field(page, "z_g =").input_value() == ""
    assert practised(page, {"z_g": "-0.34"}) == {"z_g": "✓ correct"}


def test_too_few_digits_are_right_so_far(page_file, opened):
    page = opened(page_file("two-neuron"))
    assert practised(page, {"g": "-0.2"})["g"].startswith("… right so far")


def test_one_phase_at_a_time_lights_up_forward_backward_and_update(page_file, opened):
    """What comes later is not shown yet; stepping goes on to the next iteration, and back."""
    page = opened(page_file("two-neuron"))
    page.get_by_label("One phase at a time").check()
    seen = []
    for _ in range(4):
        settled(page)
        lit = page.locator(".parts li.lit").inner_text()
        words = page.locator("#picture").inner_html()
        moved = page.locator("#picture .grows.arrow, #picture .shrinks.arrow").count()
        seen.append((page.locator("#iteration").input_value(), lit, "f_error" in words, moved))
        page.get_by_role("button", name="Step").click()
    assert seen == [
        ("1", "Forward", False, 0),
        ("1", "Backward", True, 0),
        ("1", "Update", True, 3),
        ("2", "Forward", False, 0),
    ]
    page.locator("#back").click()
    page.locator("#back").click()
    settled(page)
    assert page.locator("#iteration").input_value() == "1"
    assert page.locator(".parts li.lit").inner_text() == "Update"


def test_keys_slider_and_play_move_through_the_run(page_file, opened):
    page = opened(page_file("two-neuron"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    settled(page)
    assert page.locator("#summary").inner_text().startswith("Iteration 2 presents example 1.")
    page.keyboard.press("End")
    settled(page)
    assert page.locator("#iteration").input_value() == "497"
    assert page.get_by_role("button", name="Step").is_disabled()
    page.locator("#slider").fill("40")
    settled(page)
    assert page.locator("tr.now th").inner_text() == "40"
    page.select_option("#speed", "60")
    page.locator("h1").click()
    page.keyboard.press("Space")
    wait_until(page, "bpsheet.state.iteration > 43")
    page.keyboard.press("Space")
    assert page.locator("#play").get_attribute("aria-pressed") == "false"
    page.locator("#iteration").fill("999999")
    page.locator("#iteration").press("Enter")
    settled(page)
    assert page.locator("#iteration").input_value() == "497"


def test_keys_typed_into_a_field_are_text(page_file, opened):
    page = opened(page_file("two-neuron"))
    field(page, "w_xg1").press("End")
    field(page, "w_xg1").press("ArrowLeft")
    field(page, "w_xg1").press("Space")
    settled(page)
    assert page.locator("#iteration").input_value() == "1"
    assert page.locator("#play").get_attribute("aria-pressed") == "false"


def test_a_chosen_neuron_has_its_own_formulas_alone(page_file, opened):
    page = opened(page_file("two-neuron"))
    page.locator("g.node[aria-label^='f =']").focus()
    page.keyboard.press("Enter")
    settled(page)
    words = page.locator("#solution").inner_text()
    assert "The output of f" in words
    assert "The output of g" not in words
    heads = page.locator("#table thead tr:last-child th").all_inner_texts()
    assert "f_error" in heads
    assert "g_error" not in heads
    page.get_by_role("button", name="Show everything").click()
    settled(page)
    assert "The output of g" in page.locator("#solution").inner_text()


def test_the_table_has_the_numbers_of_the_trace(page_file, opened):
    trace = bp.load("book-xor").run()
    page = opened(page_file("book-xor"))
    page.evaluate("bpsheet.go(625)")
    settled(page)
    heads = page.locator("#table thead tr:last-child th").all_inner_texts()
    cells = page.locator("#table tbody tr:last-child > *").all_inner_texts()
    assert heads == list(trace.program.names)
    for name, cell in zip(heads, cells, strict=True):
        column, value = trace.program[name], trace.values[624, trace.program.position[name]]
        expected = column.labels[int(value)] if column.labels else rounded(value, 5, given=True)
        assert cell == expected, name


def test_the_page_says_what_came_of_the_run(page_file, opened):
    page = opened(page_file("book-xor"))
    assert page.locator("#facts").inner_text() == (
        "At the end, MSE = 0.08011. 4 of 4 tests are right at the end; all are for the first "
        "time at iteration 625."
    )


def test_errors_are_shown_as_a_spreadsheet_shows_them(page_file, opened):
    trace = bp.load("exploding").run()
    page = opened(page_file("exploding"))
    page.evaluate(f"bpsheet.go({trace.first_error.iteration})")
    settled(page)
    assert trace.first_error.error in page.locator("#table tr.now").inner_text()
    assert trace.first_error.error in page.locator("#group-forward").inner_text()


@pytest.mark.parametrize(
    "name", sampled(small_templates(), "book-perceptron", "formula", "line-adam")
)
def test_the_saved_file_makes_the_run_that_the_page_shows(name, page_file, opened, tmp_path):
    """After edits, the file gives an experiment whose run has the page's numbers."""
    experiment = bp.load(name)
    rows = min(20, experiment.iterations)
    page = opened(page_file(name))
    changes = some_changes(experiment)
    page.evaluate("(changes) => { bpsheet.edits.apply(changes); bpsheet.changed(); }", changes)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save the experiment file").click()
    saved = tmp_path / saving.value.suggested_filename
    saving.value.save_as(saved)
    assert saved.name == f"{name}.toml"
    again = bp.load(saved)
    assert again.title == experiment.title
    assert again.iterations == experiment.iterations
    assert np.array_equal(
        again.run(rows).values, experiment.changed(changes).run(rows).values, equal_nan=True
    )
    assert largest_difference(numbers_of(page, rows), again.run(rows)) <= CLOSE


def test_a_link_carries_the_state(page_file, opened):
    """Changed numbers and the iteration, into another page of the same experiment."""
    path = page_file("book-xor")
    page = opened(path)
    field(page, "w_n0_1").fill("0.5")
    page.evaluate("bpsheet.go(17)")
    settled(page)
    address = page.evaluate("bpsheet.address()")
    other = opened(path, fragment=address.partition(".html")[2])
    settled(other)
    assert other.locator("#iteration").input_value() == "17"
    assert field(other, "w_n0_1").input_value() == "0.5"
    assert np.array_equal(numbers_of(other, 50), numbers_of(page, 50))


def test_a_link_that_cannot_be_read_leaves_the_experiment_as_it_was(page_file, opened):
    first = bp.load("two-neuron").run(5)
    for fragment in ("#nonsense", "#eyJpdGVyYXRpb24iOiJ4IiwiY2hhbmdlcyI6eyJ6IjoxfX0"):
        page = opened(page_file("two-neuron"), fragment=fragment)
        settled(page)
        assert "link" in page.locator("#told").inner_text()
        assert np.array_equal(numbers_of(page, 5), first.values)


FAULTS = """async () => {
    const found = await axe.run({ resultTypes: ["violations"] });
    return found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
        .map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`);
}"""


@pytest.fixture(scope="session")
def axe():
    """The script of axe-core, which looks for what keeps people out of a page."""
    from importlib.resources import files

    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("two-neuron", {"viewport": PHONE, "color_scheme": "light"}),
        pytest.param(
            "two-neuron", {"viewport": DESKTOP, "color_scheme": "dark"}, marks=pytest.mark.slow
        ),
        pytest.param(
            "formula", {"viewport": DESKTOP, "color_scheme": "light"}, marks=pytest.mark.slow
        ),
        ("book-xor", {"viewport": PHONE, "color_scheme": "dark"}),
        pytest.param("iris", {"viewport": DESKTOP}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_nobody_is_kept_out(name, window, page_file, opened, axe):
    """axe-core finds no serious fault: at rest, in practice, phase by phase, with a dialog."""
    path = page_file(name)
    page = opened(path, bypass_csp=True, **window)
    page.add_script_tag(content=axe)
    assert page.evaluate(FAULTS) == []
    page.get_by_label("One phase at a time").check()
    page.get_by_label("Practice").check()
    settled(page)
    assert page.evaluate(FAULTS) == []
    page.get_by_role("button", name="Keys").click()
    assert page.evaluate(FAULTS) == []


@pytest.mark.parametrize("width", sampled([320, 390, 768, 1280], 320, 1280))
@pytest.mark.parametrize(
    "name", sampled(["two-neuron", "iris", "line-adam", "book-perceptron"], "two-neuron", "iris")
)
def test_nothing_is_wider_than_the_window(name, width, page_file, opened):
    page = opened(page_file(name), viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_stepping_moves_nothing_but_the_numbers(viewport, page_file, opened):
    """The heads of the sections stay where they are from iteration to iteration."""
    page = opened(page_file("two-neuron"), viewport=viewport)
    places = (
        "[...document.querySelectorAll('h1, h2, #picture svg, .bar')]"
        ".map((part) => Math.round(part.getBoundingClientRect().top + scrollY))"
    )
    before = page.evaluate(places)
    for iteration in (2, 60, 400):
        page.evaluate(f"bpsheet.go({iteration})")
        settled(page)
        assert page.evaluate(places) == before, iteration


def test_text_of_an_experiment_is_never_markup(tmp_path, opened):
    """Titles, notes, names and the file's own marks, whatever is in them."""
    evil = '</script><img src=x onerror=alert(1)> {{notes}} "slot-0" `${alert(2)}` ]]>'
    experiment = bp.Experiment(
        title=evil,
        notes=f"{evil}\n\n=1+1",
        network=bp.Network(
            inputs=["x<b>", "x2"],
            targets=["y&amp;"],
            loss="half_squared_error",
            layers=[bp.Layer(neurons=["o'</math>"], weights=[[0.5, 0.25]])],
        ),
        data=bp.Data(examples=[[2.0, 1.0, 3.0]]),
        training=bp.Training(learning_rate=0.1, iterations=3),
    )
    page = opened(experiment.to_page(tmp_path / "evil.html"))
    assert page.locator("h1").inner_text() == evil.replace("  ", " ")
    assert page.locator("img").count() == 0
    assert page.locator("#group-forward math b").count() == 0
    saved = tmp_path / "saved.toml"
    saved.write_text(page.evaluate("bpsheet.edits.file()"), "utf-8")
    assert bp.load(saved).run().frame.equals(experiment.run().frame)
    assert bp.load(saved).title == evil


def test_on_paper_there_are_no_buttons(page_file, opened):
    page = opened(page_file("two-neuron"))
    page.emulate_media(media="print")
    assert page.locator(".bar").is_hidden()
    assert page.locator("#edits").is_hidden()
    assert page.locator("#solution").is_visible()
    assert page.locator("#solution").evaluate("part => part.scrollHeight - part.clientHeight") <= 1


def test_a_page_is_one_file_of_a_few_hundred_kilobytes():
    """It refers to nothing outside, and the same experiment gives the same bytes."""
    for name in small_templates():
        page = page_of(bp.load(name))
        assert len(page.encode()) < 300_000
        assert not re.search(r"<(link|script|img|iframe)[^>]*(src|href)=", page)
        assert page == page_of(bp.load(name))


def test_a_longer_run_than_a_phone_holds_is_shown_as_far_as_it_can_be(tmp_path, opened):
    """Eight million numbers; the page then says of how many iterations it has the first."""
    page = opened(
        bp.load("two-neuron").changed({"iterations": 300_000}).to_page(tmp_path / "l.html")
    )
    rows = page.evaluate("bpsheet.run.rows")
    assert rows == 8_000_000 // 31
    assert page.locator("#count").inner_text() == f"{rows:,} (of 300,000)"


def test_the_command_writes_a_page(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, said, _ = command("page", "two-neuron", "--set", "w_xg1=0.7", "--iterations", "5")
    assert status == 0
    path = tmp_path / "outputs" / "two-neuron.html"
    assert said.startswith("Wrote outputs/two-neuron.html (")
    content = path.read_text("utf-8")
    assert json.loads(re.search(r"\"iterations\":([0-9]+)", content)[1]) == 5
    made = page_of(bp.load("two-neuron").changed({"w_xg1": 0.7, "iterations": 5}))
    assert content == sealed(made, "html")


def test_a_name_that_is_no_page_is_refused(command, tmp_path):
    status, _, said = command("page", "two-neuron", "-o", str(tmp_path / "page.txt"))
    assert status == 1
    assert "a name that ends in .html expected" in said
    with pytest.raises(OutputError):
        bp.load("two-neuron").to_page(tmp_path / "page.xlsx")
    assert not list(tmp_path.iterdir())


def test_every_column_that_a_node_shows_belongs_to_it():
    """Of a network: an output, its error term, its bias; arrows carry weights between layers."""
    experiment = bp.load("book-xor")
    from bpsheet.page.picture import picture_of

    program = experiment.program()
    picture = picture_of(experiment, program)
    names = program.names
    by_name = {node["name"]: node for node in picture["nodes"]}
    n2 = by_name["n2"]
    assert [names[n2[key]] for key in ("value", "error", "bias", "move")] == [
        *("n2", "n2_error", "w_n2_0", "delta_w_n2_0")
    ]
    assert {program.columns[place].role for place in n2["columns"]} >= {Role.SUM, Role.ERROR}
    weights = [names[arrow[2]] for arrow in picture["arrows"]]
    assert weights == ["w_n0_1", "w_n0_2", "w_n1_1", "w_n1_2", "w_n2_1", "w_n2_2"]
