"""Writers that are killed: `python killed.py FILE.xlsx 50` says in JSON what was found.

A process forks a writer, which puts two workbooks in the place of each other, over and over;
after a random moment it is killed. Forked, so that each begins without importing anything.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import bpsheet as bp
from bpsheet.workbook.writing import write_workbook

# In the times that two workbooks take, on this machine and at this moment.
LONGEST = 1.5


def forked(task) -> int:
    child = os.fork()
    if child == 0:
        try:
            task()
        finally:
            os._exit(0)
    return child


def main(path: Path, times: int) -> None:
    runs = [bp.load("two-neuron").run(rows) for rows in (2, 5)]
    versions = []
    began = time.perf_counter()
    for run in runs:
        # In a process of its own: one that has threads should not fork.
        os.waitpid(forked(lambda run=run: write_workbook(run, path, studies={})), 0)
        versions.append(path.read_bytes())
    both = time.perf_counter() - began

    def write_forever() -> None:
        while True:
            for run in runs:
                write_workbook(run, path, studies={})

    rng = random.Random(7)
    damaged, halfway = 0, 0
    for _ in range(times):
        before = set(path.parent.glob(".bpsheet-*"))
        child = forked(write_forever)
        time.sleep(rng.uniform(0, LONGEST * both))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        damaged += path.read_bytes() not in versions
        halfway += bool(set(path.parent.glob(".bpsheet-*")) - before)
    left = len(list(path.parent.iterdir())) - 1
    print(json.dumps({"damaged": damaged, "halfway": halfway, "left": left}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
