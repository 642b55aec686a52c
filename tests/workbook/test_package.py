"""The parts of a workbook's package, and which sheets are in it."""

from __future__ import annotations

import posixpath
import re
import zipfile
from xml.etree import ElementTree as ET

import pytest
from openpyxl import load_workbook
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

import bpsheet as bp
from tests.helpers.workbooks import STEPS_PART, WORKBOOKS, one_weight, part


def test_dates_in_the_package_are_fixed(made):
    with zipfile.ZipFile(made("two-neuron", "full", 12)) as package:
        assert {info.date_time for info in package.infolist()} == {(2000, 1, 1, 0, 0, 0)}
        core = package.read("docProps/core.xml").decode()
    assert set(re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", core)) == {
        "2000-01-01T00:00:00Z"
    }


@pytest.mark.parametrize(("name", "kind"), WORKBOOKS)
def test_every_part_is_valid_xml_and_every_relation_leads_somewhere(made, name, kind):
    with zipfile.ZipFile(made(name, kind, 12)) as package:
        names = package.namelist()
        assert len(names) == len(set(names))
        for entry in names:
            root = ET.fromstring(package.read(entry))
            if entry.endswith(".rels"):
                base = posixpath.dirname(posixpath.dirname(entry))
                for relation in root:
                    target = relation.attrib["Target"]
                    found = posixpath.normpath(posixpath.join("/" + base, target))
                    assert found.lstrip("/") in names


@pytest.mark.parametrize(("name", "kind"), WORKBOOKS)
def test_every_sheet_says_which_cells_it_has(made, name, kind):
    """Some readers make room by it before they read a cell."""
    with zipfile.ZipFile(made(name, kind, 12)) as package:
        for entry in package.namelist():
            if not entry.startswith("xl/worksheets/sheet"):
                continue
            text = package.read(entry).decode()
            said = re.search(r'<dimension ref="([^"]+)"', text)[1]
            places = [coordinate_to_tuple(at) for at in re.findall(r'<c r="([A-Z]+[0-9]+)"', text)]
            _, _, right, last = range_boundaries(said)
            assert (max(row for row, _ in places), max(column for _, column in places)) == (
                last,
                right,
            ), entry


@pytest.mark.parametrize(("name", "kind"), WORKBOOKS)
def test_shared_formulas_stay_on_their_sheet(made, name, kind):
    """Excel never shares a formula that looks into another sheet."""
    content = part(made(name, kind, 12), STEPS_PART)
    masters = re.findall(r'<f t="shared" ref="([^"]+)" si="([0-9]+)">([^<]*)</f>', content)
    assert masters
    assert not [text for _, _, text in masters if "!" in text]
    numbers = [number for _, number, _ in masters]
    assert len(numbers) == len(set(numbers))
    assert set(re.findall(r'si="([0-9]+)"/>', content)) <= set(numbers)


def test_shared_formulas_cover_the_cells_that_use_them(made):
    content = part(made("two-neuron", "book", 12), STEPS_PART)
    areas = dict(
        re.findall(r'<f t="shared" ref="[A-Z]+([0-9]+:[A-Z]+[0-9]+)" si="([0-9]+)"', content)
    )
    assert set(areas) == {
        *(f"9:{letter}19" for letter in "DEFGH"),
        *(f"8:{letter}19" for letter in "IJKLMNOPQRSTUVWXYZ"),
    }


@pytest.mark.sample(1)
def test_openpyxl_can_load_and_save_it(made, tmp_path, kind):
    """Formulas, notes, styles and names come through."""
    first = load_workbook(made("book-xor", kind, 12))
    first.save(tmp_path / "again.xlsx")
    second = load_workbook(tmp_path / "again.xlsx")
    assert second.sheetnames == first.sheetnames
    for sheet in first:
        for row in sheet.iter_rows():
            for cell in row:
                other = second[sheet.title][cell.coordinate]
                assert (other.value, other.number_format) == (cell.value, cell.number_format)
                assert (other.comment and other.comment.text) == (
                    cell.comment and cell.comment.text
                )


@pytest.mark.parametrize("path", ["x.xls", "x", "x.xlsx.txt"])
def test_other_endings_are_refused(tmp_path, path):
    with pytest.raises(bp.OutputError, match=r"ends in \.xlsx"):
        one_weight().run().to_excel(tmp_path / path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_layout_writes_nothing(tmp_path):
    with pytest.raises(bp.OutputError, match="known are full, book, matrix"):
        one_weight().run().to_excel(tmp_path / "x.xlsx", layout="tall")
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told(tmp_path):
    from bpsheet.workbook.writing import write_workbook

    told: list[int] = []
    write_workbook(one_weight(iterations=3_000).run(), tmp_path / "x.xlsx", progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 3_000
    assert len(told) > 1
