"""A document as text, Markdown, LaTeX and HTML: well formed, whatever the words in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given

import bpsheet as bp
from bpsheet.explain import Document, derive
from bpsheet.formula.tree import Num, Ref
from bpsheet.paper.blocks import Equation, Heading, Listing, Prose, Side
from bpsheet.printers.atoms import Value
from bpsheet.program.kinds import Phase
from tests.helpers.documents import FORMATS, TEMPLATES, chain_ends_equal_the_gradient
from tests.helpers.samples import draws, sampled, spread
from tests.helpers.strategies import experiments


def sample(names, count=4):
    step = max(1, len(names) // count)
    return [*names[::step], names[-1]]


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
    oddsidemargin textheight topmargin AtBeginDocument abovedisplayskip
    belowdisplayskip subsubsection tabular hline small scriptsize parindent parskip setcounter ifdefined fi ifmmode else
    DeclareUnicodeCharacter ensuremath begin end section subsection textbf text mathrm mathsf
    operatorname left right bigl bigr frac cdot partial sum nabla circ tanh sin cos ln max min
    sqrt cosh bmod lfloor rfloor backslash hat sim quad qquad neq leq geq Delta textbackslash
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


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "template",
    spread(sampled(TEMPLATES, "book-xor", "exploding", "formula", "line-adam", "two-neuron"), 3),
)
def test_every_format_of_every_template_is_well_formed(traced, template):
    trace = traced(template, 7)
    weights = [column.name for column in trace.program.leaves]
    check_all(trace.explain(2))
    check_all(trace.explain(6, only=sample(weights, 2), digits=3))
    check_all(derive(bp.load(template)))


@pytest.mark.slow
@given(experiments(max_examples=3))
@draws(6, suppress_health_check=list(HealthCheck))
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


@pytest.mark.slow
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


PAPERS = {
    "explain": lambda: bp.load("two-neuron").run(2).explain(2, only=None),
    "chain": lambda: bp.load("multiway-classification").run(2).explain(2, only=["w_h1_x1"]),
    "derive": lambda: derive(bp.load("matrix-1-2-1")),
    "hostile": lambda: hostile().run().explain(1),
    "errors": lambda: bp.load("exploding").run(1000).explain(900),
}


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", sampled(PAPERS, "chain", "derive", "hostile"))
def test_latex_compiles(pdflatex, tmp_path, name):
    """With a real TeX, without any file but its own and without a line that is too long."""
    (tmp_path / "paper.tex").write_text(PAPERS[name]().latex(), encoding="utf-8")
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
