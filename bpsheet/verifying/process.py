"""Running an engine: with a limit on its memory and its time, and its last words kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bpsheet.errors import EngineError

__all__ = ["TIMEOUT", "Task", "run_engine"]

TIMEOUT = 600
# Where the platform has no limits of this kind (Windows), an engine runs without them.
HAS_LIMITS = find_spec("resource") is not None
MOST_SAID = 300


@dataclass(frozen=True)
class Task:
    """What runs, on which workbook, and how many bytes of memory it may use."""

    engine: str
    workbook: str
    memory: int

    def failed(self, said: bytes, how: str = "") -> EngineError:
        """The error that tells how the engine ended and what it said last."""
        text = " ".join(said.decode(errors="replace").split())[-MOST_SAID:]
        why = "; ".join(filter(None, [how, text])) or "without a word"
        return EngineError(f"{self.workbook}: {self.engine} failed on this workbook ({why})")


def run_engine(
    command: Sequence[str], task: Task, given: bytes = b"", temporary: Path | None = None
) -> bytes:
    """What the command writes, given these bytes to read.

    `temporary` is the folder for the engine's own temporary files. Raises EngineError where it
    ends in any other way than well, or not in time.
    """
    with _started(command, task, temporary) as process:
        try:
            out, said = process.communicate(given, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise EngineError(
                f"{task.workbook}: {task.engine} took more than {TIMEOUT} seconds"
            ) from None
        finally:
            # It, and whatever it has started: on Ctrl-C too.
            _kill(process)
    if process.returncode:
        raise task.failed(said, _how(process.returncode, task))
    return out


def _started(command: Sequence[str], task: Task, temporary: Path | None) -> subprocess.Popen[bytes]:
    limited = [sys.executable, "-P", str(Path(__file__).with_name("limited.py")), str(task.memory)]
    # ironcalc would say where in its own code it died, and little else.
    environment = {**os.environ, "RUST_BACKTRACE": "0"}
    if temporary is not None:
        environment["TMPDIR"] = str(temporary)
    try:
        return subprocess.Popen(  # noqa: S603
            [*(limited if HAS_LIMITS else []), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=environment,
        )
    except OSError as error:
        said = error.strerror or error
        raise EngineError(f"{task.workbook}: {task.engine} cannot be started ({said})") from None


def _kill(process: subprocess.Popen[bytes]) -> None:
    if not hasattr(os, "killpg"):
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _how(status: int, task: Task) -> str:
    """How it ended, in words."""
    if status >= 0:
        return ""
    with suppress(ValueError):
        name = signal.Signals(-status).name
        return f"ended by the signal {name}; it may use {task.memory / 1e9:.1f} GB of memory"
    return f"ended by the signal {-status}"
