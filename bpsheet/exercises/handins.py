"""What was handed in: files in a folder and its folders, and in zips of submissions.

Moodle and Canvas name what they collect: `Ada Lovelace_123_assignsubmission_file_/sheet.xlsx`,
`lovelaceada_LATE_123_456_sheet-1.xlsx`. So the student who handed in a file is known. Every file is
either handed in or left out with a reason.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from bpsheet.errors import InputError, OutputError, WorkbookError
from bpsheet.exercises.feedback import HEADS, KEY_HEADS
from bpsheet.exercises.grades import Refusal
from bpsheet.files.paths import is_file, is_folder
from bpsheet.guard.gate import BAD_ZIP, check_size, open_file, read_bytes
from bpsheet.guard.limits import EXERCISE

__all__ = ["HandIn", "HandIns", "handed_in", "submitter_in"]

MAX_FILES = 5_000
# The most bytes that a zip of submissions may have, and a zip in it, and how deep zips lie in zips.
MAX_ZIP, MAX_INNER, MAX_DEPTH = 2_000_000_000, 200_000_000, 2
# What may lie beside hand-ins: our own tables and pages, a teacher's notes, what systems leave.
BESIDE = (".md", ".html", ".txt", ".toml", ".json", ".ini", ".db")
SYSTEM = ("thumbs.db", "desktop.ini", "__macosx")
# How the class table and the key begin.
OURS = tuple(",".join(heads[:4]).encode() for heads in (HEADS, KEY_HEADS))
MOODLE = re.compile(r"(.+?)_([0-9]{1,12})_assignsubmission_[a-z]+(?:_|$)")
CANVAS = re.compile(r"([^_]+)_(?:LATE_)?([0-9]{1,18})_([0-9]{1,18})_(.+)")


@dataclass(frozen=True)
class HandIn:
    """A file that was handed in. What lies in a zip has a path through it, and its zip.

    `submitter` is the name of the student for whom Moodle or Canvas kept it.
    """

    path: Path
    submitter: str = ""
    archive: Path | None = None
    member: tuple[str, ...] = ()

    def content(self) -> bytes:
        """The file's bytes. Raises WorkbookError where it cannot be read, and for too many bytes."""
        name = self.path.name
        try:
            if self.archive is not None:
                with open_file(self.archive) as stream:
                    return _member(stream, self.member)
            return read_bytes(self.path, EXERCISE.file, linked=False)
        except WorkbookError:
            raise
        except InputError as error:
            raise WorkbookError(f"{name}: {error}") from None
        except BAD_ZIP as error:
            said = getattr(error, "strerror", None) or str(error)
            raise WorkbookError(f"{name}: cannot be read ({said})") from None


@dataclass(frozen=True)
class HandIns:
    """The files that were handed in, those that cannot be read, and those that are none."""

    files: tuple[HandIn, ...]
    refused: tuple[Refusal, ...]
    skipped: tuple[Refusal, ...]


def handed_in(place: Path) -> HandIns:
    """What was handed in at a place: a folder with all its folders, a zip, or a single file.

    Raises OutputError where there is nothing to mark, and for too many files.
    """
    files: list[HandIn] = []
    refused: list[Refusal] = []
    skipped: list[Refusal] = []
    for found in _found(place):
        if isinstance(found, Refusal):
            refused.append(found)
        elif reason := _why_none(found, place):
            skipped.append(Refusal(found.path, reason))
        else:
            files.append(found)
    if not files and not refused:
        left = f" ({len(skipped)} files that are no sheets)" if skipped else ""
        raise OutputError(f"{place}: there is nothing to mark{left}")
    if len(files) > MAX_FILES:
        raise OutputError(
            f"{place}: {len(files):,} files; at most {MAX_FILES:,} are marked at once"
        )
    return HandIns(tuple(files), tuple(refused), tuple(skipped))


def _found(place: Path) -> Iterator[HandIn | Refusal]:
    """Every file at a place, in order of their names."""
    if is_folder(place):
        paths, refused = _in_folder(place)
        yield from refused
    elif is_file(place):
        paths = [place]
    else:
        raise OutputError(f"{place} is not a folder, nor a file of hand-ins")
    for path in paths:
        parts = path.relative_to(place).parts or (path.name,)
        if path.suffix.lower() == ".zip" and not path.is_symlink():
            yield from _in_zip(path, path, (), submitter_in(parts))
        else:
            yield HandIn(path, submitter_in(parts))


