"""The signals that end the program, and a moment in which they wait."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

__all__ = ["SIGNALS", "signals_wait"]

# SIGINT is Ctrl-C. SIGHUP comes when a terminal closes; Windows does not have it.
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextmanager
def signals_wait() -> Iterator[None]:
    """Inside the block, a signal that Python handles is only noted; after it, it is handled.

    A handler that raises an error may do so between any two steps, also while a pool's lock is
    held, and then the pool waits for that lock for ever. Only the main thread handles signals, so
    that nothing changes in another one.
    """
    if current_thread() is not main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in ours:
        signal.signal(number, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for number, frame in came[:1]:
            ours[number](number, frame)
