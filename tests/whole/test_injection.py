"""Text of strangers is text in everything that is written: no formula, no markup, no command."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import tomllib
import zipfile
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from openpyxl import Workbook, load_workbook

import bpsheet as bp
from bpsheet.exercises.fillin import FIRST_ROW
from bpsheet.exercises.names import file_name
from bpsheet.explain import derive
from tests.helpers.samples import sampled, spread

# What spreadsheets begin a formula with, and what other readers of a text would obey.
STARTS = ("=", "+", "-", "@", "\t=")
EVIL = (
    '=1+1+cmd|"/C calc"!A0',
    '=HYPERLINK("http://evil.invalid/x","click")',
    "@SUM(1;1)",
    "-2+3",
    "+2+3",
    "\t=1+1",
    "'=1+1",
    "</title></style></script><script>alert(1)</script><img src=http://evil.invalid onerror=alert(2)>",
    "\u202e=1+1\u202c\u2066x\u200b",
    "\"'`${alert(3)}{{title}}[bold red]x[/bold red][link=http://evil.invalid]y[/link]",
    r"\input{/etc/passwd} $\frac{ % # & ~ ^ _ { } \\ \end{document}",
    "]]>&lt;&#61;1&amp;--><!--*/",
    "_x003D_1+1",
)
# In a name only what can head a column, so it begins with a letter.
NAMES = ('a=1+1"', "b'&amp;", "c<img src=x onerror=alert(1)>", r"d$\frac{", "e,;|`*_[x](y)")
CONTROLS = "\x1b]0;title\x07\x9b2J\x1b[31m\x08\r\u202e\u2066\x00"
# Whatever is not to be seen, but for the ends of lines.
UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")


def experiment(title: str, notes: str = "") -> bp.Experiment:
    return bp.Experiment(
        title=title,
        notes=notes,
        network={
            "inputs": list(NAMES[:2]),
            "targets": ["y<b>"],
            "loss": "half_squared_error",
            "layers": [
                {"neurons": list(NAMES[2:4]), "activation": "tanh", "weights": [[1, 2], [3, 4]]},
                {"neurons": list(NAMES[4:]), "activation": "linear", "weights": [[0.1, 0.2]]},
            ],
        },
        notation={"loss": 'L"=1'},
        data={"examples": [[0.1, -0.2, 0.5], [0.3, 0.1, -0.5]]},
        training={"learning_rate": 0.1, "iterations": 4},
    )


def evil_experiments():
    return [experiment(text, f"{text}\n\n{text}\n{text}") for text in EVIL]


# Workbooks


@pytest.fixture(scope="module")
def workbooks(tmp_path_factory):
    """Every kind of workbook, of every text."""
    folder = tmp_path_factory.mktemp("evil")
    for number, made in enumerate(evil_experiments()):
        sheets = ["walkthrough", "charts", "gradient-check", "hessian"]
        made.run().to_excel(folder / f"full-{number}.xlsx", sheets=sheets if number == 0 else ())
        if number < 3:
            made.run().to_excel(folder / f"book-{number}.xlsx", "book")
            grid = {"learning_rate": [0.1, 0.2]}
            bp.sweep(made, grid).to_excel(folder / f"sweep-{number}.xlsx")
    return folder


@pytest.mark.slow
def test_no_cell_of_a_workbook_is_a_formula_that_somebody_wrote(workbooks):
    """Cells that hold a stranger's text are text; formulas name nothing but cells."""
    seen = 0
    for path in sorted(workbooks.glob("*.xlsx")):
        book = load_workbook(path)
        for sheet in book:
            for row in sheet.iter_rows():
                for cell in row:
                    value = str(cell.value)
                    if cell.data_type == "f":
                        assert not re.search(r"evil|cmd|HYPERLINK|alert|img|frac", value), value
                    elif any(text.strip("\t") in value for text in EVIL):
                        seen += 1
                        assert cell.data_type == "s"
                        if value.startswith(("=", "+", "-", "@")):
                            assert cell.quotePrefix, (path, cell.coordinate)
        assert set(book.defined_names) <= {"experiment_file", "learning_rate"}
    assert seen > 100


