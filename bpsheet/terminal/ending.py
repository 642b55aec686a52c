"""Signals that end the program. It ends as on Ctrl-C and leaves no half-written file."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

__all__ = ["ended_by_signals"]

# SIGHUP comes when a terminal closes; Windows does not have it.
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside the block, SIGTERM and SIGHUP raise SystemExit, with the usual status of 128 + their number.

    An ignored signal stays ignored: `nohup bpsheet …` outlives its terminal.
    """
    ours = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _frame: object) -> NoReturn:
    # A closing terminal sends a signal, and its shell sends another, which would disturb the first.
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)
