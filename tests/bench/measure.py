"""Measuring in turn, and what a measurement says."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, NamedTuple

__all__ = ["Process", "Result", "median_times", "process"]


@dataclass(frozen=True)
class Result:
    """One line of the report: what was reached, what was to be, and against what.

    `at_most` says that a smaller figure is a better one; without a `bar` it is a limit or a
    figure for information.
    """

    what: str
    against: str
    figure: float
    unit: str = "times"
    bar: float | None = None
    at_most: bool = False
    detail: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"is_met": self.is_met}

    @property
    def is_met(self) -> bool | None:
        """Whether the bar was reached; None where there is none."""
        if self.bar is None:
            return None
        return self.figure <= self.bar if self.at_most else self.figure >= self.bar


def median_times(tasks: Mapping[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """The median time of each task in seconds, the tasks taking turns.

    A process has measured itself, without the watcher that starts it.
    """
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            begun = time.perf_counter()
            found = task()
            took = time.perf_counter() - begun
            times[name].append(found.seconds if isinstance(found, Process) else took)
    return {name: median(each) for name, each in times.items()}


class Process(NamedTuple):
    """What a process took: seconds, and resident megabytes at its peak."""

    seconds: float
    megabytes: float


# The child of a child reports its own peak, not that of whoever came before it.
WATCH = (
    "import json, resource, subprocess, sys, time; begun = time.perf_counter(); "
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    "took = time.perf_counter() - begun; "
    "print(took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def process(*arguments: str) -> Process:
    """Run Python with these arguments."""
    said = subprocess.run(
        [sys.executable, "-c", WATCH, sys.executable, *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    # Linux counts kilobytes, macOS bytes.
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Process(float(said[0]), float(said[1]) / unit)
