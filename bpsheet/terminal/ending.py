"""Signals that end the program. It clears up, says so, and leaves no half-written file."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any, NoReturn

from bpsheet.guard.signals import SIGNALS

__all__ = ["Ended", "ended_by_signals"]

# A signal that was lost is sent again after so many seconds.
PAUSE = 0.05


class Ended(KeyboardInterrupt):
    """A signal that ends the program. `status` is the exit status that a shell gives it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.status = 128 + number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside the block, the signals SIGINT, SIGTERM and SIGHUP raise Ended, once.

    An ignored signal stays ignored: `nohup bpsheet …` outlives its terminal.
    """
    usual = (signal.SIG_DFL, signal.default_int_handler)
    ours = {n: signal.getsignal(n) for n in SIGNALS if signal.getsignal(n) in usual}
    hook = sys.unraisablehook

    def end(number: int, _frame: object) -> NoReturn:
        # A shell or an impatient hand sends another signal, which would disturb the clearing up.
        for other in ours:
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number)

    def watch(lost: Any) -> None:
        # Python only reports what is raised inside a callback or a destructor, and goes on.
        if isinstance(lost.exc_value, Ended):
            for other in ours:
                signal.signal(other, end)
            Timer(PAUSE, os.kill, (os.getpid(), lost.exc_value.number)).start()
        else:
            hook(lost)

    for number in ours:
        signal.signal(number, end)
    sys.unraisablehook = watch
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, before in ours.items():
            signal.signal(number, before)
