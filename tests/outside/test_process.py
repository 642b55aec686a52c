"""Engines run in processes of their own: what ends them ends no more than them."""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import ironcalc
import pytest

import bpsheet as bp
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import opened
from bpsheet.outside import process
from bpsheet.outside.process import HAS_LIMITS, Task, run_engine
from bpsheet.verifying.child import _write, columns_of
from bpsheet.verifying.engine import Asked, Block
from bpsheet.verifying.engines import ENGINES
from bpsheet.verifying.verify import verify
from bpsheet.workbook.reading import contents_of
from bpsheet.workbook.writing import sheets_of
from tests.helpers.hostile import changed, part
from tests.helpers.workbooks import STEPS_PART, cell_xml

TASK = Task("the engine", "x.xlsx", memory=500_000_000)
needs_limits = pytest.mark.skipif(not HAS_LIMITS, reason="no limits on this platform")


def block_of(sheet) -> Block:
    return Block(sheet.name, range(8, 8 + len(sheet)), sheet.places)


def run(code: str, given: bytes = b"") -> bytes:
    return run_engine([sys.executable, "-c", code], TASK, given)


def with_formula(data: bytes, place: str, formula: str) -> bytes:
    """A workbook with another formula in a cell of Steps."""
    content = part(data, STEPS_PART).decode()
    found = cell_xml(content, place)[0]
    planted = re.sub(r"<f[^>]*/>|<f[^>]*>[^<]*</f>", lambda _: f"<f>{formula}</f>", found)
    assert planted != found
    return changed(data, {STEPS_PART: content.replace(found, planted).encode()})


def same_bits(cell: object) -> object:
    """What tells a cell from every other, 0.0 from -0.0 and True from 1 too."""
    return type(cell), struct.pack("d", cell) if isinstance(cell, float) else cell


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("name", "rows"), [("two-neuron", 40), ("exploding", None), ("book-perceptron", None)]
)
def test_values_are_those_of_the_engine_in_this_process_bit_for_bit(made, traced, name, rows):
    """Numbers, words and errors."""
    path, trace = made(name, "full", rows), traced(name, rows)
    (steps,) = sheets_of(trace, "full")
    with opened(path, OURS) as package:
        contents = contents_of(package)
    ((found,),) = ENGINES["ironcalc"].recalculated([Asked(contents, [block_of(steps)])])
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    model.evaluate()
    for index, shown in enumerate(steps.layout.shown):
        here = [model.get_cell_value(0, row + 8, shown.place) for row in range(len(steps))]
        assert list(map(same_bits, found[:, index])) == list(map(same_bits, here))


def test_every_kind_of_value_comes_back_as_it_was():
    columns = [
        [0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1, float("inf")],
        [None, True, False, "", "#NUM!", "α\n", 3, 0.5],
        [],
        ["one"],
    ]
    stream = io.BytesIO()
    for column in columns:
        _write(stream, column)
    stream.seek(0)
    back = list(columns_of(stream))
    assert [list(map(same_bits, column)) for column in back] == [
        list(map(same_bits, column)) for column in columns
    ]


def test_what_an_engine_is_given_and_writes_goes_through():
    large = os.urandom(300_000)
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert run(code, large) == large


@pytest.mark.skipif(os.name == "nt", reason="no signals there")
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_an_engine_that_dies_of_a_signal_is_an_error_that_names_it(name):
    with pytest.raises(bp.EngineError) as caught:
        run(
            "import os, signal, sys; print('last words', file=sys.stderr, flush=True);"
            f"os.kill(os.getpid(), signal.{name})"
        )
    assert str(caught.value) == (
        f"x.xlsx: the engine failed on this workbook (ended by the signal {name}; "
        "it may use 0.5 GB of memory; last words)"
    )


@needs_limits
def test_an_engine_that_takes_too_much_memory_is_stopped():
    with pytest.raises(bp.EngineError, match=r"failed on this workbook .*MemoryError"):
        run("kept = bytearray(600_000_000)")
    assert run("kept = bytearray(100_000_000)") == b""


