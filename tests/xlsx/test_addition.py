"""A sheet added to the package of somebody else's workbook."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from bpsheet.errors import WorkbookError
from bpsheet.xlsx.addition import AddedRow, with_sheet


def package_of(tmp_path, changed):
    """A workbook with parts replaced (by bytes), changed (by a function) or gone (None)."""
    path = tmp_path / "plain.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"] = 1
    book.save(path)
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = changed.get(name, lambda content: content)
            if content is not None:
                new.writestr(name, content(old.read(name)))
    return made.getvalue()


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("_rels/.rels", b"/officeDocument", b"/somethingElse"),
        ("xl/workbook.xml", b"sheets>", b"leaves>"),
        ("xl/_rels/workbook.xml.rels", b"Relationships>", b"Relations>"),
        ("[Content_Types].xml", b"</Types>", b""),
        ("xl/workbook.xml", b"<", b"\xff<"),
    ],
)
def test_a_package_whose_lists_are_elsewhere_is_refused(tmp_path, part, old, new):
    data = package_of(tmp_path, {part: lambda content: content.replace(old, new)})
    with pytest.raises(WorkbookError, match=r"^not a workbook of the usual parts$"):
        with_sheet(data, "More", [AddedRow(1, ("a title",), is_title=True)])


@pytest.mark.parametrize(
    "styles",
    [
        None,
        lambda content: content.replace(b"fonts", b"types"),
        lambda _: b"<styleSheet/>",
        lambda content: content.replace(b"cellXfs", b"cellForms"),
    ],
)
def test_where_styles_cannot_be_added_to_the_title_is_plain(tmp_path, styles):
    data = package_of(tmp_path, {"xl/styles.xml": styles})
    made = with_sheet(data, "More", [AddedRow(1, ("a title", 2.5), is_title=True)])
    with zipfile.ZipFile(io.BytesIO(made)) as package:
        sheet = package.read("xl/worksheets/bpsheet1.xml").decode()
        assert ("xl/styles.xml" in package.namelist()) == (styles is not None)
    assert "a title" in sheet
    assert 's="1"' not in sheet


def test_a_second_sheet_has_a_part_of_its_own(tmp_path):
    once = with_sheet(package_of(tmp_path, {}), "More", [AddedRow(1, ("a title",), is_title=True)])
    twice = with_sheet(once, "Still more", [AddedRow(1, (1.0,))])
    assert openpyxl.load_workbook(io.BytesIO(twice)).sheetnames == ["Sheet", "More", "Still more"]
