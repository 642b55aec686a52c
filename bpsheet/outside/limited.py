"""The program that runs another program with limited memory: `limited.py BYTES COMMAND …`.

Setting the limit between fork and exec would run Python code there, which is not safe in a
process with threads.
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
    # A crash is reported by its signal. A core file would be as large as the memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606


if __name__ == "__main__":
    main()
