"""Worked solutions: the numbers of the trace, the source's notation, four safe formats."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from samples import sampled, small_templates
from strategies import experiments

import bpsheet as bp
from bpsheet.autodiff import local_derivatives
from bpsheet.errors import ExperimentError
from bpsheet.evaluate import CellError
from bpsheet.explain import Document, derive
from bpsheet.explain.atoms import AtomText, Value
from bpsheet.explain.chain import MOST_PATHS, Bracket, Factor, Graph, chain_of
from bpsheet.explain.document import Equation, Heading, Listing, Prose, Side
from bpsheet.explain.numbers import rounded
from bpsheet.explain.row import Row
from bpsheet.expr import Call, Compare, Mul, Neg, Num, Pow, Ref, Sub, Sum, references
from bpsheet.hand.numbers import read_number
from bpsheet.program import Phase, Role
from bpsheet.seals import sealed

FORMATS = ("text", "markdown", "latex", "html")
TEMPLATES = small_templates()


# ----------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("value", "digits", "given_", "text"),
    [
        (-0.25000000000000006, 4, False, "-0.2500"),
        (0.3, 4, True, "0.3"),
        (0.30000000000000004, 4, True, "0.3"),
        (8.0, 4, False, "8"),
        (-0.0, 4, False, "0"),
        (0.99996, 4, False, "1.000"),
        (0.000664009843, 2, False, "0.00066"),
        (0.0000664009, 4, False, "6.640e-5"),
        (0.00001, 4, True, "1e-5"),
        (1e-7, 4, False, "1e-7"),
        (123456.7, 4, False, "123457"),
        (1234567.8, 4, False, "1.235e6"),
        (1234567.8, 9, False, "1234567.80"),
        (-1e300, 3, False, "-1e300"),
        (999999.9, 3, False, "1.00e6"),
        (2.5, 1, False, "2"),
        (5e-324, 4, False, "4.941e-324"),
    ],
)
def test_rounding(value, digits, given_, text):
    assert rounded(value, digits, given=given_) == text


def test_negative_numbers_get_parentheses_where_they_are_operands():
    """In a product and a power always, in a sum where they do not stand first."""
    values = {"a": "-2", "b": "-0.5", "c": "6.640e-5"}
    printer = AtomText(lambda leaf: Value(values[leaf.name]))
    a, b, c = map(Ref, "abc")
    for tree, text in (
        (Mul(a, b), "(-2) · (-0.5)"),
        (Sum((a, b)), "-2 + (-0.5)"),
        (Sub(a, b), "-2 - (-0.5)"),
        (Pow(a, Num(2.0)), "(-2)^2"),
        (Neg(a), "-(-2)"),
        (Call("tanh", (a,)), "tanh(-2)"),
        (Mul(Num(-1.0), c), "(-1) · 6.640e-5"),
        (Compare("<=", a, b), "-2 ≤ -0.5"),
    ):
        assert printer.text(tree) == text


# ------------------------------------------------------------------- the book's example


BOOK = {
    "g": "-0.24",
    "f": "0.42",
    "MSE": "0.17",
    "MSE'": "-0.58",
    "f_error": "-0.14",
    "g_error": "-0.066",
    "delta_w_xg0": "0.0066",
    "delta_w_xg1": "-0.0060",
    "delta_w_xg2": "0.00066",
    "delta_w_gf0": "0.014",
    "delta_w_gf1": "-0.0035",
}


def test_the_figures_printed_in_the_book(traced):
    """To two digits as printed; the new weights to the four decimals of the book."""
    steps = {step.name: step.result for step in traced("two-neuron").explain(1, digits=2).steps}
    assert {name: steps[name] for name in BOOK} == BOOK
    four = {step.name: step.result for step in traced("two-neuron").explain(1).steps}
    new = {name.removeprefix("new "): four[name] for name in four if name.startswith("new ")}
    assert new == {
        "w_xg0": "0.3066",
        "w_xg1": "0.5940",
        "w_xg2": "-0.09934",
        "w_gf0": "-0.1859",
        "w_gf1": "0.4965",
    }


def test_symbols_then_numbers_then_the_result(traced):
    text = traced("two-neuron").explain(1).text()
    assert (
        "The weighted sum of g: its bias, and each input times its weight.\n"
        "    z_g = 1 · w_xg0 + x1 · w_xg1 + x2 · w_xg2\n"
        "        = 1 · 0.3 + (-0.9) · 0.6 + 0.1 · (-0.1)\n"
        "        = -0.2500\n" in text
    )
    assert "    g = tanh(z_g)\n      = tanh(-0.2500)\n      = -0.2449\n" in text
    assert "Weights: w_xg0 = 0.3, w_xg1 = 0.6, w_xg2 = -0.1, w_gf0 = -0.2, w_gf1 = 0.5" in text
    order = ["Given", "Forward pass", "Backward pass", "Weight adjustment", "New weights"]
    places = [text.index(f"\n{title}\n") for title in order]
    assert places == sorted(places)


def test_the_chain_rule_of_a_weight(traced):
    text = traced("two-neuron").explain(1, only=["w_xg1"]).text()
    assert (
        "    ∂MSE/∂w_xg1 = ∂MSE/∂f · ∂f/∂z_f · ∂z_f/∂g · ∂g/∂z_g · ∂z_g/∂w_xg1\n"
        "                = -(y - f) · f · (1 - f) · w_gf1 · (1 - g^2) · x1\n" in text
    )
    assert "                = (-0.5799) · 0.2436 · 0.5 · 0.9400 · (-0.9)\n" in text
    assert text.count("= 0.05976\n") == 2  # the gradient, and the chain rule's end


def test_paths_are_summed_in_brackets_and_what_they_share_stands_outside(traced):
    """The third source's example: 8 · (0.5 · 1.5 + 1 · 0.5) · 4, in its smallest steps."""
    text = " ".join(traced("one-weight").explain(1, only="xh_1").text().split())
    assert "= 8 · 2 · (0.25 · 2 · 0.75 + 0.5 · 2 · 0.25) · 2 · 2 = 40" in text
    assert "2 paths lead from xh_1 to L" in text


