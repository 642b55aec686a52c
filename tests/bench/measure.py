"""Measuring in turn, and what a measurement says.

A machine's speed changes in the course of minutes, most of all where others share its processors.
So the two sides of a ratio are measured one after the other, in rounds; the ratio is the median of
the rounds' ratios; and rounds go on until that median is known well enough.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, NamedTuple

import numpy as np

__all__ = ["MACHINE", "Figure", "Process", "Result", "Rounds", "in_turn", "process", "rounds_of"]

# Rounds end when nine of ten such medians would be as near as this to the true one.
NARROW = 0.03
# What such a median of normal values is away from the true one, in median deviations over √n.
NINE_OF_TEN = 1.645 * math.sqrt(math.pi / 2) * 1.4826


@dataclass(frozen=True)
class Result:
    """One line of the report: what was reached, what was to be, and against what.

    `at_most` says that a smaller figure is a better one; without a `bar` it is a limit or a
    figure for information. `give_or_take` is a share of the figure, None where it was measured once.
    """

    what: str
    against: str
    figure: float
    unit: str = "times"
    bar: float | None = None
    at_most: bool = False
    detail: str = ""
    give_or_take: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"is_met": self.is_met}

    @property
    def is_met(self) -> bool | None:
        """Whether the bar was reached; None where there is none."""
        if self.bar is None:
            return None
        return self.figure <= self.bar if self.at_most else self.figure >= self.bar


class Figure(NamedTuple):
    """A figure, and the share of it by which nine of ten measured again would differ at most."""

    value: float
    give_or_take: float

    @classmethod
    def of(cls, values: list[float]) -> Figure:
        """The median of these values."""
        middle = median(values)
        deviation = median(abs(value - middle) for value in values)
        return cls(middle, NINE_OF_TEN * deviation / middle / math.sqrt(len(values)))

    def result(self, what: str, against: str, **more: Any) -> Result:
        """The line of the report that has this figure."""
        return Result(what, against, self.value, give_or_take=self.give_or_take, **more)


class Rounds(list[Mapping[str, float]]):
    """What each task took, in seconds, round for round."""

    def seconds(self, name: str) -> Figure:
        """The median time of a task."""
        return Figure.of([each[name] for each in self])

    def ratio(self, one: str, other: str) -> Figure:
        """The median over the rounds of one task's time in another's."""
        return Figure.of([each[one] / each[other] for each in self])

    def undisturbed(self, one: str, other: str) -> Figure:
        """The ratio of the times that the quickest quarter of the rounds took, each task's own.

        For tasks that a neighbour on the machine slows differently: one waits for memory, the other
        computes. Their ratio in the same moment is another in each moment; noise only adds time.
        """
        times = np.array([(each[one], each[other]) for each in self])
        random = np.random.default_rng(0)
        again = times[random.integers(0, len(times), (1000, len(times)))]
        quick = np.quantile(again, 0.25, axis=1)
        low, high = np.quantile(quick[:, 0] / quick[:, 1], [0.05, 0.95])
        ratio = self.quick(one) / self.quick(other)
        return Figure(ratio, float(high - low) / 2 / ratio)

    def quick(self, name: str) -> float:
        """What a task took at most in the quickest quarter of the rounds."""
        return float(np.quantile([each[name] for each in self], 0.25))


class Machine:
    """How fast the machine was, from one round to the next: the time of a fixed piece of work."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def look(self) -> None:
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            sum(number * number for number in range(300_000))
            times.append(time.perf_counter() - begun)
        self.seconds.append(median(times))

    def restless(self) -> float:
        """How much longer the same work took in the slowest tenth than in the quickest."""
        ordered = sorted(self.seconds)
        tenth = len(ordered) // 10
        return ordered[-1 - tenth] / ordered[tenth] - 1


MACHINE = Machine()


def rounds_of(
    measured: Callable[[], Mapping[str, float]],
    pairs: list[tuple[str, str]],
    *,
    least: int = 5,
    within: float = 60,
) -> Rounds:
    """Rounds until each pair's ratio is known well enough, or so many seconds are over."""
    rounds = Rounds()
    begun = time.perf_counter()
    while True:
        MACHINE.look()
        rounds.append(measured())
        if len(rounds) < least:
            continue
        known = all(rounds.ratio(*pair).give_or_take <= NARROW for pair in pairs)
        if known or time.perf_counter() - begun > within:
            return rounds


def in_turn(tasks: Mapping[str, Callable[[], object]]) -> Callable[[], dict[str, float]]:
    """A round: the seconds of each task, one task after the other.

    A process has measured itself, without the watcher that starts it.
    """

    def measured() -> dict[str, float]:
        seconds = {}
        for name, task in tasks.items():
            begun = time.perf_counter()
            found = task()
            took = time.perf_counter() - begun
            seconds[name] = found.seconds if isinstance(found, Process) else took
        return seconds

    return measured


class Process(NamedTuple):
    """What a process took: seconds, and resident megabytes at its peak."""

    seconds: float
    megabytes: float


# The child of a child reports its own peak, not that of whoever came before it.
WATCH = (
    "import resource, subprocess, sys, time; begun = time.perf_counter(); "
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
