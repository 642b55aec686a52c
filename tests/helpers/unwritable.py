"""Every command that writes, in a folder that is full or may only be read.

`python unwritable.py FOLDER full|read-only`, with a small file system of its own at FOLDER,
prints for each file in JSON: the exit status, what was said, and what the folder then held.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

from bpsheet.cli import main

COMMANDS = {
    "run.xlsx": ("run", "two-neuron"),
    "run.csv": ("run", "two-neuron"),
    "run.parquet": ("run", "two-neuron"),
    "sweep.csv": ("sweep", "two-neuron", "--grid", "learning_rate=0.1,0.2"),
    "sweep.xlsx": ("sweep", "two-neuron", "--grid", "learning_rate=0.1,0.2"),
    "page.html": ("page", "two-neuron", "--no-rules"),
    "network.svg": ("draw", "two-neuron"),
    "network.png": ("draw", "two-neuron"),
    "network.pdf": ("draw", "two-neuron"),
    "network.gif": ("animate", "two-neuron", "--iterations", "2", "--frames", "2"),
    "solution.txt": ("explain", "two-neuron"),
    "solution.md": ("explain", "two-neuron", "--format", "markdown"),
    "gradient.tex": ("derive", "two-neuron", "--format", "latex"),
    "gradient.html": ("derive", "two-neuron", "--format", "html"),
    "exercise.xlsx": ("exercise", "two-neuron"),
}


def fill(folder: Path) -> None:
    """Until not one byte more finds room."""
    with (folder / "filler").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(4096))


def attempt(name: str, folder: Path) -> tuple[int, str, bool]:
    sys.argv = ["bpsheet", *COMMANDS[name], "-o", str(folder / name), "--force"]
    said, status = io.StringIO(), 0
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as stop:
            status = stop.code
    kept = {path.name for path in folder.iterdir()} - {"filler"} == set(COMMANDS)
    kept = kept and all((folder / other).read_bytes() == b"old" for other in COMMANDS)
    return status, said.getvalue().replace(str(folder / name), "FILE"), kept


def everything(folder: Path, how: str) -> None:
    for name in COMMANDS:
        (folder / name).write_bytes(b"old")
    if how == "full":
        fill(folder)
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    print(json.dumps({name: attempt(name, folder) for name in COMMANDS}))


if __name__ == "__main__":
    os.chdir("/")
    everything(Path(sys.argv[1]), sys.argv[2])
