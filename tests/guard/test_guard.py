"""Hostile and damaged workbooks are refused at every entrance, each by the limit that it breaks."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
from openpyxl import Workbook

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.filled import FilledBook, open_filled
from bpsheet.exercises.fillin import fill_in_workbook
from bpsheet.exercises.handins import HandIn
from bpsheet.exercises.received import Exercises, received_file
from bpsheet.guard import limits as guard
from bpsheet.guard.limits import EXERCISE, OURS, OWN
from bpsheet.guard.package import guarded_bytes, opened
from bpsheet.guard.part import PLAIN_ROW
from bpsheet.sheets import differentiate_workbook
from tests.helpers.grading import grade_file
from tests.helpers.hostile import HOSTILE, SHEET, changed, part, with_rows
from tests.helpers.samples import sampled

LIMITS = {"load": OURS, "verify": OURS, "check": EXERCISE, "grade": EXERCISE, "differentiate": OWN}


@pytest.fixture(scope="module")
def sheet() -> bytes:
    """A sheet to fill in, as a file's bytes."""
    return fill_in_workbook(Exercise(bp.load("two-neuron")).task("Ada"))


@pytest.fixture(scope="module")
def trace() -> bp.Trace:
    return bp.load("two-neuron").run(iterations=1)


@pytest.fixture(scope="module")
def good(sheet, tmp_path_factory) -> dict[str, bytes]:
    """A workbook in order for each entrance."""
    path = tmp_path_factory.mktemp("good") / "ours.xlsx"
    ours = bp.load("two-neuron").run(iterations=3).to_excel(path).read_bytes()
    own = Workbook()
    own.active["A1"], own.active["A2"] = 3, "=A1^2"
    own.save(path)
    # openpyxl stores no values; without one there is nothing to differentiate at.
    content = (
        part(path.read_bytes()).replace(b"<v></v>", b"<v>9</v>").replace(b"<v />", b"<v>9</v>")
    )
    made = changed(path.read_bytes(), {SHEET: content})
    return {"load": ours, "verify": ours, "check": sheet, "grade": sheet, "differentiate": made}


