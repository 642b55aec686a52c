"""The engines that `verify` knows, a row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bpsheet.errors import EngineError
from bpsheet.verifying.deviations import (
    ARRAYS_IN_PASSES,
    CALCULATES_ON,
    FEWER_DIGITS_OF_ERF,
    LONGER_NUMBERS,
    NEARLY_EQUAL,
    NO_ERF,
    NO_MATRICES,
    NO_SUBNORMALS,
    OTHER_TEXTS,
    POWER_OF_ZERO,
    SMALL_DIFFERENCE,
)
from bpsheet.verifying.engine import Engine, Package, Program
from bpsheet.words import among, shown

__all__ = ["ENGINES", "engine_of"]


def _libreoffice(command: str, sources: Sequence[Path], folder: Path) -> list[list[str]]:
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    target = ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder)]
    return [[command, profile, "--headless", *target, *map(str, sources)]]


def _gnumeric(command: str, sources: Sequence[Path], folder: Path) -> list[list[str]]:
    return [[command, "--recalc", str(path), str(folder / path.name)] for path in sources]


# The memory was measured on 344,000 formulas of iris, 14 MB unpacked, and is a few times as much.
# formulon reserves far more than it uses.
GB = 1_000_000_000
ENGINES: Mapping[str, Engine] = {
    engine.name: engine
    for engine in (
        Package(
            "ironcalc", "ironcalc", GB, 16, "ironcalc", "verify",
            deviations=(CALCULATES_ON, NEARLY_EQUAL, ARRAYS_IN_PASSES, FEWER_DIGITS_OF_ERF),
            fewer_digits={"erf": 1e-8},
        ),
        Program(
            "libreoffice", "LibreOffice", 4 * GB, 64, ("soffice", "libreoffice"),
            "see libreoffice.org, or on Debian: apt install libreoffice-calc", _libreoffice,
            deviations=(POWER_OF_ZERO, NEARLY_EQUAL, SMALL_DIFFERENCE),
        ),
        Package(
            "formulon", "formulon", 8 * GB, 0, "formulon", "engines", saves=True,
            deviations=(NEARLY_EQUAL, SMALL_DIFFERENCE, NO_SUBNORMALS),
            differs=1e-10,
        ),
        Package(
            "betteroffice", "BetterOffice", GB, 160, "betteroffice_xlsx", "engines",
            deviations=(POWER_OF_ZERO, NO_ERF),
        ),
        Program(
            "gnumeric", "Gnumeric", 4 * GB, 64, ("ssconvert",),
            "see gnumeric.org, or on Debian: apt install gnumeric", _gnumeric,
            deviations=(LONGER_NUMBERS, OTHER_TEXTS),
            differs=1e-10,
        ),
        Package(
            "formualizer", "formualizer", GB, 64, "formualizer", "engines",
            deviations=(POWER_OF_ZERO, NO_MATRICES),
        ),
    )
}  # fmt: skip


def engine_of(name: str) -> Engine:
    """The engine of this name. Raises EngineError for one that is not known, or not installed."""
    if name not in ENGINES:
        raise EngineError(f"no engine {shown(name)}; {among(name, list(ENGINES))}")
    ENGINES[name].require()
    return ENGINES[name]
