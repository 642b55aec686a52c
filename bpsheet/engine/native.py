"""The rows of long runs by machine code, where llvmlite is installed (the extra `fast`).

The code has the bits of Python: before it is used, the C library's functions are compared with those
of Python's `math`. Without llvmlite, and for what cannot be turned into machine code, nothing changes.
"""

from __future__ import annotations

import ctypes
import math
import os
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from bpsheet.engine.ahead import Ahead
from bpsheet.engine.assembly import Unsupported
from bpsheet.engine.functions import C_FUNCTIONS, OWN, TWO
from bpsheet.engine.machine import Machine
from bpsheet.engine.recording import Values
from bpsheet.program.program import Program

__all__ = ["MOST_TEXT", "WORTH_IT", "Native", "has_squares", "is_worth_it"]

# From so many values on, computing them by machine code takes less time than making the code.
WORTH_IT = 3_000_000
# A longer text takes LLVM longer than any run.
MOST_TEXT = 3_000_000
# What `math` calls the functions of the C library.
PYTHON = {c: getattr(math, c) for c in C_FUNCTIONS.values()}


def is_worth_it(program: Program, rows: int) -> bool:
    """Whether a run is so long that machine code pays, and could be made."""
    return rows * len(program) >= WORTH_IT and find_spec("llvmlite") is not None


@cache
def _library() -> dict[str, int] | None:
    """The addresses of the C library's functions; None where they have not Python's bits."""
    import ctypes.util

    try:
        library = ctypes.CDLL(ctypes.util.find_library("m") or None)
        functions = {name: getattr(library, name) for name in (*PYTHON, *TWO)}
    except (OSError, AttributeError):
        return None
    for name, function in functions.items():
        count = 2 if name in TWO else 1
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * count
    for number in np.random.default_rng(0).uniform(1e-3, 20, 200).tolist():
        if any(functions[name](number) != same(number) for name, same in PYTHON.items()):
            return None
        if any(functions["pow"](number, float(n)) != number**n for n in (2, 3, 4)):
            return None
        if functions["fmod"](number, 0.7) != math.fmod(number, 0.7):
            return None
    return {
        name: int(ctypes.cast(function, ctypes.c_void_p).value or 0)
        for name, function in functions.items()
    }


def has_squares() -> bool:
    """Whether the C library's power is known to be so exact that most squares are products."""
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
        return name == "glibc" and tuple(map(int, version.split("."))) >= (2, 28)
    except (AttributeError, ValueError, OSError):
        return False


class Native:
    """Computes rows by machine code; `first` computes the very first row.

    Raises Unsupported for a program that cannot be turned into machine code.
    """

    def __init__(self, program: Program, ahead: Ahead, first: Any) -> None:
        addresses = _library()
        if addresses is None:
            raise Unsupported
        machine = Machine(program, squares=has_squares())
        self.presents = True
        try:
            text = machine.text()
        except Unsupported:
            machine = Machine(program, ahead.indices, squares=has_squares())
            self.presents = False
            text = machine.text()
        if len(text) > MOST_TEXT:
            raise Unsupported
        self._tables = machine.tables
        self._ahead = ahead
        self._first = first
        self._engine, address = _compiled(text, tuple(addresses.items()))
        kinds = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
        self._run = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(address)

    def compute(self, rows: Values, before: Values | None) -> int:
        """Fill in rows, where the columns computed ahead have their values. Returns how many
        rows could be computed.
        """
        if before is None:
            if self.presents:
                self._ahead.fill(rows[:1], 0)
            if not self._first.compute(rows[:1], None) or not np.isfinite(rows[0]).all():
                return 0
            return 1 + self.compute(rows[1:], rows[0].copy())
        return int(self._run(rows.ctypes.data, len(rows), before.ctypes.data))


def _compiled(text: str, addresses: tuple[tuple[str, int], ...]) -> tuple[Any, int]:
    """The execution engine, which owns the code, and the function's address."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for name, address in addresses:
        llvm.add_symbol(OWN + name, address)
    module = llvm.parse_assembly(text)
    module.verify()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(
        opt=3, cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten()
    )
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine, int(engine.get_function_address("run"))
