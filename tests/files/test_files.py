"""Files appear whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bpsheet as bp
from bpsheet.files import whole as files
from bpsheet.files.whole import replacing
from bpsheet.workbook import writing
from tests.helpers import killed, unwritable
from tests.helpers.unwritable import COMMANDS


def test_a_file_is_written(tmp_path):
    path = tmp_path / "new folder" / "x.bin"
    with replacing(path) as stream:
        stream.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_is_replaced(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(b"old and longer")
    with replacing(path) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_on_an_exception_the_old_file_stays_and_nothing_is_left(tmp_path, error):
    path = tmp_path / "x.bin"
    path.write_bytes(b"old")
    with pytest.raises(error):  # noqa: PT012 - the error comes out of the inner block
        with replacing(path) as stream:
            stream.write(b"half of the n")
            stream.flush()
            raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_on_an_exception_no_new_file_appears(tmp_path):
    with pytest.raises(ValueError, match="stop"):  # noqa: PT012 - as above
        with replacing(tmp_path / "x.bin") as stream:
            stream.write(b"half")
            raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_the_old_file_stays(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(b"old")
    with pytest.raises(bp.OutputError, match=r"cannot write .*x\.bin: No space left on device"):
        with replacing(path):
            raise OSError(28, "No space left on device")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_a_file_that_cannot_be_replaced_is_told(tmp_path, monkeypatch):
    """As on Windows, where Excel keeps an open file for itself."""
    path = tmp_path / "x.xlsx"
    path.write_bytes(b"old")

    def refuse(_self, target):
        raise PermissionError(13, "used by another process", str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(bp.OutputError, match=r"close it there.* The old file is unchanged"):
        with replacing(path) as stream:
            stream.write(b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_usual_mode(tmp_path, umask, mode):
    """As any program's file: what the umask leaves, not the 0600 of a temporary file."""
    path = tmp_path / "x.bin"
    before = os.umask(umask)
    try:
        with replacing(path) as stream:
            stream.write(b"x")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_symbolic_link_is_replaced_and_its_target_stays(tmp_path):
    target, link = tmp_path / "precious.txt", tmp_path / "link.bin"
    target.write_bytes(b"precious")
    link.symlink_to(target)
    with replacing(link) as stream:
        stream.write(b"new")
    assert target.read_bytes() == b"precious"
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"


def test_a_link_to_nowhere_is_replaced(tmp_path):
    link = tmp_path / "link.bin"
    link.symlink_to(tmp_path / "nowhere")
    with replacing(link) as stream:
        stream.write(b"new")
    assert link.read_bytes() == b"new"
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_is_refused(tmp_path):
    folder = tmp_path / "x.xlsx"
    folder.mkdir()
    with pytest.raises(bp.OutputError, match="is a folder; give a file's name"):
        with replacing(folder):
            pytest.fail("nothing should be written")
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("below", ["file.txt/x.bin", "file.txt/deeper/x.bin"])
def test_a_place_below_a_file_is_refused(tmp_path, below):
    (tmp_path / "file.txt").write_text("a file")
    with pytest.raises(bp.OutputError, match="cannot write"):
        with replacing(tmp_path / below):
            pytest.fail("nothing should be written")
    assert (tmp_path / "file.txt").read_text() == "a file"


@pytest.mark.parametrize(
    "name",
    ["a" * 240 + ".xlsx", "表" * 80 + ".xlsx", "😀" * 60 + ".xlsx"],
    ids=["one byte each", "three", "four"],
)
def test_names_as_long_as_a_folder_takes_them(tmp_path, name):
    """At most 255 bytes; the temporary file beside it must not need more."""
    assert len(name.encode()) <= 255
    with replacing(tmp_path / name) as stream:
        stream.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_name_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(bp.OutputError, match="File name too long"):
        with replacing(tmp_path / ("a" * 300)):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_a_folder_is_in_this_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replacing(Path("x y.bin")) as stream:
        stream.write(b"x")
    assert (tmp_path / "x y.bin").read_bytes() == b"x"