# --------------------------------------------------------------- against the trace


def sample(names, count=4):
    step = max(1, len(names) // count)
    return [*names[::step], names[-1]]


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_number_is_the_traces_value_rounded(traced, template):
    trace = traced(template, 7)
    for iteration in (1, 2, 6):
        frame = trace.frame.loc[iteration]
        following = trace.frame.loc[iteration + 1]
        explanation = trace.explain(iteration)
        for step in explanation.steps:
            name = step.name.removeprefix("new ")
            exact = (following if name != step.name else frame)[name]
            if step.result in ("Correct", "Incorrect"):
                assert (step.result == "Correct") == bool(exact)
            elif step.result.startswith("#"):
                assert math.isnan(exact)
            else:
                assert read_number(step.result).agrees(exact), step.name
        computed = trace.program.phase(
            Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT, Phase.UPDATE, Phase.TEST
        )
        steps = [step.name for step in explanation.steps]
        assert steps == [
            *(column.name for column in computed if column.phase is not Phase.TEST),
            *(f"new {column.name}" for column in trace.program.phase(Phase.WEIGHT)),
            *(column.name for column in computed if column.phase is Phase.TEST),
        ]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_numbers_put_in_are_the_traces_values_rounded(traced, template):
    trace = traced(template, 7)
    row = Row(trace, 3, 6)
    for column in trace.program:
        for ref in references(column.formula) if column.formula else ():
            text = row.shown(ref).text
            exact = trace.frame[ref.name].loc[3 - ref.lag] if ref.name in trace.frame else None
            if exact is not None and text not in ("Correct", "Incorrect"):
                assert read_number(text).agrees(exact)


def chain_ends_equal_the_gradient(trace, iteration, weights):
    graph = Graph(trace.program)
    row = Row(trace, iteration)
    ended = 0
    for name in weights:
        chain = chain_of(trace.program, name, graph)
        if chain.product is None:
            continue
        try:
            exact, gradient = row.evaluate(chain.formula), row.value(Ref(chain.gradient))
            scale = chain.scale(row)
        except CellError:
            continue
        assert abs(exact - gradient) <= 1e-12 * scale, name
        end = chain.worked(row)[-1].sides[-1]
        assert AtomText(end.atoms).text(end.expr) == row.number(gradient).text
        ended += 1
    return ended


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name != "book-perceptron"])
def test_the_chain_rule_ends_in_the_gradient(traced, template):
    """From the forward columns alone, for every weight, at the start and later."""
    trace = traced(template, 7)
    weights = [column.name for column in trace.program.phase(Phase.WEIGHT)]
    for iteration in (1, 5):
        assert chain_ends_equal_the_gradient(trace, iteration, weights) == len(weights)


