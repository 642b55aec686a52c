"""Hostile workbooks, each made on the fly from one that is in order.

`HOSTILE` has, by its name, how each is made (the bytes of a workbook in order and the limits that
it will be held against in, bytes out) and what is said when it is refused.
"""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bpsheet.guard.limits import Limits

SHEET = "xl/worksheets/sheet1.xml"
BOOK = "xl/workbook.xml"
TYPES = "[Content_Types].xml"
LINKS = "xl/_rels/workbook.xml.rels"
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>'
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
MEGABYTE = 1 << 20

Make = Callable[[bytes, Limits], bytes]


@dataclass(frozen=True)
class Hostile:
    """A file, and what is said of it (a regular expression).

    foreign: somebody's own workbook may be so; it is theirs to keep
    """

    make: Make
    said: str
    foreign: bool = False


def changed(data: bytes, parts: Mapping[str, bytes], *, stored: bool = False) -> bytes:
    """The workbook with some parts replaced or added."""
    out = io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", method) as new:
        left = dict(parts)
        for name in old.namelist():
            new.writestr(name, left.pop(name, None) or old.read(name))
        for name, content in left.items():
            new.writestr(name, content)
    return out.getvalue()


def part(data: bytes, name: str = SHEET) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return package.read(name)


def before(data: bytes, end: bytes, added: bytes, name: str = SHEET) -> bytes:
    """The workbook with something added to a part, before the last of these ends."""
    content = part(data, name)
    assert end in content
    place = content.rindex(end)
    return changed(data, {name: content[:place] + added + content[place:]})


def with_rows(data: bytes, rows: bytes) -> bytes:
    return before(data, b"</sheetData>", rows)


def with_merge(data: bytes, *areas: str) -> bytes:
    """With merged areas; those that were there go, for there may be one list of them."""
    content = part(data)
    begin, end = content.find(b"<mergeCells"), content.find(b"</mergeCells>")
    if begin >= 0:
        content = content[:begin] + content[end + len(b"</mergeCells>") :]
    cells = "".join(f'<mergeCell ref="{area}"/>' for area in areas)
    merged = f"</sheetData><mergeCells>{cells}</mergeCells>".encode()
    return changed(data, {SHEET: content.replace(b"</sheetData>", merged)})


def with_doctype(data: bytes, doctype: bytes, used: bytes = b"", name: str = SHEET) -> bytes:
    """With a document type in a part, and what it defines used in a cell."""
    content = part(data, name)
    content = content[content.index(b"?>") + 2 :] if content.startswith(b"<?xml") else content
    if used:
        cell = b'<row r="900"><c r="A900" t="inlineStr"><is><t>%s</t></is></c></row>' % used
        content = content.replace(b"</sheetData>", cell + b"</sheetData>")
    return changed(data, {name: HEAD + doctype + content})


