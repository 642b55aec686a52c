"""Every code block of every document runs, and shows what comes of it.

By default long runs are shortened (`SHORTER`); `pytest -m slow` runs the blocks as they stand.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import openpyxl
import pytest

import bpsheet as bp
from bpsheet.api.experiment import Experiment
from bpsheet.plan.templates import template_path
from bpsheet.plan.toml import toml_text
from tests.helpers.samples import spread

from .documents import DOCUMENTS, ROOT, Block, blocks, text_of

SHORTER = {"_000_000": "_000", "1000000": "2000", "1:100": "1:2", "--frames 10": "--frames 2"}
SHORTER["run digits --forward"] = "run iris --forward"
# Commands that install or take long: that what they name is there is all that is checked.
NOT_RUN = (
    r"python -m pip install",
    r"jupyter lab (?P<path>\S+)$",
    r"pytest$",
    r"python -m (?P<module>tests[.\w]+)( \d+)?$",
    r"python (?P<path>tests/\w+\.py) \d+$",
    r"ruff (format|check) \.$",
    r"mypy$",
)
# Commands that are shown to fail, or to find something.
STATUS = {"bpsheet run wrong.toml": 2, "bpsheet check two-neuron my-values.csv": 1}


def of_language(language: str) -> list[Block]:
    return [block for name in DOCUMENTS for block in blocks(name) if block.language == language]


def shortened(text: str) -> str:
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    return text


# Sections that train, draw or recalculate for seconds, however short they are made.
LONG = tuple(
    f"outputs/README.md-{section}"
    for section in ("Pictures", "Does it compute what it says?", "Many runs", "Three layouts")
)


def in_both_lengths(names: list[str], text_of_name) -> list[object]:
    """A test's cases: as short as they get, and as they stand where that is longer."""
    cases = [
        pytest.param(name, True, id=name, marks=[pytest.mark.slow] if name in LONG else [])
        for name in names
    ]
    for name in names:
        text = text_of_name(name)
        if shortened(text) != text:
            cases.append(pytest.param(name, False, id=f"{name}-whole", marks=pytest.mark.slow))
    return cases


def commands_in(block: Block) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, with the output that is shown below each."""
    lines = block.text.splitlines()
    if not lines[0].startswith("$ "):
        yield from ((line.partition("  #")[0].strip(), []) for line in lines)
        return
    starts = [n for n, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start].removeprefix("$ "), lines[start + 1 : end]


def assert_is_shown(shown: list[str], printed: str) -> None:
    """Each shown line is printed, in this order; … stands for anything."""
    printed = re.sub(r" +$", "", printed, flags=re.MULTILINE)
    position = 0
    for line in shown:
        pattern = ".*".join(map(re.escape, re.split(r"…", line)))
        found = re.compile(f"^{pattern}$", re.MULTILINE).search(printed, position)
        assert found or line == "…", f"not printed: {line}\n{printed}"
        position = found.end() if found else position


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the files that the documents show or speak of."""
    for block in (block for name in DOCUMENTS for block in blocks(name)):
        if block.file is not None:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    right = template_path("two-neuron").read_text(encoding="utf-8")
    wrong = right.replace("[[0.6, -0.1]]", "[[0.6, -0.1, 0.2]]")
    wrong = wrong.replace("half_squared_error", "half_square_error")
    (tmp_path / "wrong.toml").write_text(wrong, encoding="utf-8")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    for row, weight in enumerate((0.5, -0.2, 0.1, 0.7, -0.4), start=2):
        sheet[f"A{row}"], sheet[f"B{row}"], sheet[f"C{row}"] = row - 4, weight, f"=A{row}*B{row}"
    sheet["D9"] = "=(SUM(C2:C6)-1)^2"
    book.save(tmp_path / "model.xlsx")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    # A run that stands whole in a document leaves gigabytes.
    shutil.rmtree(tmp_path)