def test_local_derivatives_are_public_and_as_the_source_writes_them():
    columns = {column.name: column for column in bp.load("two-neuron").columns}
    assert AtomText().text(local_derivatives(columns["g"])["z_g"]) == "1 - g^2"
    assert list(local_derivatives(columns["z_f"])) == ["w_gf0", "g", "w_gf1"]


# ------------------------------------------------------------------ kinds of networks


def test_a_batch_adjusts_on_its_last_row_only(traced):
    trace = traced("matrix-1-2-1", 7)
    size = int(trace.program.parameters[1].value)
    within, last = trace.explain(1), trace.explain(size)
    assert "the weights are not adjusted yet" in within.text()
    assert "and the last: the weights are adjusted" in last.text()
    moved = {c.name for c in trace.program if c.role is Role.ADJUSTMENT}
    assert {step.result for step in within.steps if step.name in moved} == {"0"}
    assert "0" not in {step.result for step in last.steps if step.name in moved}
    assert "since batch_end ≠ 1" in within.text()
    assert 'since batch_end = 1, reduction = "mean"' in last.text()


def test_a_frozen_weight_is_said_to_stay(traced):
    explanation = traced("one-weight").explain(2)
    assert "hh_1 is never updated." in explanation.text()
    assert {s.name: s.result for s in explanation.steps}["new hh_1"] == "0.75"


def test_the_perceptron_has_a_rule_and_no_chain(traced):
    explanation = traced("book-perceptron").explain(2, only=["w1"])
    assert explanation.chains == ()
    assert "target times input times learning rate" in explanation.text()
    assert "Nothing is differentiated." in derive(bp.load("book-perceptron")).text()


def test_errors_are_printed_as_the_sheet_shows_them():
    trace = bp.load("exploding").run(2000)
    error = trace.first_error
    assert error is not None
    for iteration in (error.iteration, error.iteration + 3):
        weight = trace.program.phase(Phase.WEIGHT)[0].name
        whole = trace.explain(iteration)
        part = trace.explain(iteration, only=[weight])
        for form in FORMATS:
            text = getattr(whole, form)() + getattr(part, form)()
            assert "#NUM!" in text.replace("\\#", "#")
            assert not re.search(r"\b(nan|inf|None)\b", text)


def test_choices_are_made_before_numbers_are_put_in():
    made = bp.load("two-neuron").to_dict()
    made["network"]["layers"][0]["activation"] = "relu"
    text = bp.Experiment(**made).run(1).explain(1, only=["g'"]).text()
    assert "g' = if(z_g > 0, 1, 0)\n       = 0   since z_g ≤ 0\n" in text


def wide_network(widths):
    names = [[f"{'abcdef'[depth]}{n}" for n in range(width)] for depth, width in enumerate(widths)]
    return bp.Experiment(
        network={
            "inputs": names[0],
            "targets": ["t"],
            "loss": "half_squared_error",
            "layers": [
                {"neurons": row, "activation": "tanh", "weights": [[0.1] * fan_in] * len(row)}
                for row, fan_in in zip(names[1:], widths, strict=False)
            ],
        },
        data={"examples": [[0.5] * widths[0] + [1.0]]},
        training={"learning_rate": 0.1, "iterations": 2},
    )


def test_too_many_paths_are_counted_and_not_written():
    experiment = wide_network([1, 1, 6, 6, 1])
    trace = experiment.run()
    weight = next(c.name for c in trace.program.phase(Phase.WEIGHT))
    text = " ".join(trace.explain(1, only=[weight]).text().split())
    assert f"36 paths lead from {weight} to loss, too many to write out ({MOST_PATHS}" in text
    assert "36 paths" in " ".join(derive(experiment).text().split())


def test_deep_networks_count_paths_without_walking_them():
    experiment = wide_network([1, 8, 8, 8, 8, 1])
    program = experiment.program()
    weight = program.phase(Phase.WEIGHT)[0].name
    assert chain_of(program, weight).paths == 8**3


def test_derivatives_of_many_weights_are_shown_by_the_first_neurons():
    text = derive(wide_network([8, 12, 1])).text()
    assert "121 weights and biases are too many to write out: 22 of the first neurons" in text
    assert text.count("∂loss/∂w_b0_1 = ") == 1
    assert "∂loss/∂w_b1_1 = " not in text