@pytest.mark.slow
def test_the_parts_of_a_workbook_have_no_link_and_no_macro(workbooks):
    """Well-formed XML, nothing outside the package."""
    for path in workbooks.glob("*.xlsx"):
        with zipfile.ZipFile(path) as package:
            for name in package.namelist():
                content = package.read(name)
                ET.fromstring(content)
                assert b"TargetMode" not in content
                assert b"<hyperlink" not in content
                assert "vba" not in name.lower()
                assert "externalLink" not in name


def converted(libreoffice, folder, target, *names):
    """Files as LibreOffice shows them: each sheet as CSV."""
    options = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    subprocess.run(
        [
            *(libreoffice, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"),
            *("--convert-to", options, "--outdir", str(target)),
            *(str(folder / name) for name in names),
        ],
        check=True,
        capture_output=True,
    )


@pytest.mark.slow
def test_libreoffice_shows_every_text_as_it_was_written(workbooks, tmp_path, libreoffice):
    """Opened there, the title on Steps and the notes on About are the text, not what it comes to."""
    names = [f"full-{number}.xlsx" for number in range(len(EVIL))]
    converted(libreoffice, workbooks, tmp_path, *names)
    for number, text in enumerate(EVIL):
        for sheet in ("Steps", "About"):
            content = (tmp_path / f"full-{number}-{sheet}.csv").read_text("utf-8")
            rows = list(csv.reader(io.StringIO(content, newline="")))
            assert rows[0][0] == text, sheet
            if sheet == "About":
                # Once as the title, three times in the notes.
                assert [row[0].strip() for row in rows].count(text.strip()) == 4


@pytest.mark.slow
def test_a_workbook_is_read_back_with_every_character(workbooks):
    for number, text in enumerate(EVIL):
        assert bp.load(workbooks / f"full-{number}.xlsx").title == text


# Exercises and marks


STUDENTS = [text.strip() for text in EVIL if text.isprintable() and len(text) < 100]


@pytest.fixture
def marked(tmp_path):
    """A class whose names, file names and answers are all of them evil."""
    roster = tmp_path / "roster.csv"
    with roster.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["student"], *([name] for name in STUDENTS)])
    (tmp_path / "evil.toml").write_text(experiment(EVIL[0], EVIL[7]).text, "utf-8")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("is_opened", [False, True], ids=["as it is", "opened"])
def test_a_class_with_evil_names_is_handed_out_and_marked_as_text(
    marked, command, monkeypatch, request, is_opened
):
    """Sheets, key, class table, feedback, and what LibreOffice makes of the table."""
    monkeypatch.chdir(marked)
    roster = ("--students", "roster.csv")
    status, out, err = command("exercise", "evil.toml", "-o", "sheets", *roster, "--check", "live")
    assert (status, err) == (0, ""), err
    sheets = list(Path("sheets").iterdir())
    assert {path.name for path in sheets} == {file_name(name) for name in STUDENTS}
    for path in sheets:
        assert re.fullmatch(r"[a-z0-9-]+\.xlsx", path.name)
        for sheet in load_workbook(path):
            for row in sheet.iter_rows():
                for cell in row:
                    assert cell.data_type != "f" or "evil" not in str(cell.value)
                    if cell.value in STUDENTS:
                        assert cell.data_type == "s"
    # One of them types a formula and markup into a cell, and hands it in under such a name.
    book = load_workbook(sheets[0])
    sheet = book.worksheets[0]
    for row in range(FIRST_ROW, sheet.max_row + 1):
        if sheet.cell(row, 1).value and sheet.cell(row, 2).value is None:
            sheet.cell(row, 2).value = '=HYPERLINK("http://evil.invalid")' if row % 2 else "<b>|`"
    sheets[0].unlink()
    book.save("sheets/=cmd|' <b>\u202e\x1b[31m.xlsx")
    grading = ("grade", "sheets", "evil.toml", "-o", "grades.csv", "--feedback", "feedback")
    _, out, err = command(*grading, *roster)
    assert not UNSEEN.search(out + err)
    for name in ("grades.csv", "sheets-key/key.csv"):
        with Path(name).open(newline="", encoding="utf-8-sig") as stream:
            for row in csv.reader(stream):
                for field in row:
                    is_number = re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", field)
                    assert is_number or not field.startswith(("=", "+", "-", "@", "\t", "\r"))
    for page in Path("feedback").iterdir():
        text = page.read_text("utf-8")
        assert not UNSEEN.search(text)
        # What a name or an answer would make, if it were markup: a page of ours has none of these.
        assert not re.search(r"<(?:script|img|a|b|iframe)\b[^>]*evil|<script|<img|<b>\|", text)
    if not is_opened:
        return
    libreoffice = request.getfixturevalue("libreoffice")
    converted(libreoffice, marked, marked / "shown", "grades.csv")
    (shown,) = (marked / "shown").iterdir()
    assert re.search(r"^\"?'=1\+1\+cmd", shown.read_text("utf-8"), re.MULTILINE)
    assert "#NAME?" not in shown.read_text("utf-8")


