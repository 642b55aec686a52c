"""The processes of a sweep, which end when the process that started them ends."""

from __future__ import annotations

import os
import signal
from multiprocessing import connection, parent_process
from threading import Thread
from typing import Protocol

__all__ = ["Flag", "begin", "is_stopped"]


class Flag(Protocol):
    """An event of `multiprocessing.Event` or `threading.Event`."""

    def is_set(self) -> bool: ...


_stopped: Flag | None = None


def begin(stopped: Flag) -> None:
    """Prepare a process for the runs of a sweep. `stopped` is set when the sweep stops.

    Ctrl-C and the end of a terminal reach every process. Only the process that waits for the
    others obeys them.
    """
    global _stopped  # noqa: PLW0603 - a process has one pool
    _stopped = stopped
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A pool ends its processes with this signal. The parent's handler would be inherited.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Thread(target=_outlive_nobody, daemon=True).start()


def _outlive_nobody() -> None:
    """End this process when its parent is killed; nothing else would end it."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def is_stopped() -> bool:
    """Whether the sweep of this process has been stopped."""
    return _stopped is not None and _stopped.is_set()