def count_paths(product):
    counts = [
        1 if isinstance(part, Factor) else sum(count_paths(term) for term in part.terms)
        for part in product.parts
    ]
    whole = 1
    for count in counts:
        whole *= count
    return whole


def test_the_brackets_hold_every_path_once():
    program = wide_network([1, 2, 3, 2, 1]).program()
    graph = Graph(program)
    for column in program.phase(Phase.WEIGHT):
        chain = chain_of(program, column.name, graph)
        assert chain.product is not None
        assert count_paths(chain.product) == chain.paths
    assert any(
        isinstance(part, Bracket) for part in chain_of(program, "w_b0_1", graph).product.parts
    )


# ------------------------------------------------------------------------- derivatives


def test_equation_3_1_of_the_book():
    text = derive(bp.load("two-neuron")).text()
    for tail in ("1", "g"):
        assert f"= -(y - f) · logistic'(z_f) · {tail}\n" in text
    for tail in ("1", "x1", "x2"):
        assert f"= -(y - f) · logistic'(z_f) · w_gf1 · tanh'(z_g) · {tail}\n" in text
    latex = derive(bp.load("two-neuron")).latex()
    assert (
        r"S'\left(z_{f}\right) \cdot w_{gf1} \cdot \operatorname{tanh}'\left(z_{g}\right)" in latex
    )
    assert not re.search(r"-0\.9|0\.42", text)


def test_the_four_equations_with_their_shapes():
    text = derive(bp.load("matrix-1-2-1")).text()
    for line in (
        "W^1 is 2 × 1; b^1, z^1, a^1 and δ^1 are 2 × 1. The activation is logistic.",
        "W^2 is 1 × 2; b^2, z^2, a^2 and δ^2 are 1 × 1. The activation is logistic.",
        "    δ^1 = ((W^2)^T δ^2) ∘ g'^1(z^1)",
        "    z^2 = W^2 a^1 + b^2",
    ):
        assert line in text
    assert re.search(r"δ\^2 = ∇_a\^2 \S+ ∘ g'\^2\(z\^2\)", text)
    assert re.search(r"∂\S+/∂W\^1 = δ\^1 \(a\^0\)\^T", text)
    softmax = derive(bp.load("multiway-classification")).text()
    assert "δ^2 = (J^2)^T ∇_a^2 logL" in softmax
    assert "δ^2 = a^2 − [setosa; versicolor; virginica]" in derive(bp.load("iris")).text()


# --------------------------------------------------------------------------- formats


