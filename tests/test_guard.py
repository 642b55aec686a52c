"""Hostile and damaged workbooks are refused, each by its name and the limit that it breaks."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

import bpsheet as bp
from bpsheet import guard
from bpsheet.guard import guarded_bytes
from bpsheet.hand.exercise import Exercise
from bpsheet.hand.filled import open_filled
from bpsheet.hand.fillin import fill_in_workbook

SHEET = "xl/worksheets/sheet1.xml"
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>'


@pytest.fixture(scope="module")
def sheet() -> bytes:
    """A sheet to fill in, as a file's bytes."""
    return fill_in_workbook(Exercise(bp.load("two-neuron")).task("Ada"))


def changed(data: bytes, parts: dict[str, bytes], *, stored: bool = False) -> bytes:
    """The workbook with some parts replaced or added."""
    out = io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", method) as new:
        left = dict(parts)
        for name in old.namelist():
            new.writestr(name, left.pop(name, None) or old.read(name))
        for name, content in left.items():
            new.writestr(name, content)
    return out.getvalue()


def part(data: bytes, name: str = SHEET) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return package.read(name)


def with_rows(data: bytes, rows: bytes) -> bytes:
    return changed(data, {SHEET: part(data).replace(b"</sheetData>", rows + b"</sheetData>")})


def with_merge(data: bytes, *areas: str) -> bytes:
    cells = "".join(f'<mergeCell ref="{area}"/>' for area in areas)
    merged = f"</sheetData><mergeCells>{cells}</mergeCells>".encode()
    return changed(data, {SHEET: part(data).replace(b"</sheetData>", merged)})


def refusal(tmp_path: Path, data: bytes) -> str:
    """What is said about a file with these bytes; a message names the file, and is a line."""
    path = tmp_path / "hostile.xlsx"
    path.write_bytes(data)
    with pytest.raises(bp.WorkbookError) as caught:
        open_filled(path)
    said = str(caught.value)
    assert said.startswith("hostile.xlsx: ")
    assert "\n" not in said
    return said


def test_a_sheet_as_it_is_passes_and_its_bytes_are_what_was_checked(sheet, tmp_path):
    path = tmp_path / "good.xlsx"
    path.write_bytes(sheet)
    assert guarded_bytes(path) == sheet
    assert open_filled(path).identity().student == "Ada"


def test_what_is_no_workbook_is_refused(tmp_path):
    assert "an empty file" in refusal(tmp_path, b"")
    assert "not a workbook" in refusal(tmp_path, b"name,value\n")
    assert "encrypted with a password" in refusal(tmp_path, guard.COMPOUND + bytes(5_000))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("readme.txt", "hello")
    assert "not a workbook" in refusal(tmp_path, out.getvalue())


def test_a_workbook_of_another_kind_is_named_as_such(tmp_path, made):
    path = tmp_path / "other.xlsx"
    Workbook().save(path)
    for other in (path, made("two-neuron", "book", 10)):
        with pytest.raises(bp.WorkbookError, match="not an exercise sheet that bpsheet made"):
            open_filled(other).identity()


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
        with pytest.raises(bp.WorkbookError, match=f"{name}: not a regular file"):
            guarded_bytes(tmp_path / name)
    with pytest.raises(bp.WorkbookError, match=r"absent\.xlsx: cannot be read"):
        guarded_bytes(tmp_path / "absent.xlsx")


def test_a_large_file_is_refused_by_its_size(sheet, tmp_path):
    padded = changed(sheet, {"xl/media/noise.bin": random.Random(1).randbytes(guard.MAX_FILE)})
    assert f"more than {guard.MAX_FILE:,} bytes" in refusal(tmp_path, padded)


def test_a_bomb_is_refused_before_it_is_unpacked(sheet, tmp_path):
    zeros = bytes(guard.MAX_PART + 1)
    assert "unpacks to more than" in refusal(tmp_path, changed(sheet, {SHEET: zeros}))
    many = {f"xl/media/{n}.bin": bytes(guard.MAX_PART - 1) for n in range(3)}
    said = refusal(tmp_path, changed(sheet, many))
    assert f"unpacks to more than {guard.MAX_UNPACKED:,} bytes" in said


def test_a_part_that_lies_about_its_size_is_not_read_further(sheet, tmp_path):
    data = bytearray(changed(sheet, {"xl/media/a.xml": b"<a>" + b" " * 100_000 + b"</a>"}))
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"xl/media/a.xml"))
    struct.pack_into("<I", data, at + 24, 50)
    assert "damaged" in refusal(tmp_path, bytes(data))


def test_too_many_parts_are_refused(sheet, tmp_path):
    many = {f"xl/media/{n}.bin": b"x" for n in range(guard.MAX_ENTRIES)}
    assert f"at most {guard.MAX_ENTRIES} are read" in refusal(tmp_path, changed(sheet, many))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_part_that_is_there_twice_is_refused(sheet, tmp_path):
    for name in (SHEET, SHEET.upper()):
        out = io.BytesIO(sheet)
        with zipfile.ZipFile(out, "a") as package:
            package.writestr(name, part(sheet))
        assert "is there twice" in refusal(tmp_path, out.getvalue())


