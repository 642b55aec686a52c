"""Backpropagation, written down as a spreadsheet.

>>> import bpsheet as bp
>>> trace = bp.load("two-neuron").run()
>>> round(trace.frame.loc[1, "f"], 2)
np.float64(0.42)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from bpsheet.version import __version__

__all__ = [
    "BpsheetError",
    "Data",
    "EngineError",
    "Experiment",
    "ExperimentError",
    "FormulaError",
    "Graph",
    "HandError",
    "Initial",
    "InputError",
    "Layer",
    "LimitError",
    "MissingExtraError",
    "Network",
    "NotReplacedError",
    "Notation",
    "OutputError",
    "Schedule",
    "Sweep",
    "Test",
    "Trace",
    "Training",
    "WorkbookError",
    "__version__",
    "load",
    "sweep",
    "verify",
]

# The module of each public name. It is imported on first use, so that `import bpsheet` is quick.
_HOMES = {
    "bpsheet.errors": (
        "BpsheetError",
        "EngineError",
        "ExperimentError",
        "FormulaError",
        "HandError",
        "InputError",
        "LimitError",
        "MissingExtraError",
        "NotReplacedError",
        "OutputError",
        "WorkbookError",
    ),
    "bpsheet.api.experiment": ("Experiment", "Trace"),
    "bpsheet.api.opening": ("load",),
    "bpsheet.tables.notation": ("Notation",),
    "bpsheet.tables.spec": (
        "Data",
        "Graph",
        "Initial",
        "Layer",
        "Network",
        "Schedule",
        "Test",
        "Training",
    ),
    "bpsheet.sweeps.sweep": ("Sweep", "sweep"),
    "bpsheet.verifying.verify": ("verify",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    from bpsheet.api.experiment import Experiment, Trace
    from bpsheet.api.opening import load
    from bpsheet.errors import (
        BpsheetError,
        EngineError,
        ExperimentError,
        FormulaError,
        HandError,
        InputError,
        LimitError,
        MissingExtraError,
        NotReplacedError,
        OutputError,
        WorkbookError,
    )
    from bpsheet.sweeps.sweep import Sweep, sweep
    from bpsheet.tables.notation import Notation
    from bpsheet.tables.spec import Data, Graph, Initial, Layer, Network, Schedule, Test, Training
    from bpsheet.verifying.verify import verify


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'bpsheet' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