def _in_folder(place: Path) -> tuple[list[Path], list[Refusal]]:
    """What lies in a folder and its folders, links included, and the folders that cannot be read."""
    paths: list[Path] = []
    refused: list[Refusal] = []

    def note(error: OSError) -> None:
        folder = Path(error.filename)
        refused.append(Refusal(folder, f"a folder that cannot be read ({error.strerror})"))

    for name, folders, files in os.walk(place, onerror=note):
        folder = Path(name)
        links = [link for link in folders if (folder / link).is_symlink()]
        paths += [folder / one for one in (*files, *links)]
    return sorted(paths), refused


def _in_zip(
    archive: Path, shown: Path, member: tuple[str, ...], submitter: str
) -> Iterator[HandIn | Refusal]:
    """The files in a zip. One that holds a workbook's parts is a workbook with another ending."""
    try:
        with open_file(archive) as stream:
            check_size(stream, MAX_ZIP)
            content = io.BytesIO(_member(stream, member, MAX_INNER)) if member else stream
            with zipfile.ZipFile(content) as package:
                names = [info.filename for info in package.infolist() if not info.is_dir()]
    except InputError as error:
        yield Refusal(shown, str(error))
        return
    except BAD_ZIP as error:
        yield Refusal(shown, f"not a readable zip ({error})")
        return
    if "xl/workbook.xml" in names or "content.xml" in names:
        yield HandIn(shown, submitter, archive if member else None, member)
        return
    if len(names) > MAX_FILES:
        yield Refusal(shown, f"{len(names):,} files; at most {MAX_FILES:,} are marked at once")
        return
    for name in sorted(names):
        parts = PurePosixPath(name.replace("\\", "/")).parts
        inside = shown.joinpath(*(part for part in parts if part not in ("/", "..")))
        owner = submitter_in(parts) or submitter
        if name.lower().endswith(".zip") and len(member) < MAX_DEPTH:
            yield from _in_zip(archive, inside, (*member, name), owner)
        else:
            yield HandIn(inside, owner, archive, (*member, name))


def _member(archive: IO[bytes], member: tuple[str, ...], most: int = EXERCISE.file) -> bytes:
    """A file in a zip, or in a zip in it."""
    content = b""
    for number, name in enumerate(member, start=1):
        limit = most if number == len(member) else MAX_INNER
        with zipfile.ZipFile(archive) as package, package.open(name) as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise WorkbookError(f"{PurePosixPath(name).name}: more than {limit:,} bytes")
        archive = io.BytesIO(content)
    return content


def submitter_in(parts: tuple[str, ...]) -> str:
    """The student for whom Moodle or Canvas kept a file, by its path; nothing for other paths.

    >>> submitter_in(("Ada Lovelace_123_assignsubmission_file_", "sheet.xlsx"))
    'Ada Lovelace'
    >>> submitter_in(("lovelaceada_LATE_12_345_sheet.xlsx",)), submitter_in(("ada-1f.xlsx",))
    ('lovelaceada', '')
    """
    for part in parts:
        if match := MOODLE.match(part):
            return match[1]
    match = CANVAS.fullmatch(parts[-1])
    return match[1] if match else ""


def _why_none(found: HandIn, place: Path) -> str:
    """Why a file is no hand-in; nothing for one."""
    parts = [*found.path.relative_to(place).parts, found.path.name]
    if any(part.lower() in SYSTEM for part in parts):
        return "left by the system"
    if any(part.startswith(("~$", ".~lock")) for part in parts):
        return "the lock of a file that is open"
    if any(part.startswith(".") for part in parts):
        return "a hidden file"
    if found.path.suffix.lower() in BESIDE and not found.submitter:
        return "no sheet"
    return "a table of ours" if _is_ours(found) else ""


def _is_ours(found: HandIn) -> bool:
    """Whether a file is a class table or a key."""
    if found.path.suffix.lower() != ".csv" or found.archive is not None:
        return False
    try:
        with open_file(found.path) as stream:
            return stream.read(200).removeprefix(b"\xef\xbb\xbf").startswith(OURS)
    except (InputError, OSError):
        return False
