"""What was read of a class's hand-ins, kept in a file: marking again needs no new reading."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpsheet.errors import ExperimentError, InputError, Problem
from bpsheet.exercises.filled import Changed, Filled
from bpsheet.exercises.formulas.judging import Finding
from bpsheet.exercises.grades import Refusal
from bpsheet.exercises.identity import FORMAT, read_identity
from bpsheet.exercises.received import Received
from bpsheet.files.ours import refuse_others
from bpsheet.files.whole import replacing
from bpsheet.guard.text import read_text
from bpsheet.hand.verdict import Verdict

__all__ = ["Kept", "read_kept", "write_kept"]

MAX_FILE = 200_000_000
FIRST_LINE = '{"bpsheet hand-ins":'


@dataclass(frozen=True)
class Kept:
    """The place of the hand-ins, the sheets that were read, and the files that were not."""

    place: Path
    received: tuple[Received, ...]
    refused: tuple[Refusal, ...] = ()
    skipped: tuple[Refusal, ...] = ()


def write_kept(path: Path, kept: Kept, *, force: bool = False) -> None:
    """Keep what was read in a file. Raises OutputError, and for a file that bpsheet did not write."""
    refuse_others(path, force=force, first_line=FIRST_LINE)
    parts = {
        "place": str(kept.place),
        "sheets": [_sheet(one) for one in kept.received],
        "refused": [[str(one.path), one.reason] for one in kept.refused],
        "skipped": [[str(one.path), one.reason] for one in kept.skipped],
    }
    text = json.dumps(parts, indent=1)
    with replacing(path) as stream:
        stream.write(f"{FIRST_LINE}\n{FORMAT},{text[1:]}\n".encode())


def _sheet(one: Received) -> dict[str, Any]:
    filled = one.filled
    return {
        "file": str(one.path),
        "identity": one.identity.text,
        "student": one.student,
        "answers": [[*place, value] for place, value in filled.answers.items()],
        "formulas": filled.formulas,
        "changed": [[*change.place, change.printed, change.written] for change in filled.changed],
        "missing": filled.missing,
        "findings": [
            [*place, one.text, one.verdict, one.reason, one.slip]
            for place, one in filled.findings.items()
        ],
        "notes": one.notes,
        "warnings": one.warnings,
    }


def read_kept(path: Path) -> Kept:
    """What a file keeps. Raises ExperimentError where it is none, or is damaged."""
    try:
        parts = json.loads(read_text(path, MAX_FILE))
        return Kept(
            Path(parts["place"]),
            tuple(_received(sheet) for sheet in parts["sheets"]),
            tuple(Refusal(Path(file), str(why)) for file, why in parts["refused"]),
            tuple(Refusal(Path(file), str(why)) for file, why in parts["skipped"]),
        )
    except InputError as error:
        reason = str(error)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        reason = "no file that keeps hand-ins"
    raise ExperimentError([Problem("", reason)], str(path))


def _received(sheet: dict[str, Any]) -> Received:
    filled = Filled(
        {(int(row), str(name)): _value(value) for row, name, value in sheet["answers"]},
        tuple((int(row), str(name)) for row, name in sheet["formulas"]),
        tuple(
            Changed((int(row), str(name)), _value(printed), _value(written))
            for row, name, printed, written in sheet["changed"]
        ),
        tuple(map(str, sheet["missing"])),
        {
            (int(row), str(name)): Finding(str(text), Verdict(verdict), str(reason), str(slip))
            for row, name, text, verdict, reason, slip in sheet["findings"]
        },
    )
    return Received(
        Path(sheet["file"]),
        read_identity(sheet["identity"]),
        str(sheet["student"]),
        filled,
        tuple(map(str, sheet["notes"])),
        tuple(map(str, sheet["warnings"])),
    )


def _value(value: object) -> str | float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else str(value)  # type: ignore[return-value]