class Page(HTMLParser):
    """Every tag is closed, nothing is fetched, nothing runs."""

    VOID = ("meta",)

    def __init__(self):
        super().__init__()
        self.open = []
        self.tags = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}
        assert not any(name.startswith("on") for name, _ in attrs)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_html(text):
    page = Page()
    page.feed(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & page.tags
    root = ET.fromstring(text)
    for node in root.iter():
        if node.tag in ("mfrac", "msup", "msub"):
            assert len(node) == 2
        if node.tag == "msubsup":
            assert len(node) == 3


COMMANDS = frozenset(
    """documentclass usepackage allowdisplaybreaks setlength emergencystretch addtolength textwidth
    oddsidemargin textheight topmargin parindent parskip setcounter ifdefined fi ifmmode else
    DeclareUnicodeCharacter ensuremath begin end section subsection textbf text mathrm mathsf
    operatorname left right bigl bigr frac cdot partial sum nabla circ tanh sin cos ln max min
    sqrt bmod lfloor rfloor backslash hat sim quad qquad neq leq geq Delta textbackslash
    textasciicircum textasciitilde textless textgreater textbar textquotedbl textasciigrave
    mathord times alpha beta gamma delta varepsilon zeta eta theta kappa lambda mu nu xi pi rho
    sigma tau phi varphi chi psi omega epsilon Omega""".split()
)


def check_latex(text):
    """Braces, environments and \\left … \\right in balance; known commands; no bare specials."""
    assert text.count(r"\begin{document}") == 1
    open_ = []
    for token in re.finditer(
        r"\\(begin|end)\{(\w+\*?)\}|\\(left|right)(?![a-z])|(?<!\\)[{}]", text
    ):
        kind, name, side = token.groups()
        if kind == "begin" or side == "left" or token[0] == "{":
            open_.append(name or side or "{")
        else:
            wanted = name or {"right": "left"}.get(side) or "{"
            assert open_.pop() == wanted, text[token.start() - 60 : token.end()]
    assert open_ == []
    unknown = set(re.findall(r"\\([A-Za-z]+)", text)) - COMMANDS
    assert not unknown
    bare = re.sub(r"\\.", "", text.split(r"\begin{document}")[1])
    assert not re.search(r"[#%~]", bare)
    assert bare.count("$") % 2 == 0


def check_words(text):
    assert "None" not in text
    assert not re.search(r"(?<![A-Za-z])(nan|inf|NaN)(?![A-Za-z])", text)
    assert "\0" not in text
    assert "\x1b" not in text


def check_markdown(text):
    fences = re.findall(r"^(```+)(text)?$", text, re.MULTILINE)
    assert [opening for _, opening in fences] == ["text", ""] * (len(fences) // 2)


def check_all(document):
    made = {form: getattr(document, form)() for form in FORMATS}
    for text in made.values():
        check_words(text)
        assert text.endswith("\n")
    check_latex(made["latex"])
    check_html(made["html"])
    check_markdown(made["markdown"])
    assert "    " not in made["text"].replace("\n    ", "\n").split("=")[0]
    return made


@pytest.mark.parametrize(
    "template", sampled(TEMPLATES, "book-xor", "exploding", "formula", "line-adam", "two-neuron")
)
def test_every_format_of_every_template_is_well_formed(traced, template):
    trace = traced(template, 7)
    weights = [column.name for column in trace.program.leaves]
    check_all(trace.explain(2))
    check_all(trace.explain(6, only=sample(weights, 2), digits=3))
    check_all(derive(bp.load(template)))


@given(experiments(max_examples=3))
@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
def test_random_networks(experiment):
    """Every format runs on every kind of network, and the chain rule ends in the gradient."""
    trace = experiment.run()
    weights = [column.name for column in trace.program.phase(Phase.WEIGHT)]
    last = len(trace)
    check_all(trace.explain(last))
    check_all(trace.explain(1, only=sample(weights, 2)))
    check_all(derive(experiment))
    chain_ends_equal_the_gradient(trace, last, weights)


HOSTILE = "<script>alert(1)</script> & 50 % of $x_1$ \\input{/etc/passwd} #1 ~^ `*_[a](b)_*` é Δ 中"


def hostile():
    """Names and a title that are markup in one format or another."""
    return bp.Experiment(
        title=HOSTILE,
        network={
            "inputs": ["x<b>", "x&{\\%", "Ω_é"],
            "targets": ["y$`*|"],
            "loss": "half_squared_error",
            "layers": [{"neurons": ["n#~^"], "activation": "tanh", "weights": [[0.1, -0.2, 3]]}],
        },
        data={"examples": [[1, -2, 0.5, 1]]},
        training={"learning_rate": 0.1, "iterations": 2},
    )


def test_hostile_names_and_titles_are_words_in_every_format():
    experiment = hostile()
    trace = experiment.run()
    weight = trace.program.phase(Phase.WEIGHT)[1].name
    for document in (trace.explain(1), trace.explain(2, only=[weight]), derive(experiment)):
        made = check_all(document)
        assert "<script" not in made["html"]
        assert "<script" not in made["markdown"].replace("\\<script", "")
        assert r"\input" not in made["latex"]
        assert "&lt;script&gt;" in made["html"]


def test_control_characters_of_a_title_do_not_reach_the_terminal():
    side = Side.of(Value("\x1b[31m1"))
    blocks = [Heading("\x1b]0;x\x07"), Prose("a\u202eb"), Equation((side, side))]
    document = Document("\x1b[2J", "\r\n", [*blocks, Listing("\x9b", (Equation((side, side)),))])
    for form in FORMATS:
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", getattr(document, form)())


def test_fences_are_longer_than_any_backticks_inside():
    block = Equation((Side(Ref("a````b")), Side(Num(1.0))))
    assert "\n`````text\n" in Document("t", "s", [block]).markdown()


@pytest.fixture(scope="module")
def pdflatex():
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("pdflatex is not installed")
    return program


@pytest.mark.parametrize(
    "make",
    [
        lambda: bp.load("two-neuron").run(2).explain(2, only=None),
        lambda: bp.load("multiway-classification").run(2).explain(2, only=["w_h1_x1"]),
        lambda: derive(bp.load("matrix-1-2-1")),
        lambda: hostile().run().explain(1),
        lambda: bp.load("exploding").run(1000).explain(900),
    ],
    ids=["explain", "chain", "derive", "hostile", "errors"],
)
def test_latex_compiles(pdflatex, tmp_path, make):
    """With a real TeX, without any file but its own and without a line that is too long."""
    (tmp_path / "paper.tex").write_text(make().latex(), encoding="utf-8")
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-1500:]
    assert (tmp_path / "paper.pdf").exists()
    assert b"Overfull" not in done.stdout


def test_long_lines_are_broken_at_their_operators(traced):
    text = traced("iris", 10).explain(10).text()
    assert max(map(len, text.splitlines())) <= 135
    broken = [line for line in text.splitlines() if re.match(r"^ {8,}[+·-] ", line)]
    assert broken


def test_a_notebook_shows_a_page(traced):
    explanation = traced("two-neuron").explain(1)
    assert explanation._repr_html_().startswith("<style>")
    assert "<html" not in explanation._repr_html_()
    ET.fromstring(f"<div>{explanation._repr_html_()}</div>")
    assert explanation._repr_markdown_() == explanation.markdown()
    assert r"\documentclass" not in explanation._repr_latex_()
    assert str(explanation) == explanation.text()
    assert repr(explanation) == "<Explanation: Iteration 1 (epoch 1) presents example 1.>"


# --------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"iteration": 0}, "1 to 497 expected"),
        ({"iteration": 498}, "1 to 497 expected, which is what was run; got 498"),
        ({"iteration": 1, "digits": 0}, "1 to 15 expected; got 0"),
        ({"iteration": 1, "only": ["w_gx1"]}, 'no quantity "w_gx1"; did you mean "w_xg1"?'),
        ({"iteration": 1, "only": ["f", "qqqq"]}, 'no quantity "qqqq"; known here: iteration'),
        ({"iteration": 1, "only": []}, "at least one name expected"),
    ],
)
def test_what_cannot_be_explained_is_said(traced, arguments, said):
    with pytest.raises(ExperimentError) as refused:
        traced("two-neuron").explain(**arguments)
    assert said in str(refused.value)