@pytest.fixture
def in_tmp_path(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def opened_at(path: Path) -> FilledBook:
    return open_filled(HandIn(path).content(), path.name)


def enter(entrance: str, path: Path, trace: bp.Trace) -> object:
    """What the package does with a file that comes in."""
    match entrance:
        case "load":
            return bp.load(path)
        case "verify":
            return bp.verify(path)
        case "check":
            return trace.compare(path)
        case "grade":
            return grade_file(path, trace.experiment)
    return differentiate_workbook(path, "A2", ["A1"], path.with_name("out.xlsx"))


@pytest.mark.sample(3)
@pytest.mark.parametrize("entrance", LIMITS)
def test_a_workbook_in_order_enters(good, trace, tmp_path, entrance):
    path = tmp_path / "good.xlsx"
    path.write_bytes(good[entrance])
    assert enter(entrance, path, trace) is not None


# Each hostile workbook at one of the entrances by default.
ENTERING = sampled(
    itertools.product(HOSTILE, LIMITS), *zip(HOSTILE, itertools.cycle(LIMITS), strict=False)
)


@pytest.mark.sample(10)
@pytest.mark.parametrize(("name", "entrance"), ENTERING)
def test_a_hostile_workbook_is_refused_at_every_entrance(good, trace, tmp_path, name, entrance):
    """By one kind of error, in one line that names the file and the limit."""
    hostile = HOSTILE[name]
    path = tmp_path / "hostile.xlsx"
    path.write_bytes(hostile.make(good[entrance], LIMITS[entrance]))
    if hostile.foreign and LIMITS[entrance].foreign:
        assert enter(entrance, path, trace)
        return
    with pytest.raises(bp.WorkbookError) as caught:
        enter(entrance, path, trace)
    said = str(caught.value)
    assert said.startswith(("hostile.xlsx: ", f"{path}: "))
    assert re.search(hostile.said, said)
    assert "\n" not in said
    assert [left.name for left in tmp_path.iterdir()] == ["hostile.xlsx"]


# What reading files took beyond what Python and the package took for one that is in order. Each
# is read in a process forked for it: the most memory that one has had is never forgotten.
MEASURED = """
import json, os, resource, sys, tempfile
from pathlib import Path
import bpsheet as bp
from bpsheet.guard import limits as guard
from bpsheet.guard.package import guarded_bytes

def used():
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime, found.ru_maxrss / 1024

def read(path):
    limits = getattr(guard, sys.argv[1])
    return bp.load(path) if limits is guard.OURS else guarded_bytes(Path(path), limits)

def measured(path):
    before, said = used(), ""
    try:
        read(path)
    except bp.WorkbookError as error:
        said = str(error)
    return [now - then for now, then in zip(used(), before)] + [said]

bp.load(sys.argv[2])
for path in sys.argv[3:]:
    with tempfile.TemporaryFile("w+") as found:
        child = os.fork()
        if not child:
            found.write(json.dumps(measured(path)))
            found.flush()
            os._exit(0)
        os.waitpid(child, 0)
        found.seek(0)
        print(found.read())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
@pytest.mark.slow
@pytest.mark.parametrize("limits", ["OURS", "EXERCISE", "OWN"])
def test_a_refusal_takes_less_than_a_hundred_megabytes(good, made, tmp_path, limits):
    """That is memory beyond what reading a workbook in order takes. Its time is printed."""
    held = getattr(guard, limits)
    files = {
        name: tmp_path / f"{number}.xlsx"
        for number, (name, hostile) in enumerate(HOSTILE.items())
        if not (hostile.foreign and held.foreign)
    }
    base = good[next(entrance for entrance in LIMITS if LIMITS[entrance] is held)]
    for name, path in files.items():
        path.write_bytes(HOSTILE[name].make(base, held))
    usual = str(made("two-neuron", "full", 12))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, limits, usual, *map(str, files.values())],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for name, (_, _, said) in zip(files, found, strict=True):
        assert re.search(HOSTILE[name].said, said), name
    slow = max((seconds, name) for name, (seconds, _, _) in zip(files, found, strict=True))
    large = max((size, name) for name, (_, size, _) in zip(files, found, strict=True))
    print(f"{limits}: {len(files)} files, at most {slow} s, {large} MB")
    assert large < (100,)


@pytest.mark.usefixtures("in_tmp_path")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["health", "FILE"], 2),
        (["verify", "FILE"], 2),
        (["check", "two-neuron", "FILE"], 2),
        (["differentiate", "FILE", "--loss", "A2", "--parameters", "A1", "-o", "out.xlsx"], 2),
        (["grade", ".", "two-neuron", "-o", "grades.csv"], 1),
    ],
)
def test_the_program_says_it_in_a_line(good, command, arguments, status):
    made = HOSTILE["a megabyte that unpacks to a gigabyte"].make(good["check"], EXERCISE)
    Path("hostile.xlsx").write_bytes(made)
    found, out, err = command(*(a.replace("FILE", "hostile.xlsx") for a in arguments))
    assert found == status
    (said,) = [line for line in (out + err).splitlines() if "unpacks to more than" in line]
    assert "hostile.xlsx" in said
    assert "Traceback" not in out + err
    assert status == 1 or (out == "" and err.count("\n") == 1)


def test_a_sheet_as_it_is_passes_and_its_bytes_are_what_was_checked(sheet, tmp_path):
    path = tmp_path / "good.xlsx"
    path.write_bytes(sheet)
    assert guarded_bytes(path, EXERCISE) == sheet
    assert opened_at(path).identity().student == "Ada"


def test_what_was_checked_is_what_is_read_whatever_becomes_of_the_file(good, tmp_path):
    path = tmp_path / "ours.xlsx"
    path.write_bytes(good["load"])
    with opened(path, OURS) as package:
        path.write_bytes(b"something else")
        assert package.content == good["load"]
        assert package.read(SHEET) == part(good["load"])


def test_a_workbook_of_another_kind_is_named_as_such(tmp_path, made):
    path = tmp_path / "other.xlsx"
    Workbook().save(path)
    for other in (path, made("two-neuron", "book", 12)):
        with pytest.raises(bp.WorkbookError, match="not an exercise sheet that bpsheet wrote"):
            received_file(HandIn(other), Exercises(bp.load("two-neuron")))


def test_what_is_no_file_is_refused(tmp_path, sheet):
    (tmp_path / "folder.xlsx").mkdir()
    real = tmp_path / "real.xlsx"
    real.write_bytes(sheet)
    (tmp_path / "link.xlsx").symlink_to(real)
    names = ["folder.xlsx", "link.xlsx"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.xlsx")
        names.append("pipe.xlsx")
    for name in names:
        with pytest.raises(bp.WorkbookError, match=rf"{name}: a (folder|link|pipe), not a file"):
            guarded_bytes(tmp_path / name, EXERCISE)
    with pytest.raises(bp.WorkbookError, match=r"absent\.xlsx: no such file"):
        guarded_bytes(tmp_path / "absent.xlsx", EXERCISE)


def test_a_workbook_of_ours_may_be_reached_by_a_link(good, tmp_path):
    (tmp_path / "real.xlsx").write_bytes(good["load"])
    (tmp_path / "link.xlsx").symlink_to(tmp_path / "real.xlsx")
    assert bp.load(tmp_path / "link.xlsx").title == bp.load("two-neuron").title


@pytest.mark.parametrize("limits", [EXERCISE, OURS])
def test_a_large_file_is_refused_by_its_size_and_not_read(sheet, tmp_path, limits):
    path = tmp_path / "large.xlsx"
    path.write_bytes(sheet)
    os.truncate(path, limits.file + 1)
    with pytest.raises(bp.WorkbookError, match=f"more than {limits.file:,} bytes"):
        guarded_bytes(path, limits)


def test_plain_cells_are_counted_too(sheet, tmp_path):
    """Rows as every program writes them are passed over by the parser, not by the count."""
    path = tmp_path / "cells.xlsx"
    row = b'<row r="%d">%s</row>'
    rows = b"".join(
        row % (n, b'<c r="A%d"><v>1</v></c>' % n * 1_000)
        for n in range(1_000, 1_000 + EXERCISE.cells // 1_000)
    )
    assert PLAIN_ROW.fullmatch(rows[: rows.index(b"</row>") + 6])
    path.write_bytes(with_rows(sheet, rows))
    with pytest.raises(bp.WorkbookError, match=r"more than 100,000 cells in the file"):
        guarded_bytes(path, EXERCISE)


@pytest.mark.parametrize(
    "row",
    [
        '<row r="1048577"></row>',
        '<row r="0"></row>',
        '<row r="8"><c r="XFE8"/></row>',
        '<row r="8"><c r="A1048577"/></row>',
        '<row r="8"><c r="A0"/></row>',
        '<row r="8"><is/></row>',
        '<row r="8"><c r="A8"><v><v/></v></c></row>',
        '<row r="8"><c r="A8"><v>&lt;</v><!-- --></c></row>',
        '<row r="8"><c r="A8"><v><![CDATA[1]]></v></c></row>',
        '<row r="8"><row r="9"></row></row>',
    ],
)
def test_what_is_not_plain_is_parsed(row):
    found = PLAIN_ROW.sub(b"", row.encode())
    assert found not in (b"", b" ")
    for plain in ('<row r="1048576"></row>', '<row r="8"><c r="XFD8" s="1"><v>1</v></c></row>'):
        assert PLAIN_ROW.fullmatch(plain.encode())


def test_a_sheet_in_another_encoding_is_refused(sheet, tmp_path):
    """In one where other bytes are letters, a plain row might be none."""
    path = tmp_path / "encoded.xlsx"
    text = part(sheet).decode()
    text = text[text.index("?>") + 2 :] if text.startswith("<?xml") else text
    for encoding in ("utf-16", "iso-8859-1"):
        content = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
        path.write_bytes(changed(sheet, {SHEET: content.encode(encoding, "replace")}))
        with pytest.raises(bp.WorkbookError, match="a sheet is read in UTF-8 only"):
            guarded_bytes(path, EXERCISE)


@pytest.mark.slow
def test_a_large_sheet_is_checked_as_it_is_read(made, tmp_path):
    """What lies behind its first sixteen megabytes is found by the one who reads so far."""
    path = tmp_path / "large.xlsx"
    data = made("two-neuron", "full", 12).read_bytes()
    rows = b"".join(
        b'<row r="%d"><c r="A%d"><f>%d</f></c></row>' % (n, n, n**160) for n in range(1_000, 40_000)
    )
    large = part(data).replace(b"</sheetData>", rows + b'<row r="0"/></sheetData>')
    path.write_bytes(changed(data, {SHEET: large}, stored=True))
    assert bp.load(path, original=True).title == bp.load("two-neuron").title
    with pytest.raises(bp.WorkbookError, match="a row number off the grid"):
        bp.load(path)
    with opened(path, OURS) as package:
        with package.open(SHEET) as stream:
            assert stream.read(1_000) == part(data)[:1_000]
            with pytest.raises(bp.WorkbookError, match="off the grid"):
                _ = list(iter(lambda: stream.read(100_000), b""))
        with pytest.raises(bp.WorkbookError, match="too large for a part of its kind"):
            package.read(SHEET)
    with pytest.raises(bp.WorkbookError, match="a row number off the grid"):
        guarded_bytes(path, OURS)


@pytest.mark.slow
def test_a_sheet_is_given_out_as_it_is_whatever_the_pieces(made):
    path = made("two-neuron", "full", 12)
    for size in (1, 777, 100_000, -1):
        with opened(path, OURS) as package:
            package.checked.clear()
            found = b""
            with package.open(SHEET) as stream:
                while piece := stream.read(size):
                    found += piece
        assert found == part(path.read_bytes())


def test_a_link_that_somebody_clicks_on_is_no_harm(sheet, tmp_path):
    """Spreadsheets make one of every address that is typed, such as a student's."""
    path = tmp_path / "own.xlsx"
    path.write_bytes(sheet)
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["H1"].hyperlink = "mailto:ada@example.org"
    book.save(path)
    assert b"External" in part(path.read_bytes(), "xl/worksheets/_rels/sheet1.xml.rels")
    assert opened_at(path).identity().student == "Ada"


def test_a_picture_is_no_xml_and_passes(sheet, tmp_path):
    path = tmp_path / "picture.xlsx"
    path.write_bytes(changed(sheet, {"xl/media/picture.png": b"\x89PNG\r\n\x1a\n" + bytes(99)}))
    assert opened_at(path).identity().student == "Ada"


def test_a_cut_file_is_refused_wherever_it_is_cut(sheet, tmp_path):
    path = tmp_path / "cut.xlsx"
    for length in range(10, len(sheet) - 1, len(sheet) // 25):
        path.write_bytes(sheet[:length])
        with pytest.raises(bp.WorkbookError, match=r"cut\.xlsx: damaged"):
            opened_at(path)


def test_random_damage_is_refused_or_harmless_and_never_anything_else(sheet, tmp_path):
    """Bytes of the file, and of its unpacked sheet, changed by chance."""
    rng = random.Random(5)
    path = tmp_path / "damaged.xlsx"
    stored = changed(sheet, {}, stored=True)
    task = Exercise(bp.load("two-neuron")).task("Ada")
    refused = 0
    for number in range(120):
        data = bytearray(stored if number % 2 else sheet)
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            book = opened_at(path)
            book.identity()
            book.read(task)
        except bp.WorkbookError:
            refused += 1
    assert refused > 60


@pytest.mark.slow
def test_damage_that_only_the_reader_meets_is_refused_or_harmless_and_never_anything_else(
    sheet, tmp_path
):
    """Well-formed parts, whose content makes no sense."""
    path = tmp_path / "senseless.xlsx"
    rng = random.Random(7)
    refused = 0
    for name in ("xl/workbook.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels", SHEET):
        text = part(sheet, name).decode()
        for _ in range(12):
            words = text.split('"')
            place = rng.randrange(1, len(words), 2)
            words[place] = rng.choice(["", "-1", "99999999", "x", "true", "\u0663"])
            path.write_bytes(changed(sheet, {name: '"'.join(words).encode()}))
            try:
                book = opened_at(path)
                identity = book.identity()
                book.read(
                    Exercise(bp.load("two-neuron")).task(identity.student if identity else "")
                )
            except bp.WorkbookError:
                refused += 1
    assert refused > 5
