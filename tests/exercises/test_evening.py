"""A teacher's whole evening by the command line: roster, sheets, hand-ins of all kinds, marks."""

from __future__ import annotations

import csv

import pytest

from bpsheet.exercises.key import read_key
from bpsheet.exercises.names import file_name
from tests.helpers.evening import ANY, FULL, KINDS, NAMES, SHORT, Evening, roster_text

WHOLE = (*KINDS, *["right"] * (25 - len(KINDS)))


@pytest.mark.parametrize(
    "kinds", [SHORT, pytest.param(WHOLE, marks=pytest.mark.slow)], ids=["short", "whole"]
)
def test_the_evening(kinds, tmp_path, command, request):
    """Each hand-in gets its marks or its reason, and what is odd is said; one student is absent."""
    libreoffice = request.getfixturevalue("libreoffice") if kinds is WHOLE else None
    names = NAMES[: len(kinds) + 2]
    roster = tmp_path / "class.csv"
    roster.write_text(roster_text(names), encoding="utf-8-sig")
    sheets, key, table = tmp_path / "sheets", tmp_path / "sheets-key", tmp_path / "grades.csv"
    made = ("exercise", "two-neuron", "-o", str(sheets), "--students", str(roster))
    status, out, _ = command(*made, "--vary", "weights", "--seed", "5", "--digits", "4")
    assert status == 0, out
    assert f"{len(names)} students: name from First name and Surname, id from ID number" in out
    evening = Evening(read_key(key), sheets, tmp_path / "in", libreoffice)
    wanted = [evening.hand_in(kind, number) for number, kind in enumerate(kinds)]
    (tmp_path / "in" / "notes.txt").write_text("mine")

    feedback = tmp_path / "feedback"
    graded = ("grade", str(tmp_path / "in"), str(key), "-o", str(table))
    status, out, _ = command(*graded, "--feedback", str(feedback), "--gradebook", "moodle")
    refused = [one for one in wanted if one.marks is None]
    assert status == (1 if refused else 0)
    rows = list(csv.DictReader(table.read_text("utf-8-sig").splitlines()))
    for one in wanted:
        own = [row for row in rows if row["student"] == one.student and row["file"]]
        if one.marks is None:
            assert own == [], one
            assert file_name(one.student) in out, one
            continue
        assert one.marks == ANY or {float(row["marks"]) for row in own} == {one.marks}, one
        assert {float(row["out of"]) for row in own} == {FULL}, one
        assert all(one.told in row["notes"] for row in own), (one, own)
        if one.is_warning:
            assert any(one.told in line for line in out.split("\n") if line.startswith("  ")), one
        assert own[0]["Group"] in ("A", "B")
    absent = names[-2]
    assert "Students without a sheet:" in out
    assert absent in out.partition("Students without a sheet:")[2].split("\n")[0]
    assert "Left out: notes.txt (no sheet)" in out

    pages = [*feedback.glob("*.html")]
    marked = sum(1 for row in rows if row["marks"])
    assert len(pages) == marked + 1
    assert "What failed" in (feedback / "index.html").read_text("utf-8")
    gradebook = list(csv.reader((tmp_path / "grades-moodle.csv").read_text().splitlines()))
    once = [one for one in wanted if one.marks is not None and "2 files" not in one.told]
    assert len(gradebook) == 1 + len(once)
    assert {row[0] for row in gradebook[1:]} <= {str(100 + n) for n in range(1, len(names) + 1)}
