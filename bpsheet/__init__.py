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
    "EditsError",
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
    "ModelError",
    "Network",
    "NotReplacedError",
    "Notation",
    "Origin",
    "OutputError",
    "Prepare",
    "Schedule",
    "Sweep",
    "Test",
    "Trace",
    "Training",
    "Validation",
    "WorkbookError",
    "__version__",
    "from_arrays",
    "from_keras",
    "from_onnx",
    "from_sklearn",
    "from_torch",
    "load",
    "sweep",
    "verify",
]

# The module of each public name. It is imported on first use, so that `import bpsheet` is quick.
_HOMES = {
    "bpsheet.errors": (
        "BpsheetError",
        "EditsError",
        "EngineError",
        "ExperimentError",
        "FormulaError",
        "HandError",
        "InputError",
        "LimitError",
        "MissingExtraError",
        "ModelError",
        "NotReplacedError",
        "OutputError",
        "WorkbookError",
    ),
    "bpsheet.api.experiment": ("Experiment", "Trace"),
    "bpsheet.api.models": ("from_arrays", "from_keras", "from_onnx", "from_sklearn", "from_torch"),
    "bpsheet.api.opening": ("load",),
    "bpsheet.tables.data": ("Data", "Prepare", "Test", "Validation"),
    "bpsheet.tables.graph": ("Graph",),
    "bpsheet.tables.network": ("Layer", "Network"),
    "bpsheet.tables.notation": ("Notation",),
    "bpsheet.tables.origin": ("Origin",),
    "bpsheet.tables.training": ("Initial", "Schedule", "Training"),
    "bpsheet.sweeps.sweep": ("Sweep", "sweep"),
    "bpsheet.verifying.verify": ("verify",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    from bpsheet.api.experiment import Experiment, Trace
    from bpsheet.api.models import from_arrays, from_keras, from_onnx, from_sklearn, from_torch
    from bpsheet.api.opening import load
    from bpsheet.errors import (
        BpsheetError,
        EditsError,
        EngineError,
        ExperimentError,
        FormulaError,
        HandError,
        InputError,
        LimitError,
        MissingExtraError,
        ModelError,
        NotReplacedError,
        OutputError,
        WorkbookError,
    )
    from bpsheet.sweeps.sweep import Sweep, sweep
    from bpsheet.tables.data import Data, Prepare, Test, Validation
    from bpsheet.tables.graph import Graph
    from bpsheet.tables.network import Layer, Network
    from bpsheet.tables.notation import Notation
    from bpsheet.tables.origin import Origin
    from bpsheet.tables.training import Initial, Schedule, Training
    from bpsheet.verifying.verify import verify


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'bpsheet' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
