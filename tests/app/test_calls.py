"""The page gives what the command line gives, to the byte, and the same marks."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

import bpsheet as bp
from bpsheet.app.sent import Upload
from bpsheet.app.uploads import key_in, store
from bpsheet.errors import InputError
from bpsheet.exercises.key import read_key
from tests.helpers.evening import NAMES, SHORT, Evening, roster_text
from tests.helpers.samples import sampled

ROSTER = roster_text(NAMES[:7]).encode()


@pytest.fixture
def asked(text):
    return {"text": text, "name": "two-neuron"}


@pytest.fixture
def folder(tmp_path, asked) -> Path:
    """Where the command line works: the same experiment file, and a roster."""
    (tmp_path / "two-neuron.toml").write_text(asked["text"], "utf-8")
    (tmp_path / "class.csv").write_bytes(ROSTER)
    return tmp_path


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


COMMANDS = {
    "workbook": ("run", "-o", "a.xlsx"),
    "page": ("page", "-o", "a.html"),
    "html": ("explain", "--format", "html", "-o", "a.html"),
    "latex": ("explain", "--format", "latex", "-o", "a.tex"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", sampled(COMMANDS, "workbook", "latex"))
def test_what_is_taken_along_is_what_the_commands_write(app, asked, what, command, folder):
    name, *options, last = COMMANDS[what]
    written = folder / last
    assert command(name, str(folder / "two-neuron.toml"), *options, str(written))[0] == 0
    got = app.call("make", asked | {"what": what})
    assert app.file(got, written.suffix) == written.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("form", sampled(["moodle", "qti12", "qti21"], "moodle"))
def test_a_question_bank_is_that_of_the_command(app, asked, form, command, folder):
    path = folder / f"bank.{'xml' if form == 'moodle' else 'zip'}"
    made = ("exercise", str(folder / "two-neuron.toml"), "-o", str(path), "--format", form)
    more = ("--students", str(folder / "class.csv"), "--vary", "weights", "--ask", "forward")
    assert command(*made, *more)[0] == 0
    wanted = {"form": form, "ask": ["forward"], "vary": ["weights"]}
    got = app.call("exercise", asked | wanted, [("roster", "class.csv", ROSTER)])
    assert app.file(got, path.suffix) == path.read_bytes()
    assert any("7 students: name from First name" in said for said in got["said"])


@pytest.mark.slow
def test_the_evening_without_a_terminal(app, asked, tmp_path):
    """Roster, sheets, key, hand-ins, marks, feedback; and once more by another scale."""
    wanted = {"ask": ["forward", "backward", "update"], "vary": ["weights"], "digits": "4"}
    made = app.call("exercise", asked | wanted, [("roster", "class.csv", ROSTER)])
    sheets, key = (app.file(made, end) for end in ("-sheets.zip", "-key.zip"))
    assert "Ada Lovelace" in app.file(made, "-solutions.html").decode()
    for name, content in (unzipped(sheets) | unzipped(key)).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    place = tmp_path / "two-neuron-sheets-key"
    evening = Evening(read_key(place), tmp_path / "two-neuron-sheets", tmp_path / "in")
    hopes = [evening.hand_in(kind, number) for number, kind in enumerate(SHORT)]
    files = [("handins", path.name, path.read_bytes()) for path in sorted(evening.folder.iterdir())]
    got = app.call("mark", {"system": "moodle"}, [*files, ("key", "my key.zip", key)])
    assert "problems" not in got, got["problems"]
    marks = {row["student"]: row["marks"] for row in got["rows"]}
    assert marks.keys() == {one.student for one in hopes if one.marks is not None}
    assert all(marks[one.student] == f"{one.marks} of 25" for one in hopes if (one.marks or -1) > 0)
    assert any("the numbers on it are those of" in line for line in got["first"])
    assert any("damaged" in line for line in got["first"])
    assert not any(str(app.shelf.root) in line for line in (*got["said"], *got["first"]))
    pages = unzipped(app.file(got, "-feedback.zip"))
    assert len(pages) == len(got["rows"]) + 1
    page = app.request("GET", f"{got['rows'][0]['page']}?open")
    assert page.headers["content-type"].startswith("text/html")
    assert app.file(got, "-moodle.csv").startswith(b"ID number,")

    again = app.call("mark", {"again": got["again"], "total": "10", "scale": "close = 1"})
    assert [row["marks"] for row in again["rows"] if row["student"].startswith("Ada")] == [
        "10 of 10"
    ]
    gone = app.call("mark", {"again": "guessed"})
    assert "choose the hand-ins again" in gone["problems"][0]["said"]


CANVAS = (
    "Student,ID,SIS Login ID,Section,Essay (77)\n    Points Possible,,,,10\n"
    '"Lovelace, Ada",101,ada,Mon,3\n"Groß, Bob",102,bob,Tue,\n'
)


@pytest.mark.slow
def test_a_table_for_canvas_has_the_rows_of_its_own_export(app, asked, tmp_path):
    """The roster is as Canvas exports it; the table comes back with a column for each question."""
    wanted = {"ask": ["forward"], "vary": ["weights"], "digits": "4"}
    made = app.call("exercise", asked | wanted, [("roster", "canvas.csv", CANVAS.encode())])
    assert any(line.startswith("2 students: ") for line in made["said"])
    sheets, key = (app.file(made, end) for end in ("-sheets.zip", "-key.zip"))
    for name, content in (unzipped(sheets) | unzipped(key)).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    place = read_key(tmp_path / "two-neuron-sheets-key")
    evening = Evening(place, tmp_path / "two-neuron-sheets", tmp_path / "in")
    paths = evening.filled(0), evening.filled(1, {"MSE": 2.0})
    files = [("handins", path.name, path.read_bytes()) for path in paths]
    files.append(("key", "k.zip", key))
    got = app.call("mark", {"system": "canvas", "by_question": True, "total": "10"}, files)
    heads, points, ada, bob = csv.reader(
        io.StringIO(app.file(got, "-canvas.csv").decode("utf-8-sig"))
    )
    assert heads[:4] == ["Student", "ID", "SIS Login ID", "Section"]
    assert [head.rpartition(": ")[2] for head in heads[5:]] == [
        f"{name} (1)" for name in ("z_g", "g", "z_f", "f", "MSE")
    ]
    assert points == ["    Points Possible", "", "", "", "10", *["2"] * 5]
    assert ada == ["Lovelace, Ada", "101", "ada", "Mon", "10", *["2"] * 5]
    assert bob == ["Groß, Bob", "102", "bob", "Tue", "8", *["2"] * 4, "0"]


@pytest.mark.parametrize(
    "case",
    [
        ("exercise", {"students": "many"}, [], "a whole number"),
        ("exercise", {"ask": []}, [], "nothing is asked"),
        ("exercise", {"ask": ["forward"], "form": "docx"}, [], "no format"),
        ("exercise", {"ask": ["forward"]}, [("roster", "a.csv", b"x;y\n1;2\n")], "name"),
        ("make", {"what": "../etc"}, [], "nothing is called"),
        ("make", {"what": "workbook", "text": "a ="}, [], "TOML"),
        ("mark", {}, [], "there are no hand-ins"),
        ("mark", {}, [("handins", "a.txt", b"x")], "nothing to mark"),
        ("mark", {}, [("handins", "a.xlsx", b""), ("key", "k.zip", b"")], "not a readable zip"),
        ("mark", {}, [("handins", "a.xlsx", b""), ("key", "k.csv", b"")], "this is no key"),
        ("mark", {"scale": "closed = 1"}, [("handins", "a.xlsx", b"x")], "no verdict"),
        ("mark", {"system": "moodle"}, [("handins", "a.xlsx", b"x")], "roster"),
        ("template", {"name": "../a"}, [], "no template"),
        ("open", {}, [], "choose a file"),
        ("open", {}, [("file", "a.xlsx", b"x")], "not a"),
    ],
)
def test_what_does_not_work_is_said_in_words(app, asked, case):
    call, more, files, said = case
    got = app.call(call, asked | more, files)
    assert any(said in one["said"] for one in got["problems"]), got
    assert not any(str(app.shelf.root) in one["said"] for one in got["problems"])


def test_files_of_ones_own_are_opened(app, tmp_path):
    """An experiment file with its table, a workbook that was edited, and a text that is wrong."""
    workbook = bp.load("two-neuron").run(3).to_excel(tmp_path / "mine.xlsx").read_bytes()
    got = app.call("open", {}, [("file", "mine.xlsx", workbook)])
    assert (got["name"], got["problems"]) == ("mine", [])
    table = b"x,y\n1,2\n2,4\n"
    text = (
        '[network]\ninputs = ["x"]\ntargets = ["y"]\nloss = "squared_error"\n'
        '[[network.layers]]\nunits = 1\n[data]\nfile = "t.csv"\n[training]\niterations = 3\n'
    )
    got = app.call("open", {}, [("file", "t.csv", table), ("file", "a.toml", text.encode())])
    assert got["problems"] == []
    got = app.call("open", {}, [("file", "a.toml", b"title = 0,5")])
    assert "decimal comma" in got["problems"][0]["said"]
    assert got["text"] == "title = 0,5"


def test_files_lie_where_they_should_whatever_they_are_called(tmp_path):
    names = [
        "../../a.csv",
        "/etc/a.csv",
        "C:\\x\\a.csv",
        "a.csv",
        "a.csv",
        "..",
        "",
        "x" * 300 + ".xlsx",
    ]
    names += ["Ada_1_assignsubmission_file_/ü.xlsx", "a.csv/b.csv", "con\x00:a?.csv"]
    paths = store([Upload("handins", name, b"x") for name in names], tmp_path / "in")
    assert len({*paths}) == len(names)
    for path in paths:
        assert path.resolve().is_relative_to((tmp_path / "in").resolve())
        assert path.read_bytes() == b"x"
    assert paths[8].relative_to(tmp_path / "in").as_posix() == names[8]
    with pytest.raises(InputError, match="put them into a zip"):
        store([Upload("handins", "a", b"")] * 2_001, tmp_path / "many")


def test_a_key_is_taken_from_a_zip_whatever_else_is_in_it(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("deep/er/class.json", "{}")
        package.writestr("deep/er/../../../../evil.toml", "x")
        package.writestr("deep/er/a.toml", "x")
        package.writestr("other/b.toml", "x")
    folder = key_in([Upload("key", "k.zip", out.getvalue())], tmp_path)
    assert {path.name for path in folder.iterdir()} == {"class.json", "a.toml"}
