"""Compression in blocks, on every processor: one stream, the same on any machine."""

from __future__ import annotations

import os
import zipfile
import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.xlsx import deflate as deflate_module
from bpsheet.xlsx import package
from bpsheet.xlsx.deflate import WINDOW, Deflate
from tests.helpers.samples import draws


def deflated(parts):
    deflate = Deflate()
    return b"".join([deflate.compress(part) for part in parts]) + deflate.flush()


@given(st.lists(st.binary(max_size=3_000), max_size=12), st.integers(1, 5_000))
@draws(60)
def test_deflated_blocks_are_one_stream_whatever_the_parts(parts, block):
    """That zlib reads back, and that is the same when the data come all at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deflate_module, "BLOCK", block)
        packed = deflated(parts)
        assert packed == deflated([b"".join(parts)])
    assert zlib.decompress(packed, -zlib.MAX_WBITS) == b"".join(parts)


def test_what_is_deflated_does_not_depend_on_the_number_of_processors(monkeypatch):
    blocks = [bytes([n]) * 500_000 + b"0.123" * n for n in range(10)]
    found = set()
    for count in (1, 2, 7):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        found.add(deflated(blocks))
    assert len(found) == 1


def test_a_block_refers_to_the_end_of_the_block_before(monkeypatch):
    """What a block begins with was the end of the one before: it costs nothing, and is read back."""
    monkeypatch.setattr(deflate_module, "BLOCK", 2 * WINDOW)
    random = Random(0)
    far, end = random.randbytes(3 * WINDOW // 2), random.randbytes(WINDOW // 2)
    packed = deflated([far + end, end + far])
    assert zlib.decompress(packed, -zlib.MAX_WBITS) == far + end + end + far
    assert len(packed) < 1.02 * len(far + end + far)


def test_no_more_blocks_wait_than_are_allowed(monkeypatch):
    """The memory of a long workbook does not grow with its rows."""
    monkeypatch.setattr(deflate_module, "BLOCK", 1000)
    deflate = Deflate()
    for _ in range(200):
        deflate.compress(b"0.125," * 200)
        assert len(deflate._waiting) <= deflate._most
    deflate.flush()


def test_zipfile_lets_us_compress(tmp_path, monkeypatch):
    """The one attribute of it that is not documented is still there."""
    taken = []

    class Spy(Deflate):
        def compress(self, block):
            taken.append(len(block))
            return super().compress(block)

    monkeypatch.setattr(package, "Deflate", Spy)
    path = bp.load("two-neuron").run(10).to_excel(tmp_path / "run.xlsx")
    with zipfile.ZipFile(path) as parts:
        streamed = ("xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml")
        assert sum(taken) == sum(parts.getinfo(name).file_size for name in streamed)
        assert parts.testzip() is None


def test_no_part_needs_more_than_every_reader_knows(made):
    """The format's extension for large files stays out, and its later versions."""
    with zipfile.ZipFile(made("two-neuron")) as parts:
        assert max(part.extract_version for part in parts.infolist()) == 20
        assert all(not part.extra for part in parts.infolist())
