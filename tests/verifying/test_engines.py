"""Engines that are missing, or unknown."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

import pytest

import bpsheet as bp
from bpsheet.commands import verify as command
from bpsheet.verifying.engine import Package, Program
from bpsheet.verifying.engines import ENGINES
from bpsheet.verifying.verify import verify
from tests.helpers.engines import needed
from tests.helpers.samples import sampled

PACKAGES = [engine for engine in ENGINES.values() if isinstance(engine, Package)]
PROGRAMS = [engine for engine in ENGINES.values() if isinstance(engine, Program)]


def named(engine):
    return engine.name


@pytest.mark.parametrize("engine", PACKAGES, ids=named)
def test_a_missing_package_says_how_to_install_it(book, monkeypatch, engine):
    monkeypatch.setitem(sys.modules, engine.module, None)
    said = rf'{engine.name} is not installed: python -m pip install "bpsheet\[{engine.extra}\]"'
    with pytest.raises(bp.MissingExtraError, match=said):
        verify(book, engine.name)


@pytest.mark.parametrize("engine", PROGRAMS, ids=named)
def test_a_missing_program_says_how_to_install_it(book, monkeypatch, engine):
    monkeypatch.setenv("PATH", "")
    said = f"{engine.name} is not installed .*apt install {engine.name}"
    with pytest.raises(bp.EngineError, match=said):
        verify(book, engine.name)


def test_an_unknown_engine_is_refused_with_those_there_are(book):
    with pytest.raises(bp.EngineError, match='no engine "excel"; known are ironcalc, libreoffice'):
        verify(book, "excel")


def test_the_command_knows_every_engine():
    assert tuple(ENGINES) == command.ENGINES


@pytest.mark.parametrize("engine", sampled(ENGINES, "betteroffice", "gnumeric"))
def test_a_workbook_as_written_passes_in_each_engine(book, engine):
    report = verify(book, needed(engine))
    assert report.passed
    assert all(comparison.cells for comparison in report.comparisons)


@pytest.mark.sample(1)
@pytest.mark.parametrize("engine", sampled(ENGINES, "betteroffice", "gnumeric"))
def test_a_formula_damaged_after_saving_is_found_in_each_engine(book, edit, engine):
    """The values that the file stores stay the right ones."""
    path = edit(book, {"K12": lambda xml: re.sub("<f.*?/>", "<f>0.5</f>", xml)})
    stored, recalculated, changed = verify(path, needed(engine)).comparisons
    assert stored.passed
    assert recalculated.wrong
    assert changed.wrong


def test_an_engine_that_stops_in_a_workbook_is_said_in_a_line(book, monkeypatch):
    """A package that is found, and raises when it is asked."""
    monkeypatch.setitem(ENGINES, "other", replace(ENGINES["ironcalc"], name="other"))
    with pytest.raises(
        bp.EngineError, match=r"ironcalc failed on this workbook \(KeyError: 'other'"
    ):
        verify(book, "other")


def test_libreoffice_tests_fail_where_it_must_be_there(request, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("BPSHEET_ENGINES", "required")
    with pytest.raises(pytest.fail.Exception, match="BPSHEET_ENGINES=required asks for it"):
        request.getfixturevalue("libreoffice")


def test_libreoffice_tests_are_skipped_where_it_is_not_asked_for(request, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BPSHEET_ENGINES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="LibreOffice is not installed"):
        request.getfixturevalue("libreoffice")
