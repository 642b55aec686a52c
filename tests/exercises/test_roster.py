"""Rosters as schools have them are read, and what was understood is said."""

from __future__ import annotations

import subprocess
from contextlib import nullcontext, suppress

import pytest
from openpyxl import Workbook

import bpsheet as bp
from bpsheet.exercises.names import file_name, same_letters
from bpsheet.exercises.roster import read_roster, roster_of

# As Moodle and Canvas write them: the gradebook, the grading worksheet, the participants.
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Sheet 1 (4711),Current Score
,,,,,Manual Posting,
    Points Possible,,,,,10.0,(read only)
"Lovelace, Ada",101,u7,ada,Group 1,,
"Noether, Emmy",102,u8,emmy,"Group 1, Group 2",9.5,95.0
"Student, Test",103,,f00ba4,Group 1,,
"""
CANVAS_SAID = (
    "2 students: name from Student, id from SIS User ID, no students: line 2 (Manual Posting), "
    "line 3 (Points Possible), line 6 (Student, Test)"
)
WORKSHEET = """Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,Feedback comments
Participant 812,Ada Lovelace,,ada@example.org,No submission,,10.00,
Participant 813,Emmy Noether,,emmy@example.org,Submitted for grading,,10.00,
"""
GRADEBOOK = """"First name",Surname,"ID number",Institution,Department,"Email address","Sheet 1 (Real)"
Ada,Lovelace,7,,,ada@example.org,-
Emmy,Noether,8,,,emmy@example.org,-
"""
PARTICIPANTS = """Vorname,Nachname,ID-Nummer,E-Mail-Adresse,Gruppen
Ada,Lovelace,7,ada@example.org,A
Emmy,Noether,8,emmy@example.org,B
"""


@pytest.mark.parametrize(
    ("text", "labels", "said"),
    [
        (
            CANVAS,
            ["Lovelace, Ada (u7)", "Noether, Emmy (u8)"],
            CANVAS_SAID,
        ),
        (
            WORKSHEET,
            ["Ada Lovelace (ada@example.org)", "Emmy Noether (emmy@example.org)"],
            "2 students: name from Full name, id from Email address",
        ),
        (
            GRADEBOOK,
            ["Ada Lovelace (7)", "Emmy Noether (8)"],
            "2 students: name from First name and Surname, id from ID number",
        ),
        (
            PARTICIPANTS,
            ["Ada Lovelace (7)", "Emmy Noether (8)"],
            "2 students: name from Vorname and Nachname, id from ID-Nummer",
        ),
    ],
)
def test_exports_of_moodle_and_canvas_are_read_as_they_are(text, labels, said):
    roster = roster_of(text, "roster.csv")
    assert roster.labels == labels
    assert roster.said == said


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_any_encoding_and_any_separator(tmp_path, encoding, sign):
    rows = [("NAME", "Id"), ("Jürgen Groß", "1"), ("Zoë Ähre", "2")]
    path = tmp_path / "roster.csv"
    path.write_bytes("\r\n".join(sign.join(row) for row in rows).encode(encoding))
    assert read_roster(path).labels == ["Jürgen Groß (1)", "Zoë Ähre (2)"]


WEST = ("Jürgen Groß", "Zoë Bär", "René Nuñez")
EAST = ("Łukasz Wójcik", "Žofie Šťastná", "Dvořák Ömer")
NORTH_EAST, FAR_EAST = ("Иван Петров", "Анна Ким"), ("山田太郎", "佐藤花子", "能登ソ")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize(
    ("names", "encodings"),
    [
        (WEST, ("latin-1", "cp1252", "mac_roman", "cp850", "utf-16-le", "utf-16-be", "utf-32")),
        (EAST, ("cp1250", "iso8859-2", "mac_latin2", "utf-16")),
        (NORTH_EAST, ("cp1251", "koi8-r", "mac_cyrillic", "utf-16-le")),
        (FAR_EAST, ("shift_jis", "euc_jp", "gb18030", "utf-16", "utf-16-be")),
    ],
)
def test_names_in_another_encoding_are_right_or_refused(tmp_path, names, encodings, end):
    """A teacher would not see before the marking that a whole class has other letters."""
    path = tmp_path / "roster.csv"
    for encoding in encodings:
        path.write_bytes(end.join(("Name", *names)).encode(encoding))
        is_usual = encoding == "utf-16" or (encoding == "cp1252" and end != "\r")
        with nullcontext() if is_usual else suppress(bp.ExperimentError):
            assert read_roster(path).labels == list(names), encoding


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32"])
def test_numbers_in_another_encoding_are_refused_as_no_text(tmp_path, encoding):
    path = tmp_path / "values.csv"
    path.write_text("iteration,quantity,value\n1,g,-0.24\n", encoding=encoding)
    with pytest.raises(bp.HandError, match=r"not a text file .UTF-8 expected"):
        bp.load("two-neuron").run(1).compare(path)


def test_a_workbook_is_a_roster(tmp_path):
    book = Workbook()
    book.active.append(["Surname", "First name", "Matriculation number", "Group"])
    book.active.append(["Groß", "Jürgen", 12345, "A"])
    book.save(tmp_path / "roster.xlsx")
    found = read_roster(tmp_path / "roster.xlsx")
    assert found.labels == ["Jürgen Groß (12345)"]
    assert [found.heads[index] for index in found.carried] == ["Group"]


@pytest.mark.slow
def test_a_roster_that_libreoffice_saved_is_read_alike(tmp_path, libreoffice):
    (tmp_path / "roster.csv").write_text("Name,ID\nJürgen Groß,007\n", encoding="utf-8")
    for ending in ("ods", "xlsx"):
        subprocess.run(
            [
                libreoffice,
                f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
                "--headless",
                "--infilter=CSV:44,34,UTF8,1",
                "--convert-to",
                ending,
                "--outdir",
                str(tmp_path),
                str(tmp_path / "roster.csv"),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        assert read_roster(tmp_path / f"roster.{ending}").labels == ["Jürgen Groß (7)"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Group;Points\nA;3\n", 'no column is a name; the first line has "Group", "Points"'),
        ("3\n4\n", "no column is a name"),
        ("Email\nada@example.org\n", "no column is a name"),
        ("Name;ID\nAda;1;x\n", "line 2: more cells than headings"),
        (
            "Name\nAda\nada\n",
            r"line 3: ada differs from Ada \(line 2\) by capitals or spaces alone",
        ),
        ("Name\nZoë\nZoe\u0308\n", r"line 3: Zoë stands there twice \(line 2\)"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_what_was_found(text, said):
    with pytest.raises(bp.ExperimentError, match=said):
        roster_of(text, "roster.csv")


@pytest.mark.parametrize(
    "rows",
    [
        ", ,,,,Muted,\n    Points Possible,,,,,40,(read only)\n",
        "    Mögliche Punkte,,,,,40,(nur lesen)\n",
        "Test Student,99,,bbbc6740f0b946af,101,,0\n",
    ],
)
def test_rows_that_are_no_students_are_told_in_any_language(rows):
    heads = "Student,ID,SIS User ID,SIS Login ID,Section,Midterm,Current Score\n"
    students = "Jane Smith,43,12345679,js,101,36,42\nSally Student,0,111111111,ss,101,,\n"
    found = roster_of(heads + rows + students, "")
    assert [student.name for student in found.students] == ["Jane Smith", "Sally Student"]
    assert "no students: line 2" in found.said


def test_a_name_with_a_comma_stays_whole():
    assert roster_of("Name\nLovelace, Ada\n", "").labels == ["Lovelace, Ada"]
    assert roster_of("sep=;\nName;ID\nLovelace, Ada;1\n", "").labels == ["Lovelace, Ada (1)"]


def test_two_students_of_one_name_differ_by_their_ids():
    roster = roster_of("Name,ID\nAda,1\nADA,2\nada,3\n", "")
    assert roster.labels == ["Ada (1)", "ADA (2)", "ada (3)"]
    assert len({file_name(label).casefold() for label in roster.labels}) == 3
    assert "several students are called Ada" in roster.said


def test_beside_a_first_name_the_column_name_is_the_last_name():
    assert roster_of("Name;Vorname\nGroß;Ada\n", "").labels == ["Ada Groß"]


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("Jürgen Groß", "jurgen-gross-"),
        ("Søren Æbelø", "soren-aebelo-"),
        ("Łukasz Żółć", "lukasz-zolc-"),
        ("李明", "李明-"),
        ("Ελένη Παππά", "ελένη-παππά-"),
        ("Cem Yıldız", "cem-yildiz-"),
        ("राम", "राम-"),
    ],
)
def test_names_of_files_keep_letters(name, begin):
    assert file_name(name).startswith(begin)


def test_a_name_is_told_in_any_order_and_with_fewer_words():
    assert same_letters("lovelaceada", "Ada Lovelace (17)")
    assert same_letters("Lovelace Ada", "Ada King Lovelace (u7)")
    assert not same_letters("Ada Lovelace", "Emmy Noether (8)")
