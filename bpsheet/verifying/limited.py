"""The program that runs another one with less memory: `limited.py BYTES COMMAND …`.

A limit that is set between fork and exec would need Python code to run there, which is not
safe in a process with threads.
"""

from __future__ import annotations

import os
import resource
import sys

__all__: list[str] = []


def main() -> None:
    most = int(sys.argv[1])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    # A crash is told by its signal; a core file of it would be as large as its memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606


if __name__ == "__main__":
    main()
