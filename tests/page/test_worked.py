"""The worked solution of a page is the one that `explain` prints."""

from __future__ import annotations

import html
import random
import re

import pytest

import bpsheet as bp
from bpsheet.explain.numbers import rounded
from bpsheet.paper.html import _equation
from bpsheet.program.kinds import Role
from tests.helpers.browser import settled
from tests.helpers.samples import sampled, small_templates


def text_of_mathml(content):
    return html.unescape(re.sub(r"<[^>]*>", "", content)).replace(" ", "")


def expected_equations(trace, iteration):
    """What an explanation prints, without the words about choices that it makes."""
    for step in trace.explain(iteration).steps:
        if not any(side.reasons for side in step.equation.sides):
            yield step.name, text_of_mathml(_equation(step.equation))


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(small_templates(), "book-xor", "formula"))
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


@pytest.mark.slow
def test_numbers_are_rounded_as_explain_rounds_them(page_file, opened):
    page = opened(page_file("two-neuron"))
    draw = random.Random(7)
    values = [draw.uniform(-9, 9) * 10.0 ** draw.randint(-9, 9) for _ in range(3000)]
    values += [0.0, 1.0, -2.5, 0.3, 1e-5, 999999.5, 12345678.0, 1e300, 5e-324]
    cases = [(value, draw.randint(1, 9), draw.random() < 0.5) for value in values]
    found = page.evaluate("(cases) => cases.map((each) => rounded(...each))", cases)
    assert found == [rounded(value, digits, given=short) for value, digits, short in cases]


@pytest.mark.slow
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


def test_every_column_that_a_node_shows_belongs_to_it():
    """Of a network: an output, its error term, its bias; arrows carry weights between layers."""
    from bpsheet.pictures.placement import placement_of

    experiment = bp.load("book-xor")
    program = experiment.program()
    picture = placement_of(experiment, program).as_data()
    names = program.names
    by_name = {node["name"]: node for node in picture["nodes"]}
    n2 = by_name["n2"]
    assert [names[n2[key][0][0]] for key in ("cells", "below")] == ["n2", "n2_error"]
    assert [names[n2[key]] for key in ("bias", "move")] == ["w_n2_0", "delta_w_n2_0"]
    assert {program.columns[place].role for place in n2["columns"]} >= {Role.SUM, Role.ERROR}
    weights = [names[arrow[2]] for arrow in picture["arrows"]]
    assert weights == ["w_n0_1", "w_n0_2", "w_n1_1", "w_n1_2", "w_n2_1", "w_n2_2"]
