"""Every format that has room for a seal has one, and whatever is changed in a file breaks it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook
from PIL import Image, PngImagePlugin

import bpsheet as bp
from bpsheet.files.ours import is_ours
from bpsheet.files.seals import LABEL, PIECE
from bpsheet.sweeps.folder import write_frame
from tests.helpers.samples import sampled, spread
from tests.helpers.unwritable import COMMANDS

REFUSED = "is not as bpsheet wrote it. Give another name, or replace it with --force"
SEALED = [name for name in COMMANDS if Path(name).suffix not in (".csv", ".txt")]
FLAT = [name for name in SEALED if not name.endswith(".xlsx")]
RELEASES = sorted((Path(__file__).parents[1] / "releases").glob("*/*.xlsx"))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A file of each kind, by its name."""
    folder = tmp_path_factory.mktemp("written")
    found: dict[str, bytes] = {}

    def of(name: str, command: Callable[..., tuple[int, str, str]]) -> bytes:
        if name not in found:
            path = folder / name
            assert command(*COMMANDS[name], "-o", str(path))[0] == 0
            found[name] = path.read_bytes()
        return found[name]

    return of


def refuses(command, name: str, *asked: str) -> bool:
    """Whether the command leaves the file alone, and says why."""
    before = Path(name).read_bytes()
    status, _, err = command(*(asked or COMMANDS[name]), "-o", name)
    said = err.endswith(f"{name} exists, and {REFUSED}\n")
    return status == 1 and said and Path(name).read_bytes() == before


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", spread(SEALED, 4))
def test_a_file_has_one_seal_at_most_and_is_ours(name, command, written):
    content = written(name, command)
    Path(name).write_bytes(content)
    assert is_ours(Path(name))
    if name in FLAT:
        assert content.count(LABEL) == 1


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", spread(FLAT, 5))
def test_any_byte_that_is_changed_breaks_the_seal(name, command, written):
    """At the beginning, in the middle, in the seal, at the end; and what is added or cut off.

    But for the checksum that follows the seal of a PNG picture, and follows from it.
    """
    content, path = written(name, command), Path(name)
    size, seal = len(content), content.index(LABEL)
    places = {
        *range(4, size, size // 60),
        *range(seal, min(seal + 60, size)),
        *range(size - 20, size),
    }
    if name.endswith(".png"):
        places -= {*range(size - 16, size - 12)}
    for place in places:
        other = bytes([content[place] ^ 1])
        path.write_bytes(content[:place] + other + content[place + 1 :])
        assert not is_ours(path), place
    for changed in (content + b"\n", content[:-1], content[: size // 2], content[:7], content * 2):
        path.write_bytes(changed)
        assert not is_ours(path)
    assert refuses(command, name)


def saved_png(path: Path) -> None:
    """Turned by hand, with its comments kept."""
    kept = PngImagePlugin.PngInfo()
    with Image.open(path) as image:
        for key, value in image.text.items():
            kept.add_text(key, value)
        image.rotate(180).save(path, pnginfo=kept)


def saved_gif(path: Path) -> None:
    with Image.open(path) as image:
        image.save(path, save_all=True, comment=LABEL + b"0" * 16)


def saved_parquet(path: Path) -> None:
    """Other numbers in one column, and all that was said beside the columns."""
    table = pq.read_table(path)
    changed = table.set_column(5, table.schema.field(5), pa.array([0.5] * len(table)))
    said = pq.ParquetFile(path).metadata.metadata
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(changed)
        writer.add_key_value_metadata({"seal": said[b"seal"].decode()})


def renamed_parquet(path: Path) -> None:
    """The same numbers under other names."""
    table = pq.read_table(path)
    names = [f"{name}'" for name in table.schema.names]
    said = pq.ParquetFile(path).metadata.metadata
    renamed = table.rename_columns(names)
    with pq.ParquetWriter(path, renamed.schema) as writer:
        writer.write_table(renamed)
        writer.add_key_value_metadata({"seal": said[b"seal"].decode()})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "edit"),
    spread(
        [
            ("network.png", saved_png),
            ("network.gif", saved_gif),
            ("run.parquet", saved_parquet),
            ("run.parquet", renamed_parquet),
        ],
        2,
    ),
)
def test_what_was_changed_with_a_library_stays_where_it_is(name, edit, command, written):
    """Even where what it said of its maker was kept."""
    Path(name).write_bytes(written(name, command))
    edit(Path(name))
    assert refuses(command, name)
    assert command(*COMMANDS[name], "-o", name, "--force")[0] == 0
    assert is_ours(Path(name))


def zipped(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """A package with parts changed, and dates and all else as they were."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for info in old.infolist():
            new.writestr(info, change(info.filename, old.read(info)))
    return made.getvalue()


@pytest.mark.parametrize(
    "name", sampled([name for name in SEALED if name.endswith(".xlsx")], "exercise.xlsx")
)
def test_a_workbook_edited_inside_its_package_is_somebodys(name, command, written):
    """Any part of it. Packed anew and otherwise the same it says what it said."""
    content, path = written(name, command), Path(name)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        parts = package.namelist()
    for part in parts:
        path.write_bytes(zipped(content, lambda n, c, part=part: c + b" " * (n == part)))
        assert not is_ours(path), part
    path.write_bytes(zipped(content, lambda _name, part: part))
    assert is_ours(path)


def test_a_figure_put_into_a_workbooks_package_is_not_replaced(command, written):
    def edited(name: str, part: bytes) -> bytes:
        return part.replace(b"0.6", b"0.7", 1) if name == "xl/worksheets/sheet1.xml" else part

    content = zipped(written("run.xlsx", command), edited)
    assert content != written("run.xlsx", command)
    Path("run.xlsx").write_bytes(content)
    assert refuses(command, "run.xlsx")


def test_the_copy_with_derivatives_edited_inside_its_package_is_somebodys(command):
    """Its sheet is ours, the others are its owner's; all are under its seal."""
    book = Workbook()
    book.active["A1"], book.active["B1"] = 2.0, "=A1^2"
    book.save("book.xlsx")
    asked = ("differentiate", "book.xlsx", "--loss", "B1", "--parameters", "A1")
    assert command(*asked, "-o", "out.xlsx")[0] == 0
    content = Path("out.xlsx").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        parts = package.namelist()
    for part in parts:
        Path("out.xlsx").write_bytes(
            zipped(content, lambda n, c, part=part: c + b" " * (n == part))
        )
        assert refuses(command, "out.xlsx", *asked), part
    Path("out.xlsx").write_bytes(content)
    assert command(*asked, "-o", "out.xlsx")[0] == 0
    # A copy of the copy has two such sheets, of which the last one counts.
    again = ("differentiate", "out.xlsx", "--loss", "Sheet!B1", "--parameters", "Sheet!A1")
    assert command(*again, "-o", "again.xlsx")[0] == 0
    assert is_ours(Path("again.xlsx"))


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_workbooks_of_before_there_were_seals_are_ours(path):
    assert is_ours(path)


def test_a_picture_or_table_that_only_names_bpsheet_is_not_ours():
    """As those of before there were seals did."""
    Image.new("P", (2, 2)).save("x.gif", comment="bpsheet")
    pq.write_table(pa.table({"x": [1.0]}).replace_schema_metadata({"bpsheet": "run"}), "x.parquet")
    assert not is_ours(Path("x.gif"))
    assert not is_ours(Path("x.parquet"))


def test_a_text_in_a_table_is_not_taken_for_its_seal():
    """Its smallest and largest values stand in the file's description, before the seal."""
    frame = pd.DataFrame({"text": [f"{LABEL.decode()}{'a' * 16}"]})
    with Path("x.parquet").open("w+b") as stream:
        write_frame(stream, frame)
    assert is_ours(Path("x.parquet"))
    pd.testing.assert_frame_equal(pd.read_parquet("x.parquet"), frame)


@pytest.mark.slow
def test_a_table_larger_than_a_piece_is_sealed_as_a_whole(command):
    """It is read piece by piece; a change in any of them is found."""
    run = ("run", "two-neuron", "--iterations", "30000", "-o", "run.parquet")
    assert command(*run)[0] == 0
    content = bytearray(Path("run.parquet").read_bytes())
    assert len(content) > 2 * PIECE
    for place in (PIECE - 1, PIECE, 2 * PIECE + 1):
        content[place] ^= 1
        Path("run.parquet").write_bytes(content)
        assert not is_ours(Path("run.parquet"))
        content[place] ^= 1
    Path("run.parquet").write_bytes(content)
    assert command(*run)[0] == 0


def test_a_parquet_file_tells_nothing_but_its_columns():
    """Readers find the same table; the seal stands beside it."""
    bp.load("two-neuron").write("run.parquet", iterations=3)
    table = pq.read_table("run.parquet")
    assert table.num_rows == 3
    assert b"seal" in pq.ParquetFile("run.parquet").metadata.metadata
    assert pd.read_parquet("run.parquet").index.name == "iteration"
