"""Compression in blocks, on every processor: one stream, the same on any machine."""

from __future__ import annotations

import os
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.xlsx import deflate as deflate_module
from bpsheet.xlsx import package
from bpsheet.xlsx.deflate import Deflate
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
