"""The files that were made, and what was read of hand-ins, in a temporary folder.

Nothing lasts: the folder goes when the program ends, and of many results the oldest go before.
"""

from __future__ import annotations

import shutil
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bpsheet.app.gate import secret

__all__ = ["Shelf"]

# So many results are kept.
MOST = 30


@dataclass(eq=False)
class Shelf:
    """Results in folders whose names nobody guesses: such an address needs no token."""

    root: Path
    kept: OrderedDict[str, Any] = field(default_factory=OrderedDict)

    def folder(self, about: Any = None) -> Path:
        """An empty folder for a result. `about` is kept with it."""
        name = secret()
        self.kept[name] = about
        while len(self.kept) > MOST:
            oldest, _ = self.kept.popitem(last=False)
            shutil.rmtree(self.root / oldest, ignore_errors=True)
        path = self.root / name
        path.mkdir()
        return path

    def about(self, name: str) -> Any:
        """What is kept with a result; None where there is no such result any more."""
        return self.kept.get(name)

    def find(self, name: str, file: str) -> Path | None:
        """A file of a result; None where there is none."""
        if name not in self.kept:
            return None
        folder = (self.root / name).resolve()
        path = (folder / file).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None

    def link(self, path: Path) -> dict[str, object]:
        """A file as the page lists it: its name, its address and its size."""
        where = path.relative_to(self.root).as_posix()
        return {"name": path.name, "href": f"/made/{quote(where)}", "size": path.stat().st_size}
