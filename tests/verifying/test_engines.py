"""Engines that are missing, or unknown."""

from __future__ import annotations

import sys

import pytest

import bpsheet as bp
from bpsheet.verifying.verify import verify


def test_a_missing_ironcalc_says_how_to_install_it(book, monkeypatch):
    monkeypatch.setitem(sys.modules, "ironcalc", None)
    with pytest.raises(
        bp.MissingExtraError, match="ironcalc is not installed: python -m pip install"
    ):
        verify(book)


def test_a_missing_libreoffice_is_told(book, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(bp.EngineError, match="libreoffice is not installed"):
        verify(book, "libreoffice")


def test_an_unknown_engine_is_refused_with_those_there_are(book):
    with pytest.raises(bp.EngineError, match='no engine "excel"; known are ironcalc, libreoffice'):
        verify(book, "excel")


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