# ---------------------------------------------------------------------- command line


@pytest.mark.parametrize("form", FORMATS)
def test_explain_prints_what_the_trace_explains(command, traced, form):
    status, out, _ = command("explain", "two-neuron", "--iteration", "3", "--format", form)
    assert status == 0
    assert out == getattr(traced("two-neuron").explain(3), form)()


@pytest.mark.parametrize("form", FORMATS)
def test_derive_prints_the_gradient(command, form):
    status, out, _ = command("derive", "one-weight", "--format", form)
    assert status == 0
    assert out == getattr(derive(bp.load("one-weight")), form)()


def test_only_digits_and_set(command):
    arguments = ("--only", "g, g_error", "--digits", "2", "--set", "w_xg1=0.5")
    status, out, _ = command("explain", "two-neuron", *arguments)
    assert status == 0
    assert "= -0.16\n" in out
    assert "z_f =" not in out


def test_an_iteration_beyond_the_run_extends_it(command):
    status, out, _ = command("explain", "one-weight", "--iteration", "15", "--only", "Y")
    assert status == 0
    assert "Iteration 15 (epoch 15)" in out


def test_a_file_is_written_whole(command, tmp_path):
    path = tmp_path / "solution.html"
    status, out, _ = command("explain", "two-neuron", "--format", "html", "-o", str(path))
    assert status == 0
    assert out == f"Wrote {path}.\n"
    made = bp.load("two-neuron").run(1).explain(1).html()
    assert path.read_text("utf-8") == sealed(made, "html")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("two-neuron", "--only", "g_eror"), 'did you mean "g_error"?'),
        (("two-neuron", "--only", ","), "at least one name expected"),
        (("two-neuron", "--set", "w_xg1"), "NAME=VALUE expected"),
        (("two-nueron",), 'did you mean "two-neuron"?'),
        (("two-neuron", "--digits", "99"), "99 is not in the range"),
        (("two-neuron", "--iteration", "0"), "0 is not in the range"),
    ],
)
def test_refusals_have_exit_status_2(command, arguments, said):
    status, out, err = command("explain", *arguments)
    assert status == 2
    assert out == ""
    assert said in err


@pytest.mark.parametrize("name", ["explain", "derive"])
def test_help_has_an_example(command, name):
    status, out, _ = command(name, "--help")
    assert status == 0
    assert f"bpsheet {name} two-neuron" in out
