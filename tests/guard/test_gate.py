"""What comes in is read from files only, each no further than its limit."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

import bpsheet as bp
from bpsheet.api.opening import load
from bpsheet.exercises.handins import handed_in
from bpsheet.exercises.key import read_key
from bpsheet.exercises.marks import read_marks
from bpsheet.exercises.roster import read_roster
from bpsheet.guard.gate import open_file, read_bytes, read_whole
from bpsheet.guard.text import read_text
from bpsheet.models.files import arrays_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="devices and pipes have no files")

EXPERIMENT = bp.load("two-neuron").text


def through_data(path):
    tables = bp.load("two-neuron").to_dict()
    tables["data"] = {"file": str(path)}
    return bp.Experiment.from_dict(tables)


def through_hand_values(path):
    return bp.load("two-neuron").run(1).compare(path)


def as_(ending, entrance):
    """The same thing under a name with another ending."""

    def enter(path):
        other = path.with_suffix(ending)
        with suppress(OSError, ValueError):
            path.rename(other)
        return entrance(other)

    return enter


def in_a_folder(path):
    """A hand-in: what is refused is a row of the class table."""
    found = handed_in(path.parent)
    for one in found.refused:
        if one.path == path:
            raise bp.InputError(one.reason)
    return next(one for one in found.files if one.path == path).content()


TEXTS = {
    "an experiment": bp.load,
    "its data": through_data,
    "hand values": through_hand_values,
    "a roster": read_roster,
    "marks": read_marks,
}
ENTRANCES = {
    **TEXTS,
    "data in Parquet": as_(".parquet", through_data),
    "a run in Parquet": as_(".parquet", bp.load),
    "hand values in arrays": as_(".npz", through_hand_values),
    "a model's arrays": as_(".npz", arrays_in),
    "a model's tensors": as_(".safetensors", arrays_in),
    "a workbook": as_(".xlsx", bp.load),
    "a roster in a workbook": as_(".ods", read_roster),
}


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """Things that are no files, by what they are called."""
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as made:
        monkeypatch.chdir(tmp_path)  # a socket's name is short
        made.bind("socket.csv")
        yield {
            "a pipe": tmp_path / "pipe.csv",
            "a folder": tmp_path / "folder.csv",
            "a device": tmp_path / "link.csv",
            "a socket": tmp_path / "socket.csv",
        }


@pytest.mark.sample(4)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_what_is_no_file_is_refused_at_every_entrance_without_reading_it(entrance, strange):
    for what, path in strange.items():
        with pytest.raises(bp.InputError, match=f"{what}, not a file"):
            ENTRANCES[entrance](path)


@pytest.mark.usefixtures("strange")
def test_hand_ins_that_are_no_files_are_refused_and_the_others_marked(tmp_path):
    """A pipe without a writer holds nobody up, whatever its name ends in."""
    (tmp_path / "sheet.xlsx").write_bytes(b"PK")
    for ending in (".zip", ".xlsx"):
        os.mkfifo(tmp_path / f"another{ending}")
    found = handed_in(tmp_path)
    said = {one.path.name: one.reason for one in found.refused}
    for one in found.files:
        try:
            one.content()
        except bp.WorkbookError as error:
            said[one.path.name] = str(error)
    assert {name: why.rpartition(": ")[2] for name, why in said.items()} == {
        "another.zip": "a pipe, not a file",
        "another.xlsx": "a pipe, not a file",
        "pipe.csv": "a pipe, not a file",
        "socket.csv": "a socket, not a file",
        "link.csv": "a link, not a file",
    }


@pytest.mark.slow
def test_models_and_keys_that_are_no_files_are_refused_too(tmp_path):
    (tmp_path / "class.json").symlink_to("/dev/zero")
    with pytest.raises(bp.BpsheetError, match="not"):
        read_key(tmp_path)
    for ending in (".pt", ".onnx"):
        os.mkfifo(tmp_path / f"model{ending}")
    pytest.importorskip("torch")
    with pytest.raises(bp.InputError, match="a pipe, not a file"):
        arrays_in(tmp_path / "model.pt")
    pytest.importorskip("onnx")
    with pytest.raises(bp.InputError, match="a pipe, not a file"):
        bp.load(tmp_path / "model.onnx")


@pytest.mark.skipif(not Path("/proc/self/pagemap").exists(), reason="this system has no /proc")
def test_a_file_that_the_system_makes_up_is_read_no_further_than_its_size(tmp_path):
    """`pagemap` says that it is empty and would go on for hundreds of terabytes."""
    for name in ("/proc/self/pagemap", "/proc/self/status"):
        with pytest.raises(bp.InputError, match="its size changes while it is read"):
            read_bytes(Path(name), 1 << 60)
        for ending, entrance in ((".csv", through_data), (".xlsx", bp.load)):
            (link := tmp_path / f"link{ending}").unlink(missing_ok=True)
            link.symlink_to(name)
            with pytest.raises(bp.InputError):
                entrance(link)


@pytest.mark.parametrize("change", [b"", b"x1,x2", b"x1,x2,y\n1,2,3\n4,5,6\n"])
def test_a_file_that_changes_while_it_is_read_is_refused(change, tmp_path, monkeypatch):
    """Half a table would be a table too."""
    (path := tmp_path / "data.csv").write_bytes(b"x1,x2,y\n1,2,3\n")
    sizes = os.fstat

    def changed_afterwards(descriptor):
        status = sizes(descriptor)
        path.write_bytes(change)
        return status

    with open_file(path) as stream:
        monkeypatch.setattr(os, "fstat", changed_afterwards)
        with pytest.raises(bp.InputError, match="changes while it is read"):
            read_whole(stream, 1_000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_that_takes_a_files_place_is_refused_without_waiting(tmp_path, monkeypatch):
    """The look at the kind comes first; meanwhile another program may put something else there."""
    (file := tmp_path / "file.csv").write_bytes(b"x1,y")
    os.mkfifo(pipe := tmp_path / "pipe.csv")
    status = file.stat()
    monkeypatch.setattr(Path, "stat", lambda _path: status)
    said = []

    def entering():
        with pytest.raises(bp.InputError, match="a pipe, not a file") as caught:
            open_file(pipe)
        said.append(caught.value)

    # Without the flag, the opening waits for a writer for ever.
    thread = threading.Thread(target=entering, daemon=True)
    thread.start()
    thread.join(10)
    assert said


def test_what_vanishes_from_a_folder_of_hand_ins_is_refused_and_the_others_marked(tmp_path):
    for name in ("ada.xlsx", "grace.xlsx", "deep/zip.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(tmp_path / name, "w") as package:
            package.writestr("sheet.xlsx", b"PK")
    found = handed_in(tmp_path)
    for name in ("ada.xlsx", "deep/zip.zip"):
        (tmp_path / name).unlink()
    gone = [one for one in found.files if "grace" not in one.path.name]
    assert len(gone) == 2
    for one in gone:
        with pytest.raises(bp.WorkbookError, match=r"cannot be read|no such file"):
            one.content()


# What opens a file. A part of a package is opened too, and a window of a browser.
OPENERS = re.compile(
    r"(?<![\w.])(?<!def )open\(|\.open\(\"|\.read_(?:bytes|text)\((?!\)\.count)|[^(]\bpath\.open\(|ZipFile\(path"
    r"|np\.load\((?!io\.)|torch\.load\((?!io\.)|(?:read_table|load_workbook)\(path|pd\.read_"
)
EXAMPLE = re.compile(r"^ *(?:>>>|\.\.\.).*", re.MULTILINE)
OWN_FILES = {
    "app/calls.py": "parts of the package",
    "app/making.py": "a zip of what bpsheet has made",
    "app/server.py": "parts of the package, and what bpsheet has made",
    "files/ours.py": "checked to be files, to be replaced",
    "exercises/handout.py": "feedback that bpsheet wrote",
    "outside/browser.py": "what a browser has made",
    "outside/office.py": "what LibreOffice has made",
    "page/page.py": "parts of the package",
    "plan/templates.py": "parts of the package",
    "verifying/child.py": "what an engine is given",
    "verifying/engine.py": "what an engine is given",
}


@pytest.mark.slow
def test_files_are_opened_at_the_gate_only():
    package = Path(bp.__file__).parent
    openers = {
        source.relative_to(package).as_posix(): found[0]
        for source in package.rglob("*.py")
        if (found := OPENERS.search(EXAMPLE.sub("", source.read_text("utf-8"))))
    }
    assert openers.keys() == OWN_FILES.keys(), openers


@pytest.mark.parametrize("entrance", TEXTS)
def test_a_file_beyond_its_limit_is_read_no_further(entrance, tmp_path):
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        stream.truncate(50_000_000_000)
    with pytest.raises(bp.InputError, match=r"more than [0-9,]+ bytes"):
        ENTRANCES[entrance](path)


@pytest.mark.sample(5)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_names_that_no_file_has_are_refused_in_words(entrance, tmp_path):
    for name in ("a\0b.csv", "x" * 300 + ".csv", "nothing.csv"):
        with pytest.raises(bp.InputError) as caught:
            ENTRANCES[entrance](tmp_path / name)
        assert "Error" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\x80"])
def test_what_is_no_text_is_refused(content, tmp_path):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(bp.InputError, match="not a text file"):
        read_text(tmp_path / "x.csv")


def test_lines_end_alike_whatever_wrote_them(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert read_text(tmp_path / "x.csv") == "a\nb\nc\n"


@pytest.mark.slow
@pytest.mark.parametrize("file", ["/dev/zero", "/etc/passwd", "iris.csv"])
def test_an_experiment_in_a_workbook_reads_no_file(file, tmp_path):
    """A stranger may have written it."""
    begin, end = EXPERIMENT.index("[data]"), EXPERIMENT.index("[training]")
    text = f'{EXPERIMENT[:begin]}[data]\nfile = "{file}"\n\n{EXPERIMENT[end:]}'
    # Of its own: the tests share what bp.load gives for a template.
    experiment = load("two-neuron")
    experiment._text = text
    path = experiment.run().to_excel(tmp_path / "strange.xlsx")
    for enter in (bp.load, bp.verify):
        with pytest.raises(
            bp.WorkbookError, match="no data file is read for this experiment"
        ) as caught:
            enter(path)
        assert "root:" not in str(caught.value)
