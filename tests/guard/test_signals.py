"""Signals that wait while a lock is held."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from bpsheet.guard.signals import signals_wait


def test_a_signal_is_handled_after_the_block_and_not_within_it():
    done = []

    def interrupted():
        with signals_wait():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("to the end")
        done.append("too far")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["to the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with signals_wait():
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_in_another_thread_nothing_changes():
    done = []

    def run():
        with signals_wait():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]
