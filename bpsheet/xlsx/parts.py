"""The parts of a workbook's package: XML, read piece by piece, and how the parts lead to each other."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from xml.parsers import expat

from bpsheet.errors import WorkbookError
from bpsheet.guard.package import Guarded

__all__ = ["Reader", "Relations", "damage", "elements", "holds", "parsed", "related"]

PIECE = 1 << 18
# The parts that a part leads to: type and name, by their identities.
Relations = Mapping[str, tuple[str, str]]


class Reader:
    """Takes the elements of an XML part. `begin` and `end` get names without their prefix."""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...


def _name(package: Guarded, part: str) -> str:
    """The name of a part as the package has it, which may differ in capitals."""
    if part in package.NameToInfo:
        return part
    return next((name for name in package.namelist() if name.lower() == part.lower()), part)


def holds(package: Guarded, part: str) -> bool:
    """Whether there is a part of this name."""
    return _name(package, part) in package.NameToInfo


def parsed(package: Guarded, part: str, reader: Reader) -> None:
    """Read a part of a package, piece by piece. Raises WorkbookError for damage."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    begin, end = reader.begin, reader.end

    def started(name: str, attributes: dict[str, str]) -> None:
        begin(name if ":" not in name else name.rpartition(":")[2], attributes)

    def ended(name: str) -> None:
        end(name if ":" not in name else name.rpartition(":")[2])

    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.CharacterDataHandler = reader.text
    with damage(package, part):
        with package.open(_name(package, part)) as stream:
            while piece := stream.read(PIECE):
                parser.Parse(piece, False)
        parser.Parse(b"", True)


@contextmanager
def damage(package: Guarded, part: str) -> Iterator[None]:
    """Turn what a damaged part raises into a WorkbookError that names the file and the part."""
    try:
        yield
    except expat.ExpatError as error:
        said = f"{part} is damaged ({expat.ErrorString(error.code)})"
        raise WorkbookError(f"{package.name}: not a readable workbook ({said})") from None
    except KeyError:
        said = f"there is no part {part[:80]}"
        raise WorkbookError(f"{package.name}: not a readable workbook ({said})") from None
    except (IndexError, OverflowError, ValueError) as error:
        said = f"{part} is damaged: {error}"
        raise WorkbookError(f"{package.name}: not a readable workbook ({said})") from None


class _Elements(Reader):
    """The attributes of all elements of one name, and their texts."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.found: list[tuple[Mapping[str, str], str]] = []
        self.attributes: Mapping[str, str] = {}
        self.pieces: list[str] | None = None

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == self.wanted:
            self.attributes, self.pieces = attributes, []

    def text(self, text: str) -> None:
        if self.pieces is not None:
            self.pieces.append(text)

    def end(self, name: str) -> None:
        if name == self.wanted and self.pieces is not None:
            self.found.append((self.attributes, "".join(self.pieces)))
            self.pieces = None


def elements(package: Guarded, part: str, name: str) -> list[tuple[Mapping[str, str], str]]:
    """The attributes of all elements of one name in a part, and their texts."""
    reader = _Elements(name)
    parsed(package, part, reader)
    return reader.found


def related(package: Guarded, part: str) -> Relations:
    """The parts of the package that a part leads to; none where it has no list of them."""
    folder, _, file = part.rpartition("/")
    relations = f"{folder}/_rels/{file}.rels".lstrip("/")
    found: dict[str, tuple[str, str]] = {}
    if not holds(package, relations):
        return found
    for attributes, _ in elements(package, relations, "Relationship"):
        if attributes.get("TargetMode") == "External":
            continue
        target = attributes.get("Target", "")
        # A path may be relative, or begin at the root of the package.
        path = target[1:] if target.startswith("/") else posixpath.join(folder, target)
        kind = attributes.get("Type", "")
        found[attributes.get("Id", "")] = (kind, posixpath.normpath(path))
    return found
