"""Files that the page sends: put into a folder under safe names, as many and as large as is allowed.

What is in them is read by the rooms below, where each file passes the guard.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from bpsheet.app.sent import Upload
from bpsheet.errors import InputError, WorkbookError
from bpsheet.exercises.key import CLASS_FILE
from bpsheet.guard.gate import BAD_ZIP
from bpsheet.words import clean

__all__ = ["key_in", "store"]

MOST_FILES = 2_000
MOST_PARTS, LONGEST = 8, 120
MOST_KEY = 8_000_000
# What Windows allows in no file name, and what no name begins or ends with there.
UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f]')


def store(uploads: Iterable[Upload], folder: Path) -> list[Path]:
    """Write files into a folder. Files of the same name get folders of their own.

    Raises InputError for too many files.
    """
    written: list[Path] = []
    for number, upload in enumerate(uploads, start=1):
        if number > MOST_FILES:
            raise InputError(f"more than {MOST_FILES:,} files; put them into a zip")
        path = folder.joinpath(*_parts(upload.path))
        if path.exists() or any(parent.is_file() for parent in path.parents):
            path = folder / f"{number}" / path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(upload.content)
        written.append(path)
    return written


def _parts(path: str) -> list[str]:
    """The folders and the name of a path, without anything that leads elsewhere.

    >>> _parts("../class\\\\Ada/sheet.xlsx")
    ['class', 'Ada', 'sheet.xlsx']
    """
    parts = [UNSAFE.sub("-", clean(part)).strip() for part in re.split(r"[/\\]", path)]
    kept = [part for part in parts if part.strip(". ")]
    if not kept:
        return ["file"]
    *folders, name = kept[-MOST_PARTS:]
    stem, dot, ending = name.rpartition(".")
    short = f"{stem[:LONGEST]}{dot}{ending[:10]}" if dot else name[:LONGEST]
    return [*(part[:LONGEST] for part in folders), short]


def key_in(uploads: Iterable[Upload], folder: Path) -> Path:
    """The folder of a key that was sent as a zip, or as its files. Raises InputError for no key."""
    found: dict[str, bytes] = {}
    for upload in uploads:
        name = _parts(upload.path)[-1]
        if name.lower().endswith(".zip"):
            found |= _key_files(upload)
        else:
            found[name] = upload.content
    if CLASS_FILE not in found:
        raise InputError(
            f"this is no key: the file {CLASS_FILE} is not in it. The key is the zip that was "
            "made with the sheets, or the files of the folder that ends in -key"
        )
    for name, content in found.items():
        (folder / name).write_bytes(content)
    return folder


def _key_files(upload: Upload) -> dict[str, bytes]:
    """The files of a key in a zip, by their names: those beside the list of the class."""
    try:
        with zipfile.ZipFile(io.BytesIO(upload.content)) as package:
            names = [info for info in package.infolist() if not info.is_dir()]
            paths = {info.filename: PurePosixPath(info.filename) for info in names}
            beside = next((p.parent for p in paths.values() if p.name == CLASS_FILE), None)
            found = {}
            for info in names:
                path = paths[info.filename]
                if path.parent != beside or path.suffix.lower() not in (".json", ".toml", ".csv"):
                    continue
                with package.open(info) as stream:
                    content = stream.read(MOST_KEY + 1)
                if len(content) > MOST_KEY:
                    raise WorkbookError(f"{path.name}: more than {MOST_KEY:,} bytes")
                found[_parts(path.name)[-1]] = content
            return found
    except BAD_ZIP as error:
        raise InputError(f"{upload.path}: not a readable zip ({error})") from None