@pytest.mark.slow
def test_an_engine_that_hangs_is_stopped_with_all_that_it_started(monkeypatch, tmp_path):
    """Its time is cut short for this test. A program that it started writes no more after."""
    monkeypatch.setattr(process, "TIMEOUT", 1)
    mark = tmp_path / "mark"
    inner = (
        f"import time, pathlib\nwhile True: pathlib.Path({str(mark)!r}).touch(); time.sleep(.05)"
    )
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    with pytest.raises(bp.EngineError, match=r"x\.xlsx: the engine took more than 1 seconds"):
        run(outer)
    assert mark.exists()
    mark.unlink()
    time.sleep(0.3)
    assert not mark.exists()


def test_an_engine_that_fails_is_an_error_with_the_end_of_what_it_said():
    with pytest.raises(bp.EngineError, match=r"failed on this workbook \(.*y{50}\)") as caught:
        run("import sys; sys.exit('x' * 10_000 + 'y' * 50)")
    assert len(str(caught.value)) < 400


@needs_limits
def test_a_formula_that_ends_ironcalc_is_said_in_a_line(made, tmp_path, command):
    """Nested deeper than its stack holds."""
    path = tmp_path / "x.xlsx"
    deep = "(" * 4_000 + "1" + ")" * 4_000
    path.write_bytes(with_formula(made("two-neuron", "book", 12).read_bytes(), "K8", deep))
    status, _, err = command("verify", str(path))
    assert status == 1
    assert "ironcalc failed on this workbook (ended by the signal" in " ".join(err.split())
    assert "Traceback" not in err


@pytest.mark.slow
@needs_limits
def test_a_formula_that_would_take_all_memory_is_stopped(made, tmp_path, monkeypatch):
    monkeypatch.setitem(ENGINES, "ironcalc", replace(ENGINES["ironcalc"], memory=300_000_000))
    path = tmp_path / "x.xlsx"
    large = "SUMPRODUCT(A1:XFD1048576*A1:XFD1048576)"
    path.write_bytes(with_formula(made("two-neuron", "book", 12).read_bytes(), "K8", large))
    with pytest.raises(bp.EngineError, match=r"ironcalc failed on this workbook .*GB of memory"):
        verify(path)


@pytest.mark.sample(1)
@pytest.mark.skipif(os.name == "nt", reason="a script as a program")
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 0", "failed on this workbook (without a message)"),
        ("echo no display >&2; exit 7", "failed on this workbook (no display)"),
        ("sleep 60", "LibreOffice took more than 1 seconds"),
        ("kill -SEGV $$", "failed on this workbook (ended by the signal SIGSEGV"),
    ],
)
def test_a_libreoffice_that_fails_is_an_error(made, tmp_path, monkeypatch, script, said):
    program = tmp_path / "soffice"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(process, "TIMEOUT", 1)
    with pytest.raises(bp.EngineError) as caught:
        verify(made("two-neuron", "book", 12), "libreoffice")
    assert said in str(caught.value)


def test_an_engine_reads_a_copy_of_what_was_checked(made, traced, tmp_path):
    """Whatever the file has become."""
    path = tmp_path / "x.xlsx"
    path.write_bytes(made("two-neuron", "full", 12).read_bytes())
    (steps,) = sheets_of(traced("two-neuron", 10), "full")
    with opened(path, OURS) as package:
        Path(path).write_bytes(b"something else")
        contents = contents_of(package)
    ((found,),) = ENGINES["ironcalc"].recalculated([Asked(contents, [block_of(steps)])])
    assert found[0, 0] == 1.0


@pytest.mark.slow
def test_a_workbook_that_claims_more_rows_than_fit_is_refused_before_it_is_run(made, tmp_path):
    path = tmp_path / "claims.xlsx"
    with zipfile.ZipFile(made("two-neuron")) as parts, zipfile.ZipFile(path, "w") as claims:
        for part in parts.infolist():
            content = parts.read(part)
            claims.writestr(
                part, re.sub(rb"iterations = [0-9]+", b"iterations = 1000000000", content)
            )
    with pytest.raises(bp.LimitError, match="1,000,000,000 rows of 31 cells"):
        verify(path)
