"""Text that comes in is read from files only, each no further than its limit."""

from __future__ import annotations

import os
import socket
import sys

import pytest

import bpsheet as bp
from bpsheet.exercises.marks import read_marks
from bpsheet.exercises.roster import read_roster
from bpsheet.guard.text import read_text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="devices and pipes have no files")

EXPERIMENT = bp.load("two-neuron").text


def through_data(path):
    tables = bp.load("two-neuron").to_dict()
    tables["data"] = {"file": str(path)}
    return bp.Experiment.from_dict(tables)


def through_hand_values(path):
    return bp.load("two-neuron").run(1).compare(path)


ENTRANCES = {
    "an experiment": bp.load,
    "its data": through_data,
    "hand values": through_hand_values,
    "a roster": read_roster,
    "marks": read_marks,
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


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_what_is_no_file_is_refused_at_every_entrance_without_reading_it(entrance, strange):
    for what, path in strange.items():
        with pytest.raises(bp.InputError, match=f"{what}, not a file"):
            ENTRANCES[entrance](path)


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_file_beyond_its_limit_is_read_no_further(entrance, tmp_path):
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        stream.truncate(50_000_000_000)
    with pytest.raises(bp.InputError, match=r"more than [0-9,]+ bytes"):
        ENTRANCES[entrance](path)


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


@pytest.mark.parametrize("file", ["/dev/zero", "/etc/passwd", "iris.csv"])
def test_an_experiment_in_a_workbook_reads_no_file(file, tmp_path):
    """A stranger may have written it."""
    begin, end = EXPERIMENT.index("[data]"), EXPERIMENT.index("[training]")
    text = f'{EXPERIMENT[:begin]}[data]\nfile = "{file}"\n\n{EXPERIMENT[end:]}'
    experiment = bp.load("two-neuron")
    experiment._text = text
    path = experiment.run().to_excel(tmp_path / "strange.xlsx")
    for enter in (bp.load, bp.verify):
        with pytest.raises(bp.WorkbookError, match="no file is read from here") as caught:
            enter(path)
        assert "root:" not in str(caught.value)