@pytest.mark.parametrize("name", ["../../evil.xml", "/etc/evil.xml", "xl\\evil.xml", "C:evil.xml"])
def test_an_unsafe_name_of_a_part_is_refused(sheet, tmp_path, name):
    assert "unsafe name" in refusal(tmp_path, changed(sheet, {name: b"<a/>"}))


def test_an_encrypted_part_is_refused(sheet, tmp_path):
    data = bytearray(sheet)
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    assert "is encrypted" in refusal(tmp_path, bytes(data))


def test_an_unknown_packing_is_refused(sheet, tmp_path):
    out = io.BytesIO(sheet)
    with zipfile.ZipFile(out, "a") as package:
        package.writestr("xl/extra.xml", b"<a/>", zipfile.ZIP_BZIP2)
    assert "packed in an unknown way" in refusal(tmp_path, out.getvalue())


LAUGHS = b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'
OUTSIDE = b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'


@pytest.mark.parametrize("content", [LAUGHS, OUTSIDE, HEAD + b"<!DOCTYPE a><a/>"])
@pytest.mark.parametrize("name", [SHEET, "xl/media/picture.png"])
def test_a_document_type_is_refused_wherever_it_stands(sheet, tmp_path, content, name):
    assert "document type" in refusal(tmp_path, changed(sheet, {name: content}))


def test_a_picture_is_no_xml_and_passes(sheet, tmp_path):
    path = tmp_path / "picture.xlsx"
    path.write_bytes(changed(sheet, {"xl/media/picture.png": b"\x89PNG\r\n\x1a\n" + bytes(99)}))
    assert open_filled(path).identity().student == "Ada"


def test_deep_nesting_is_refused(sheet, tmp_path):
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    said = refusal(tmp_path, changed(sheet, {"xl/styles.xml": deep}))
    assert f"xl/styles.xml: nested more than {guard.MAX_DEPTH} deep" in said


def test_too_many_elements_are_refused_over_all_parts(sheet, tmp_path):
    half = b"<a>" + b"<b/>" * (guard.MAX_ELEMENTS // 2) + b"</a>"
    parts = {"xl/one.xml": half, "xl/two.xml": half}
    assert f"more than {guard.MAX_ELEMENTS:,} elements" in refusal(tmp_path, changed(sheet, parts))


def test_too_many_sheets_are_refused(sheet, tmp_path):
    """One part may be named as any number of sheets, and is read for each."""
    book = part(sheet, "xl/workbook.xml")
    many = b'<sheet name="a" sheetId="9" r:id="rId1"/>' * guard.MAX_SHEETS + b"</sheets>"
    data = changed(sheet, {"xl/workbook.xml": book.replace(b"</sheets>", many)})
    assert f"more than {guard.MAX_SHEETS} sheets" in refusal(tmp_path, data)


def test_too_many_attributes_are_refused(sheet, tmp_path):
    many = " ".join(f'a{n}="1"' for n in range(guard.MAX_ATTRIBUTES + 1))
    content = f"<a {many}/>".encode()
    assert "attributes in one place" in refusal(tmp_path, changed(sheet, {"xl/a.xml": content}))


@pytest.mark.parametrize(
    "areas", [("A1:XFD1048576",), tuple(f"A{n}:Z{n + 99}" for n in range(1, 2_000, 100))]
)
def test_large_merged_areas_are_refused(sheet, tmp_path, areas):
    assert f"more than {guard.MAX_MERGED:,} cells are merged" in refusal(
        tmp_path, with_merge(sheet, *areas)
    )


@pytest.mark.parametrize("area", ["A:B", "nonsense", "A1:B2:C3", ""])
def test_a_merged_area_that_is_none_is_refused(sheet, tmp_path, area):
    said = refusal(tmp_path, with_merge(sheet, area))
    assert "merged" in said or "not a valid" in said


@pytest.mark.parametrize(
    "row",
    [
        b'<row r="1048577"/>',
        b'<row r="99999999999999999999"/>',
        b'<row r="0"/>',
        b'<row r="-1"/>',
        '<row r="\u0663"/>'.encode(),
        b'<row r="900"><c r="XFE900"/></row>',
        b'<row r="900"><c r="A1048577"/></row>',
        b'<row r="900"><c r="7"/></row>',
    ],
)
def test_what_is_off_the_grid_is_refused(sheet, tmp_path, row):
    assert "off the grid" in refusal(tmp_path, with_rows(sheet, row))


def test_a_cut_file_is_refused_wherever_it_is_cut(sheet, tmp_path):
    for length in range(10, len(sheet) - 1, len(sheet) // 25):
        assert refusal(tmp_path, sheet[:length]) != "hostile.xlsx: "


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
            book = open_filled(path)
            book.identity()
            book.read(task)
        except bp.WorkbookError:
            refused += 1
    assert refused > 60


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
                book = open_filled(path)
                book.read(Exercise(bp.load("two-neuron")).task(book.identity().student))
            except bp.WorkbookError:
                refused += 1
    assert refused > 5