SECTIONS = list(dict.fromkeys((block.document, block.section) for block in of_language("console")))
CONSOLE = {
    f"{document}-{section}": [
        block
        for block in of_language("console")
        if (block.document, block.section) == (document, section)
    ]
    for document, section in SECTIONS
}


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("section", "short"),
    spread(
        in_both_lengths(list(CONSOLE), lambda name: "".join(block.text for block in CONSOLE[name])),
        7,
    ),
)
@pytest.mark.usefixtures("desk")
def test_the_commands_of_a_section_run_and_print_what_is_shown(section, short, command):
    for block in CONSOLE[section]:
        for line, shown in commands_in(block):
            printed = "".join(run(part, command, short=short) for part in line.split(" && "))
            assert_is_shown(shown, printed)


def run(line: str, command, *, short: bool) -> str:
    """Run a command of bpsheet in this process; of others see that what they name is there."""
    words = shlex.split(shortened(line) if short else line)
    if words[0] != "bpsheet":
        named = next((found for way in NOT_RUN if (found := re.match(way, line))), None)
        assert named, f"neither run nor known: {line}"
        for kind, name in named.groupdict().items():
            path = ROOT / (name.replace(".", "/") if kind == "module" else name)
            assert path.exists() or path.with_suffix(".py").exists(), line
        return ""
    target = words.index(">") if ">" in words else len(words)
    status, out, err = command(*words[1:target])
    assert status == STATUS.get(line, 0), f"{line}\n{out}{err}"
    if words[target:]:
        Path(words[-1]).write_text(out, encoding="utf-8")
    return out + err


PYTHON = {
    name: [block for block in of_language("python") if block.document == name]
    for name in DOCUMENTS
    if any(block.document == name for block in of_language("python"))
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("document", "short"),
    in_both_lengths(list(PYTHON), lambda name: "".join(block.text for block in PYTHON[name])),
)
@pytest.mark.usefixtures("desk")
def test_the_python_of_a_document_runs_from_top_to_bottom(document, short, monkeypatch):
    """A cluster is this process, for nobody has the one that is named."""
    known: dict[str, object] = {}
    with mpl.rc_context({"backend": "agg"}), monkeypatch.context() as patch:
        if "dask" in text_of(document):
            from dask import distributed

            here = distributed.Client(processes=False, dashboard_address=":0")
            patch.setattr(distributed, "Client", lambda _: here)
        for block in PYTHON[document]:
            text = shortened(block.text) if short else block.text
            exec(compile("\n" * block.line + text, str(ROOT / document), "exec"), known)
    assert known["bp"] is bp  # its blocks follow one another in one session


TOML = of_language("toml")


@pytest.mark.sample(9)
@pytest.mark.parametrize("block", [block for block in TOML if block.file is None], ids=str)
@pytest.mark.usefixtures("desk")
def test_a_piece_of_an_experiment_file_is_one(block):
    """Whole, or in the place of the same tables of the document's whole one."""
    tables = tomllib.loads(block.text)
    needs_data = "data" not in tables and tables.get("graph", {"inputs": ["x"]}).get("inputs")
    if not {"network", "graph"} & tables.keys() or needs_data:
        tables = merged(whole_of(block.document), tables)
    experiment = Experiment.from_dict(tables, base=Path())
    assert len(experiment.run()) == experiment.iterations
    assert tomllib.loads(toml_text(tables)) == tables


def whole_of(document: str) -> dict[str, object]:
    return tomllib.loads(next(b.text for b in TOML if b.document == document and "title" in b.text))


def merged(whole: dict[str, object], piece: dict[str, object]) -> dict[str, object]:
    """The piece's tables over those of the whole; a graph in the place of a network."""
    if "graph" in piece:
        whole = {key: value for key, value in whole.items() if key != "network"}
    for key, value in piece.items():
        before = whole.get(key)
        is_table = isinstance(before, dict) and isinstance(value, dict) and "file" not in value
        whole = whole | {key: {**before, **value} if is_table else value}
    return whole


def test_every_block_is_run_by_one_of_these_tests():
    for name in DOCUMENTS:
        for block in blocks(name):
            is_run = block.language in ("console", "python", "toml")
            assert is_run or (block.language == "csv" and block.file), str(block)


def test_a_file_that_a_document_shows_is_read_by_a_command_or_an_experiment():
    files = {block.file for name in DOCUMENTS for block in blocks(name) if block.file}
    for file in files:
        used = [b for b in (*of_language("console"), *TOML) if file in b.text]
        assert used, file
