"""What an engine is: a spreadsheet program that is not ours, which calculates workbooks.

It runs in a process of its own, with limits on time and memory, on a plain copy of the workbook
that has no stored values: so it calculates them, whichever program has saved the file.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np

from bpsheet.errors import EngineError, MissingExtraError
from bpsheet.files.whole import temporary_folder
from bpsheet.formula.tree import Call, walk
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import opened
from bpsheet.outside import process
from bpsheet.outside.process import Task, run_engine
from bpsheet.verifying.child import columns_of
from bpsheet.verifying.deviations import Deviation
from bpsheet.workbook.placing import StoredCells
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.contents import Contents, read_xlsx
from bpsheet.xlsx.plain import TypedCells, write_plain

__all__ = ["Asked", "Block", "Engine", "Package", "Program", "values_in"]

CHILD = [sys.executable, "-P", str(Path(__file__).with_name("child.py"))]
# What follows from the data is a mean or a deviation, whose terms each engine adds in a way of its own;
# where an input is near its mean, the difference has fewer digits.
STATISTICS = 1e-10


@dataclass(frozen=True)
class Block:
    """Cells of a sheet: some of its rows and some of its columns, from 1. A column 0 is missing."""

    sheet: str
    rows: Sequence[int]
    columns: Sequence[int]


@dataclass(frozen=True)
class Asked:
    """A workbook to be calculated: the cells that are asked for, and what is typed into some before."""

    contents: Contents
    blocks: Sequence[Block]
    typed: TypedCells = field(default_factory=dict)


@dataclass(frozen=True)
class _Copy:
    """A plain copy on the disk, with the names of its sheets in order."""

    path: Path
    names: Sequence[str]
    asked: Asked

    @property
    def has_arrays(self) -> bool:
        """Whether it has array formulas."""
        rows = (self.asked.contents.sheets[name].formulas.values() for name in self.names)
        return any(f is not None and f.area for cells in chain.from_iterable(rows) for f in cells)


def values_in(contents: Contents, block: Block) -> StoredCells:
    """What the cells of a block store."""
    values = np.full((len(block.rows), len(block.columns)), None, dtype=object)
    grid = contents.sheets.get(block.sheet)
    if grid is not None:
        for index, row in enumerate(block.rows):
            values[index] = [grid.value(row, column) for column in block.columns]
    return values


@dataclass(frozen=True)
class Engine(ABC):
    """An engine; see the table in `engines`.

    name:         what `verify` calls it
    title:        what its makers call it
    memory:       the bytes that it may use, and besides `growth` times the unpacked workbooks
    deviations:   what it is known to do otherwise than Excel
    differs:      the relative difference that its own numbers and functions may cause
    fewer_digits: functions that it computes less exactly than spreadsheets do, with the relative
                  difference in what follows from them
    """

    name: str
    title: str
    memory: int
    growth: int
    deviations: tuple[Deviation, ...] = field(default=(), kw_only=True)
    differs: float = field(default=0.0, kw_only=True)
    fewer_digits: Mapping[str, float] = field(default_factory=dict, kw_only=True)

    @abstractmethod
    def require(self) -> None:
        """Raise where the engine is not installed: EngineError, or MissingExtraError for a package."""

    @abstractmethod
    def _calculated(
        self, copies: Sequence[_Copy], task: Task, folder: Path
    ) -> list[list[StoredCells]]: ...

    def recalculated(self, asked: Sequence[Asked]) -> list[list[StoredCells]]:
        """The values of the cells that are asked for: of each workbook, of each of its blocks.

        Types what is to be typed and calculates every formula, all workbooks in one process. Raises
        EngineError for an engine that is missing, fails, or takes too long or too much memory.
        """
        self.require()
        with temporary_folder() as folder:
            (folder / "in").mkdir()
            copies = []
            for number, one in enumerate(asked):
                path = folder / "in" / f"workbook{number}.xlsx"
                sheets = [block.sheet for block in one.blocks]
                copies.append(_Copy(path, write_plain(one.contents, path, sheets, one.typed), one))
            size = sum(_unpacked(copy.path) for copy in copies)
            task = Task(self.title, asked[0].contents.name, self.memory + self.growth * size)
            return self._calculated(copies, task, folder)

    def exactness(self, sheets: Sequence[Sheet]) -> float:
        """The relative difference that the engine may cause in these sheets; 0 for an exact one."""
        used = {
            node.function
            for sheet in sheets
            for column in sheet.layout.program
            for node in (
                walk(column.formula) if self.fewer_digits and column.formula is not None else ()
            )
            if isinstance(node, Call)
        }
        follows = any(p.follows for sheet in sheets for p in sheet.layout.program.parameters)
        least = STATISTICS if follows else 0.0
        fewer = (off for name, off in self.fewer_digits.items() if name in used)
        return max([least, self.differs, *fewer])


@dataclass(frozen=True)
class Package(Engine):
    """An engine in a Python package, run by `child`.

    module: the module that is imported
    extra:  the extra of bpsheet that installs it
    saves:  whether it saves the workbook, which is then read: where asking for each cell takes long
    """

    module: str
    extra: str
    saves: bool = False

    def require(self) -> None:
        if find_spec(self.module) is None:
            raise MissingExtraError(f"the engine {self.name} is not installed", self.extra)

    def _calculated(
        self, copies: Sequence[_Copy], task: Task, folder: Path
    ) -> list[list[StoredCells]]:
        books: list[dict[str, object]] = []
        for copy in copies:
            number = {name: index for index, name in enumerate(copy.names)}
            blocks = [
                [number[block.sheet], list(block.rows), [c for c in block.columns if c]]
                for block in copy.asked.blocks
                if block.sheet in number
            ]
            books.append({"path": str(copy.path), "names": copy.names, "sheets": blocks})
            books[-1]["arrays"] = copy.has_arrays
            if self.saves:
                books[-1]["target"] = str(folder / copy.path.name)
        given = json.dumps({"engine": self.name, "books": books}).encode()
        output = run_engine(CHILD, task, given, timeout=_time_for(copies))
        if self.saves:
            return [_saved(copy, folder, task, b"") for copy in copies]
        columns = columns_of(io.BytesIO(output))
        return [
            [_values(block, copy.names, columns) for block in copy.asked.blocks] for copy in copies
        ]


@dataclass(frozen=True)
class Program(Engine):
    """An installed program that opens workbooks and saves them as .xlsx, calculated.

    command: the names that its command may have
    install: how it is installed
    lines:   the command lines, of the command, the workbooks and the folder for those that it saves
    """

    command: tuple[str, ...]
    install: str
    lines: Callable[[str, Sequence[Path], Path], list[list[str]]]

    @property
    def found(self) -> str | None:
        """The path of the program, or None."""
        return next(filter(None, map(shutil.which, self.command)), None)

    def require(self) -> None:
        if self.found is None:
            raise EngineError(
                f"the engine {self.name} is not installed (there is no program {self.command[0]}): "
                f"{self.install}"
            )

    def _calculated(
        self, copies: Sequence[_Copy], task: Task, folder: Path
    ) -> list[list[StoredCells]]:
        assert self.found is not None
        output = b""
        for line in self.lines(self.found, [copy.path for copy in copies], folder):
            output += run_engine(line, task, temporary=folder, timeout=_time_for(copies))
        return [_saved(copy, folder, task, output) for copy in copies]


def _unpacked(path: Path) -> int:
    with zipfile.ZipFile(path) as package:
        return sum(part.file_size for part in package.infolist())


def _time_for(copies: Sequence[_Copy]) -> int:
    """The seconds that an engine may take: the usual time for two workbooks."""
    return process.TIMEOUT * -(-len(copies) // 2)


def _values(block: Block, names: Sequence[str], columns: Iterator[list[object]]) -> StoredCells:
    values = np.full((len(block.rows), len(block.columns)), None, dtype=object)
    for index, column in enumerate(block.columns):
        if column and block.sheet in names:
            values[:, index] = next(columns)
    return values


def _saved(copy: _Copy, folder: Path, task: Task, output: bytes) -> list[StoredCells]:
    """The values in the workbook that an engine has saved."""
    target = folder / copy.path.name
    if not target.exists():
        raise task.failed(output)
    with opened(target, OURS, f"{task.workbook}, as {task.engine} saved it") as package:
        found = read_xlsx(package)
    return [values_in(found, block) for block in copy.asked.blocks]
