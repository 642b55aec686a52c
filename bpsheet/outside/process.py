"""Running an engine with limits on its memory and its time, and keeping its last output."""

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
# On a platform without such limits (Windows) an engine runs without them.
HAS_LIMITS = find_spec("resource") is not None
LONGEST_OUTPUT = 300


@dataclass(frozen=True)
class Task:
    """The engine that runs, its workbook, and the bytes of memory that it may use."""

    engine: str
    workbook: str
    memory: int

    def failed(self, output: bytes, how: str = "") -> EngineError:
        """The error that tells how the engine ended, with its last output."""
        text = " ".join(output.decode(errors="replace").split())[-LONGEST_OUTPUT:]
        why = "; ".join(filter(None, [how, text])) or "without a message"
        return EngineError(f"{self.workbook}: {self.engine} failed on this workbook ({why})")


def run_engine(
    command: Sequence[str],
    task: Task,
    given: bytes = b"",
    temporary: Path | None = None,
    timeout: float | None = None,
) -> bytes:
    """Run a command with `given` as its input. Returns its output.

    `temporary` is the folder for the engine's temporary files, `timeout` a shorter time than usual,
    in seconds. Raises EngineError for a command
    that fails, that cannot be started, or that takes too long.
    """
    with _started(command, task, temporary) as process:
        try:
            output, errors = process.communicate(given, timeout=timeout or TIMEOUT)
        except subprocess.TimeoutExpired:
            raise EngineError(
                f"{task.workbook}: {task.engine} took more than {timeout or TIMEOUT} seconds"
            ) from None
        finally:
            # The engine and all that it has started end, on Ctrl-C too.
            _kill(process)
    if process.returncode:
        raise task.failed(errors, _how(process.returncode, task))
    return output


def _started(command: Sequence[str], task: Task, temporary: Path | None) -> subprocess.Popen[bytes]:
    limited = [sys.executable, "-P", str(Path(__file__).with_name("limited.py")), str(task.memory)]
    # Without this setting ironcalc would print the place in its code, and little else.
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
        reason = error.strerror or error
        raise EngineError(f"{task.workbook}: {task.engine} cannot be started ({reason})") from None


def _kill(process: subprocess.Popen[bytes]) -> None:
    if not hasattr(os, "killpg"):
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _how(status: int, task: Task) -> str:
    """A process's end in words; "" for an ordinary exit."""
    if status >= 0:
        return ""
    with suppress(ValueError):
        name = signal.Signals(-status).name
        return f"ended by the signal {name}; it may use {task.memory / 1e9:.1f} GB of memory"
    return f"ended by the signal {-status}"