def without(data: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
            for name in set(old.namelist()) - set(names):
                new.writestr(name, old.read(name))
    return out.getvalue()


def appended(data: bytes, name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO(data)
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a") as package:
        warnings.simplefilter("ignore")
        package.writestr(name, content, method)
    return out.getvalue()


def packed_zeros(size: int) -> bytes:
    """So many zeros, deflated: the deflated first megabyte over and over."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    once = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return once * (size // MEGABYTE) + b"\x03\x00"


def with_packed(data: bytes, parts: Mapping[str, tuple[bytes, int]]) -> bytes:
    """With parts that are given deflated, and how many bytes the list of parts says they are."""
    names = list(parts)
    whole = bytearray(changed(without(data, *names), dict.fromkeys(names, b"<a/>")))
    with zipfile.ZipFile(io.BytesIO(whole)) as package:
        infos = {info.filename: info for info in package.infolist()}
        begin = package.start_dir
    lists, rest = bytes(whole[begin:]), bytearray()
    first = min(infos[name].header_offset for name in names)
    for name in names:
        content, size = parts[name]
        header = bytearray(30 + len(name))
        at = infos[name].header_offset
        header[:] = whole[at : at + len(header)]
        struct.pack_into("<II", header, 18, len(content), size)
        entry = bytearray(lists[_entry(lists, name) :])
        struct.pack_into("<II", entry, 20, len(content), size)
        struct.pack_into("<I", entry, 42, first + len(rest))
        lists = lists[: _entry(lists, name)] + bytes(entry)
        rest += header + content
    end = bytearray(lists)
    struct.pack_into("<I", end, len(end) - 6, first + len(rest))
    return bytes(whole[:first] + rest + end)


def _entry(lists: bytes, name: str) -> int:
    """Where a part's entry begins in the list of parts."""
    return lists.rindex(b"PK\x01\x02", 0, lists.rindex(name.encode()))


def with_list(data: bytes, name: str, place: int, form: str, value: int) -> bytes:
    """With another number at a place of a part's entry in the list of parts."""
    made = bytearray(data)
    struct.pack_into(form, made, _entry(data, name) + place, value)
    return bytes(made)


def related(data: bytes, kind: str, target: str, *, external: bool = True) -> bytes:
    """The workbook with a relation more."""
    mode = ' TargetMode="External"' if external else ""
    relation = f'<Relationship Id="rId99" Type="{KINDS}{kind}" Target="{target}"{mode}/>'
    return before(data, b"</Relationships>", relation.encode(), LINKS)


def macros(data: bytes, _: Limits) -> bytes:
    typed = part(data, TYPES).replace(b"sheet.main+xml", b"sheet.macroEnabled.main+xml")
    return changed(data, {TYPES: typed, "xl/vbaProject.bin": COMPOUND + bytes(500)})


def external_book(data: bytes, _: Limits) -> bytes:
    link = (
        HEAD + b'<externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
    )
    made = changed(data, {"xl/externalLinks/externalLink1.xml": link})
    return related(made, "externalLink", "externalLinks/externalLink1.xml", external=False)


def laughs(data: bytes, _: Limits) -> bytes:
    entities = b'<!ENTITY a0 "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
    )
    return with_doctype(data, b"<!DOCTYPE worksheet [%s]>" % entities, b"&a11;")


def quadratic(data: bytes, _: Limits) -> bytes:
    long = b'<!DOCTYPE worksheet [<!ENTITY a "%s">]>' % (b"ha" * 50_000)
    return with_doctype(data, long, b"&a;" * 10_000)


def utf16(data: bytes, _: Limits) -> bytes:
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    return changed(data, {"xl/styles.xml": text.encode("utf-16")})


def bomb_of_parts(data: bytes, limits: Limits) -> bytes:
    size = limits.part // MEGABYTE * MEGABYTE
    zeros = packed_zeros(size), size
    return with_packed(data, {f"xl/media/{n:03}.bin": zeros for n in range(100)})


def bomb_of_sheets(data: bytes, limits: Limits) -> bytes:
    size = limits.part // MEGABYTE * MEGABYTE
    zeros = packed_zeros(size), size
    return with_packed(data, {f"xl/worksheets/more{n:03}.xml": zeros for n in range(100)})


def overlapping(data: bytes, _: Limits) -> bytes:
    """A second part in the list whose bytes are those of the first."""
    made = changed(data, {"xl/a.xml": b"<a/>", "xl/b.xml": b"<a/>"})
    with zipfile.ZipFile(io.BytesIO(made)) as package:
        place = package.getinfo("xl/a.xml").header_offset
    return with_list(made, "xl/b.xml", 42, "<I", place)


def contradicting(data: bytes, _: Limits) -> bytes:
    """The list says less than stands before the part."""
    made = changed(data, {"xl/a.xml": b"<a>" + b" " * 100_000 + b"</a>"})
    return with_list(made, "xl/a.xml", 24, "<I", 50)


def lying(data: bytes, _: Limits) -> bytes:
    """Both places say that it unpacks to 50 bytes."""
    packed = zlib.compress(b"<a>" + b" " * 10_000_000 + b"</a>", 9)[2:-4]
    return with_packed(data, {"xl/a.xml": (packed, 50)})


def many_cells(data: bytes, limits: Limits) -> bytes:
    """Written as no program does: each of them counts as an element too."""
    row = b'<row r="900">' + b"<c/>" * (min(limits.cells, limits.elements) + 1)
    return with_rows(data, row + b"</row>")


def long_run(data: bytes, limits: Limits) -> bytes:
    """One text that is longer than a part may be, where the one who only looks comes by."""
    text = b"<a>%s</a>" % (random.Random(3).randbytes(8_000).hex().encode() * 1_300)
    content = part(data).replace(b"<dimension", text + b"<dimension")
    return changed(data, {SHEET: content}, stored=limits.sheet > limits.part)


def nested(tag: bytes, depth: int = 100_000) -> bytes:
    return (b"<%s>" % tag) * depth + (b"</%s>" % tag) * depth


def sheets(data: bytes, limits: Limits) -> bytes:
    """One part may be named as any number of sheets, and is read for each."""
    many = b'<sheet name="a" sheetId="9" r:id="rId1"/>' * limits.sheets
    return before(data, b"</sheets>", many, BOOK)


def attributes(data: bytes, limits: Limits) -> bytes:
    many = " ".join(f'a{n}="1"' for n in range(limits.attributes + 1))
    return changed(data, {"xl/a.xml": f"<a {many}/>".encode()})


def corner(data: bytes, _: Limits) -> bytes:
    return with_rows(data, b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')


def dimension(data: bytes, _: Limits) -> bytes:
    content = part(data)
    begin = content.index(b"<dimension ref=")
    end = content.index(b">", begin)
    return changed(
        data, {SHEET: content[:begin] + b'<dimension ref="A1:XFD1048576"/' + content[end:]}
    )


def elements(data: bytes, limits: Limits) -> bytes:
    half = b"<a>" + b"<b/>" * (limits.elements // 2) + b"</a>"
    return changed(data, {"xl/one.xml": half, "xl/two.xml": half})


def strings(data: bytes, _: Limits) -> bytes:
    return changed(data, {"xl/sharedStrings.xml": HEAD + b'<sst uniqueCount="4294967295"/>'})


def zip_flag(data: bytes, _: Limits) -> bytes:
    return with_list(data, SHEET, 8, "<H", 1)


def counting(data: bytes, _: Limits) -> bytes:
    made = bytearray(data)
    struct.pack_into("<HH", made, len(made) - 14, 9_999, 9_999)
    return bytes(made)


def _row(row: str) -> Make:
    return lambda data, _: with_rows(data, row.encode())


def _add(name: str, content: bytes) -> Make:
    return lambda data, _: changed(data, {name: content})


def _bytes(content: bytes) -> Make:
    return lambda _data, _limits: content


GIGABYTE = 1 << 30
HOSTILE: dict[str, Hostile] = {
    # Zip bombs
    "a megabyte that unpacks to a gigabyte": Hostile(
        lambda d, _: with_packed(d, {SHEET: (packed_zeros(GIGABYTE), GIGABYTE)}), "unpacks to more"
    ),
    "a gigabyte beside the sheets": Hostile(
        lambda d, _: with_packed(d, {"xl/media/a.bin": (packed_zeros(GIGABYTE), GIGABYTE)}),
        r"unpacks to more than 16,000,000 bytes",
    ),
    "a hundred parts, each within the limit": Hostile(bomb_of_parts, "unpacks to more than"),
    "a hundred sheets, each within the limit": Hostile(bomb_of_sheets, "unpacks to more than"),
    "parts that share their bytes": Hostile(overlapping, "lies in another one"),
    "a zip in a zip": Hostile(
        lambda d, _: changed(without(d, BOOK), {"xl/workbook.zip": d}), "not a workbook"
    ),
    "too many parts": Hostile(
        lambda d, limits: changed(d, {f"xl/media/{n}.bin": b"x" for n in range(limits.parts)}),
        "parts; at most 200 are read",
    ),
    # Entities
    "entities of entities": Hostile(laughs, "a document type or an entity is declared"),
    "a long entity used often": Hostile(quadratic, "a document type or an entity"),
    "an external entity": Hostile(
        lambda d, _: with_doctype(
            d, b'<!DOCTYPE worksheet [<!ENTITY a SYSTEM "file:///etc/passwd">]>', b"&a;"
        ),
        "a document type or an entity",
    ),
    "a document type from elsewhere": Hostile(
        lambda d, _: with_doctype(d, b'<!DOCTYPE workbook SYSTEM "http://[::1]/a.dtd">', name=BOOK),
        "a document type or an entity",
    ),
    "a document type in another encoding": Hostile(utf16, "a document type or an entity"),
    "a document type in a picture": Hostile(
        _add("xl/media/picture.png", b"<!DOCTYPE a><a/>"), "a document type or an entity"
    ),
    # Lies
    "the list of parts contradicts the part": Hostile(contradicting, "contradict each other"),
    "a part that is larger than it says": Hostile(lying, "damaged"),
    "a wrong count of parts": Hostile(counting, "counts 9,999 parts"),
    "a count of four thousand million strings": Hostile(strings, "uniqueCount of 4294967295"),
    "a dimension of the whole grid": Hostile(dimension, "span more than 100,000,000 cells"),
    "something before the package": Hostile(
        lambda d, _: b"PK\3\4" + bytes(60) + d, "stands before|damaged"
    ),
    "something after the package": Hostile(lambda d, _: d + b"more", "follows the end|damaged"),
    # Names of parts
    "a part that is there twice": Hostile(
        lambda d, _: appended(d, SHEET, part(d)), "is there twice"
    ),
    "a part that is there twice but for case": Hostile(
        lambda d, _: appended(d, SHEET.upper(), part(d)), "is there twice"
    ),
    "a name that climbs": Hostile(_add("../../evil.xml", b"<a/>"), "unsafe name"),
    "a name from the root": Hostile(_add("/etc/evil.xml", b"<a/>"), "unsafe name"),
    "a name with a backslash": Hostile(_add("xl\\evil.xml", b"<a/>"), "unsafe name"),
    "a name with a drive": Hostile(_add("C:evil.xml", b"<a/>"), "unsafe name"),
    # The grid
    "a cell in the last corner": Hostile(corner, "span more than 100,000,000 cells"),
    "a cell off the grid": Hostile(
        _row('<row r="900"><c r="XFE900"/></row>'), "a cell off the grid"
    ),
    "a cell below the grid": Hostile(
        _row('<row r="900"><c r="A1048577"/></row>'), "a cell off the grid"
    ),
    "a cell without a place": Hostile(_row('<row r="900"><c r="7"/></row>'), "a cell off the grid"),
    "a row off the grid": Hostile(_row('<row r="1048577"></row>'), "a row number off the grid"),
    "row 0": Hostile(_row('<row r="0"/>'), "a row number off the grid"),
    "a row below 0": Hostile(_row('<row r="-1"/>'), "a row number off the grid"),
    "a row of twenty digits": Hostile(_row(f'<row r="{"9" * 20}"/>'), "a row number off the grid"),
    "a row in other digits": Hostile(_row('<row r="\u0663"/>'), "a row number off the grid"),
    "a merge of the whole sheet": Hostile(
        lambda d, _: with_merge(d, "A1:XFD1048576"), r"more than 20?0,000 cells are merged"
    ),
    "many large merges": Hostile(
        lambda d, limits: with_merge(
            d, *(f"A{n}:Z{n + 99}" for n in range(1, 200 + limits.merged // 26, 100))
        ),
        r"more than 20?0,000 cells are merged",
    ),
    "a merge without bounds": Hostile(lambda d, _: with_merge(d, "A:B"), "a merged area without"),
    "a merge of nonsense": Hostile(lambda d, _: with_merge(d, "nonsense"), "damaged"),
    "a merge of three corners": Hostile(lambda d, _: with_merge(d, "A1:B2:C3"), "damaged"),
    "a merge of nothing": Hostile(lambda d, _: with_merge(d, ""), "a merged area without"),
    # Too much of something
    "a hundred thousand levels": Hostile(
        lambda d, _: changed(d, {"xl/styles.xml": nested(b"a")}),
        r"xl/styles\.xml: nested more than 64 deep",
    ),
    "a hundred thousand levels in a row": Hostile(
        lambda d, _: with_rows(d, b'<row r="900">' + nested(b"is") + b"</row>"),
        "nested more than 64 deep",
    ),
    "too many elements": Hostile(elements, r"more than ([13]00|1,000),000 elements in the file"),
    "too many cells": Hostile(many_cells, r"more than [0-9,]+ (cells|elements) in the file"),
    "too many sheets": Hostile(sheets, "more than (50|200) sheets"),
    "too many attributes": Hostile(attributes, "more than 200 attributes in one element"),
    "a text of many million letters": Hostile(
        long_run, "more than (16,000,000 bytes( in one text)?|100 times)"
    ),
    # What no sheet of ours has
    "macros": Hostile(macros, "it holds macros"),
    "a link to another workbook": Hostile(external_book, "leads to another file", foreign=True),
    "a picture from elsewhere": Hostile(
        lambda d, _: related(d, "image", "http://[::1]/a.png"), "leads to another", foreign=True
    ),
    "an embedded object": Hostile(
        _add("xl/embeddings/oleObject1.bin", COMPOUND), "another program's object", foreign=True
    ),
    "a connection to a database": Hostile(
        _add("xl/connections.xml", b"<connections/>"), "leads to another file", foreign=True
    ),
    # No workbook at all
    "encrypted with a password": Hostile(_bytes(COMPOUND + bytes(5_000)), "encrypted with"),
    "an encrypted part": Hostile(zip_flag, "is encrypted"),
    "an unknown packing": Hostile(
        lambda d, _: appended(d, "xl/a.xml", b"<a/>", zipfile.ZIP_BZIP2), "packed in an unknown way"
    ),
    "cut short": Hostile(lambda d, _: d[: len(d) // 2], "damaged, or not a workbook"),
    "cut at its end": Hostile(lambda d, _: d[:-1], "damaged"),
    "empty": Hostile(_bytes(b""), "an empty file"),
    "a table of text": Hostile(_bytes(b"name,value\n"), "not a workbook"),
    "a zip of something else": Hostile(
        lambda _d, _l: appended(b"", "readme.txt", b"hello"), "not a workbook"
    ),
}