def test_a_process_that_is_killed_leaves_the_old_file(tmp_path):
    """Whatever happens, the name never stands for half a file."""
    path = tmp_path / "x.bin"
    path.write_bytes(b"old")
    code = (
        "import os, sys, pathlib; from bpsheet.files.whole import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as stream:\n"
        " stream.write(b'half'); stream.flush(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60)
    assert done.returncode == -9
    assert path.read_bytes() == b"old"


def test_a_workbook_replaces_the_old_one_whole_or_not_at_all(tmp_path, monkeypatch):
    """An error in the middle of the rows leaves the workbook that was there."""
    path = tmp_path / "x.xlsx"
    trace = bp.load("two-neuron").run(20)
    trace.to_excel(path)
    before = path.read_bytes()

    def rows(*_arguments):
        yield b'<row r="8">'
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "row_xml", rows)
    with pytest.raises(KeyboardInterrupt):
        trace.to_excel(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# killed writers


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.slow
@pytest.mark.parametrize("times", [15, 50])
def test_killed_writers_leave_the_old_file_or_the_new_one(tmp_path, times):
    """At random moments, many of them halfway; what they leave, the next day's writing removes."""
    path = tmp_path / "x.xlsx"
    script = Path(killed.__file__)
    done = subprocess.run(
        [sys.executable, str(script), str(path), str(times)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["damaged"] == 0
    assert found["halfway"] == found["left"] > 0
    yesterday = time.time() - files.STALE - 60
    for stale in tmp_path.glob(".bpsheet-*.part"):
        os.utime(stale, (yesterday, yesterday))
    with replacing(tmp_path / "another.bin") as stream:
        stream.write(b"x")
    assert {found.name for found in tmp_path.iterdir()} == {"x.xlsx", "another.bin"}


def test_only_what_nobody_has_written_to_for_a_day_is_swept(tmp_path):
    """Not the file of another writer, and nothing that only looks like one of ours."""
    kept = {".bpsheet-fresh.part": 60, ".bpsheet-mine.txt": 9e6, "bpsheet-1.part": 9e6}
    for name, age in {**kept, ".bpsheet-stale.part": 90_000}.items():
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    (tmp_path / ".bpsheet-folder.part").mkdir()
    os.utime(tmp_path / ".bpsheet-folder.part", (0, 0))
    with replacing(tmp_path / "x.bin") as stream:
        stream.write(b"x")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, ".bpsheet-folder.part", "x.bin"}


# what stands in the way


@pytest.mark.slow
def test_a_file_that_is_held_for_a_moment_is_replaced_after_it(tmp_path, monkeypatch):
    """As by a virus scanner; a few attempts in less than a second."""
    path = tmp_path / "x.xlsx"
    path.write_bytes(b"old")
    replace, refused = Path.replace, []

    def held(self, target):
        if len(refused) < len(files.PAUSES):
            refused.append(target)
            raise PermissionError(13, "used by another process", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", held)
    with replacing(path) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"new"
    assert len(refused) == len(files.PAUSES)
    assert sum(files.PAUSES) < 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such files")
def test_a_device_is_refused_and_stays(tmp_path):
    """Such as /dev/null, which somebody with all rights could replace by a file."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    for name in ("pipe", "link"):
        with pytest.raises(bp.OutputError, match="is a device, not a file"):
            with replacing(tmp_path / name):
                pytest.fail("nothing should be written")
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)
    assert (tmp_path / "link").is_symlink()


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be opened there")
def test_first_the_content_is_on_the_disk_then_the_name(tmp_path, monkeypatch):
    """A power failure after the replacing finds the new file, not an empty one."""
    done = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(
        Path, "replace", lambda self, target: (done.append("name"), replace(self, target))
    )
    with replacing(tmp_path / "x.bin") as stream:
        stream.write(b"x")
    assert done == ["content", "name", "folder"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("full", "No space left on device"),
        ("read-only", "Read-only file system"),
    ],
)
def test_a_disk_that_takes_nothing_is_one_clear_error(tmp_path, how, why):
    """From every command, for every kind of file, on a small file system of the test's own."""
    mounted = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=400k tmpfs "$0" && exec "$@"']
    try:
        subprocess.run([*mounted, str(tmp_path), "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine does not permit mounting")
    script = str(Path(unwritable.__file__))
    done = subprocess.run(
        [*mounted, str(tmp_path), sys.executable, script, str(tmp_path), how],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = [1, f"bpsheet: cannot write FILE: {why}\n", True]
    assert found == dict.fromkeys(COMMANDS, expected)


def test_a_name_that_no_file_can_have_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(bp.OutputError, match="contains a character that no file name can have"):
        with replacing(tmp_path / "a\0b.xlsx"):
            pass
    assert list(tmp_path.iterdir()) == []