# Tables


def test_the_heads_of_a_runs_table_are_names_that_no_spreadsheet_runs(tmp_path):
    """A name that heads a column begins with a letter, a digit or an underscore."""
    made = experiment("x")
    path = made.write(tmp_path / "run.csv")
    with path.open(newline="", encoding="utf-8") as stream:
        heads, *rows = csv.reader(stream)
    assert heads == list(made.run().frame.reset_index().columns)
    assert not any(head.startswith(("=", "+", "-", "@", "\t", "\r", "'")) for head in heads)
    assert all(re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", field) for row in rows for field in row)
    for start in ("=", "+", "-", "@", "\t", "\r", "\u202e", "\x1b"):
        with pytest.raises(bp.ExperimentError, match=r"a name begins with|printable char"):
            experiment("x").replaced(notation=bp.Notation(output=f"{start}{{neuron}}"))


# Documents, pages and pictures


@pytest.mark.sample(2)
@pytest.mark.parametrize("text", spread(EVIL, 6))
def test_documents_keep_the_text_and_obey_nothing_in_it(text):
    made = experiment(text, text)
    trace = made.run()
    for document in (trace.explain(1), derive(made)):
        page, paper = document.html(), document.latex()
        for form in (page, paper, document.text(), document.markdown()):
            assert not UNSEEN.search(form)
        assert not re.search(r"<(script|img|b)\b", page)
        title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
        assert unescape(title[1]) == UNSEEN.sub(" ", text)
        assert r"\input{" not in paper
        assert paper.count(r"\end{document}") == 1
        # Equations are fenced, with more backticks than they hold.
        prose = re.sub(
            r"^(`{3,})text$.*?^\1$", "", document.markdown(), flags=re.MULTILINE | re.DOTALL
        )
        assert not re.search(r"(?<!\\)[<`\[]", prose)


@pytest.mark.slow
@pytest.mark.parametrize("number", sampled(range(len(EVIL)), 8, 10))
def test_latex_compiles_with_every_text(tmp_path, number):
    """And reads no file: what it names is words."""
    pdflatex = shutil.which("pdflatex")
    if pdflatex is None:
        pytest.skip("pdflatex is not installed")
    made = evil_experiments()[number]
    (tmp_path / "paper.tex").write_text(made.run().explain(1).latex(), "utf-8")
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (EVIL[number], done.stdout[-2000:])
    assert b"/etc/passwd)" not in done.stdout


@pytest.fixture
def watched(chromium):
    """Opens any file in the browser; whatever it asks for, says or runs fails the test."""
    context = chromium.new_context()
    complaints = []

    def look(path):
        page = context.new_page()
        page.on("console", lambda said: complaints.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on(
            "request",
            lambda asked: asked.url == path.as_uri() or complaints.append(f"request: {asked.url}"),
        )
        page.goto(path.as_uri())
        return page

    yield look
    context.close()
    assert not complaints


@pytest.mark.slow
@pytest.mark.parametrize("number", sampled([0, 7, 8, 9, 11], 9))
def test_chromium_opens_documents_pages_and_pictures_without_running_a_word(
    tmp_path, watched, number
):
    """No dialog, no request, no element that a text asked for; the title is the text."""
    made = experiment(EVIL[number], EVIL[number])
    shown = " ".join(UNSEEN.sub(" ", EVIL[number]).split())
    paths = [tmp_path / f"{kind}.html" for kind in ("explain", "derive")]
    paths[0].write_text(made.run().explain(1).html(), "utf-8")
    paths[1].write_text(derive(made).html(), "utf-8")
    paths.append(made.to_page(tmp_path / "page.html", rules=False))
    for path in paths:
        page = watched(path)
        assert page.locator("h1").inner_text() == shown
        assert page.locator("img, iframe, object, embed, link[href^=http]").count() == 0
        assert page.locator("math b, .notes b, h1 *").count() == 0
        page.close()


@pytest.mark.sample(1)
@pytest.mark.parametrize("number", sampled(range(len(EVIL)), 7, 10))
@pytest.mark.parametrize("ending", sampled(["svg", "png", "pdf"], "svg"))
def test_pictures_show_names_and_titles_as_they_are(number, ending, tmp_path, command, monkeypatch):
    """What stands between dollars is no mathematics, and a picture no script."""
    monkeypatch.chdir(tmp_path)
    Path("evil.toml").write_text(evil_experiments()[number].text, "utf-8")
    name = f"evil.{ending}"
    assert command("draw", "evil.toml", "-o", name)[::2] == (0, "")
    if ending == "svg":
        root = ET.parse(name).getroot()
        words = ["".join(part.itertext()) for part in root.iter() if part.tag.endswith("text")]
        assert {tag.tag.rpartition("}")[2] for tag in root.iter()}.isdisjoint(
            {"script", "img", "image", "a", "foreignObject"}
        )
        # A name that is too long for its circle has lost its middle.
        for text in NAMES:
            ends = [word.partition("…") for word in words]
            assert any(
                text in word or (dots and text.startswith(first) and text.endswith(last))
                for word, (first, dots, last) in zip(words, ends, strict=True)
            ), text


@pytest.mark.slow
def test_curves_of_evil_names_are_drawn(tmp_path):
    trace = experiment(EVIL[10]).run()
    weights = list(trace.weights.columns)[:2]
    for axes in (
        trace.plot.loss(),
        trace.plot.weights(),
        trace.plot.gradients(),
        trace.plot.surface(*weights),
    ):
        axes.figure.savefig(tmp_path / "curve.svg")
        assert axes.get_title().replace(r"\$", "$") == EVIL[10]


# The terminal


HOSTILE_FILE = r"""
title = "\u001b]0;x\u0007"
"\u001b[2J" = 1
[network]
inputs = ["\u009b2J"]
loss = "\u001b[31m"
"\u202e" = 2
"""


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    """A folder with files whose names and contents a terminal would obey."""
    monkeypatch.chdir(tmp_path)
    name = CONTROLS.replace("\x00", "")
    Path("hostile.toml").write_text(HOSTILE_FILE)
    Path(f"{name}.toml").write_text("x = [")
    Path(f"{name}.csv").write_text("iteration,quantity,value\n1,f\x1b]0;x\x07,\x9b2J\n")
    Path("roster.csv").write_text("student\n\u202eada\nbob\x1b[2J\n")
    book = Workbook()
    book.active.title = "\x9b2J\u202e"
    book.active["A1"] = 2.0
    book.active["B1"] = "=A1^2"
    book.save("book.xlsx")
    (tmp_path / "sheets").mkdir()
    Path(f"sheets/{name}.xlsx").write_bytes(b"nothing")
    return name


@pytest.mark.slow
def test_no_command_lets_a_control_character_reach_the_terminal(terminal, command):
    """In a title, a name, a file's name or an argument; in errors and in what is printed."""
    name = terminal
    Path("titled.toml").write_text(experiment("\u202e\u2066[bold]x").text, "utf-8")
    for arguments in (
        ("run", name),
        ("run", f"{name}.toml"),
        ("run", "hostile.toml"),
        ("run", "titled.toml", "-o", f"{name}.parquet"),
        ("run", "two-neuron", "-o", f"{name}.xlsx"),
        ("run", "two-neuron", "-o", f"{name}.toml"),
        ("run", "two-neuron", "--set", f"{name}=1"),
        ("run", "two-neuron", "--set", name),
        ("run", "two-neuron", "--keep", name),
        ("run", "two-neuron", "--layout", name),
        ("run", "two-neuron", f"--{name}"),
        (name,),
        ("show", "titled.toml"),
        ("explain", "titled.toml"),
        ("explain", "two-neuron", "--only", name),
        ("derive", "titled.toml", "-o", f"{name}.txt"),
        ("page", "titled.toml", "--no-rules", "-o", f"{name}.html"),
        ("draw", "titled.toml", "-o", f"{name}.svg"),
        ("health", "titled.toml"),
        ("gradcheck", "titled.toml"),
        ("sweep", "titled.toml", "--grid", "learning_rate=0.1,0.2", "-o", f"{name}2.csv"),
        ("sweep", "two-neuron", "--grid", f"{name}=1,2"),
        ("check", "two-neuron", f"{name}.csv"),
        ("check", "two-neuron", f"{name}.xlsx"),
        ("verify", f"{name}.xlsx"),
        ("verify", f"{name}3.xlsx"),
        ("exercise", "two-neuron", "-o", "class", "--students", "roster.csv"),
        ("exercise", "two-neuron", "-o", f"{name}4.xlsx"),
        ("grade", "sheets", "two-neuron", "-o", "grades.csv"),
        ("grade", name, "two-neuron"),
        ("differentiate", "book.xlsx", "--loss", "B1", "--parameters", "A1", "-o", f"{name}5.xlsx"),
        ("differentiate", "book.xlsx", "--loss", name, "--parameters", "A1", "-o", "o.xlsx"),
        ("new", f"{name}6"),
    ):
        _, out, err = command(*arguments)
        assert out + err, arguments
        assert not UNSEEN.search(out + err), (arguments, UNSEEN.search(out + err), out + err)
        assert "Traceback" not in err


def test_everything_printed_goes_one_way():
    """No command prints past the place where text is made printable."""
    folder = Path(bp.__file__).parent
    for path in [folder / "cli.py", *(folder / "commands").glob("*.py")]:
        if path.name == "output.py":
            continue
        text = path.read_text("utf-8")
        # A document has been made printable as a whole, and goes into a pipe as bytes.
        assert len(re.findall(r"click\.echo\(|[^.\w]print\(|Console\(", text)) == (
            path.name == "explain.py"
        ), path


# Forty thousand characters


LONG = "x" * 40_000
LONG_FILES = {
    "title": f'title = "{LONG}"',
    "notes": f'notes = "{LONG}"',
    "key": f"{LONG} = 1",
    "input": f'[network]\ninputs = ["{LONG}"]',
    "loss": f'[network]\nloss = "{LONG}"',
    "activation": f'[[network.layers]]\nactivation = "{"+".join(["z"] * 20_000)}"',
    "layer": f'[[network.layers]]\nname = "{LONG}"',
    "pattern": f'[notation]\nweight = "{LONG}"',
    "braces": f'[notation]\nweight = "{"{" * 40_001}"',
    "renamed": f'[notation.rename]\n{LONG} = "a"',
    "rename": f'[notation.rename]\nw_g_1 = "{LONG}"',
    "frozen": f'[training]\nfreeze = ["{LONG}"]',
    "test": f'[test]\nnames = ["{LONG}"]',
    "hand": f'[hand.1]\n{LONG} = "1"',
    "iteration": f'[hand.{"1" * 40_000}]\ng = "1"',
    "formula": f'[graph]\nforward = ["L = {"+".join(["w"] * 20_000)}"]',
    "data": f'[data]\nfile = "{LONG}.csv"',
}


@pytest.mark.sample(5)
@pytest.mark.parametrize("field", spread(LONG_FILES, 11))
def test_forty_thousand_characters_are_refused_in_few_words(field, command, tmp_path, monkeypatch):
    """A cell holds 32,767. Before anything runs, and with nothing left behind."""
    monkeypatch.chdir(tmp_path)
    base = tomllib.loads(bp.load("two-neuron").text)
    for table, values in tomllib.loads(LONG_FILES[field]).items():
        if table == "graph":
            base.pop("network")
        if isinstance(values, dict) and table in base:
            layers = values.pop("layers", [])
            base[table].update(values)
            for layer in layers:
                base[table]["layers"][0].update(layer)
        else:
            base[table] = values
    import tomli_w

    Path("long.toml").write_text(tomli_w.dumps(base), "utf-8")
    status, out, err = command("run", "long.toml")
    assert (status, out) == (2, "")
    assert len(err) < 3000
    assert [path.name for path in tmp_path.iterdir()] == ["long.toml"]


def test_a_title_of_thirty_thousand_characters_is_written_and_cut_where_it_has_no_room(tmp_path):
    """Whole in the workbook, which is read back; with three dots above a picture."""
    title = "=long " * 5_000
    made = experiment(title)
    assert bp.load(made.run().to_excel(tmp_path / "long.xlsx")).title == title
    drawn = [text.get_text() for text in made.run().draw(1).axes[0].texts]
    assert max(map(len, drawn)) < 200
    assert any(text.startswith("=long") and "…" in text for text in drawn)
