"""An installed browser, which prints a page as PDF."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bpsheet.errors import EngineError
from bpsheet.files.whole import temporary_folder
from bpsheet.outside.process import Task, run_engine

__all__ = ["browser_command", "page_as_pdf"]

COMMANDS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge", "msedge", "brave-browser",
)  # fmt: skip
# Where browsers lie that no command names: on macOS, and on Windows below the folder of programs.
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
WINDOWS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
# Seconds for a class's sheets. A browser reserves far more memory than it uses, so it has no limit.
TIMEOUT, NO_LIMIT = 120, 2**62


def browser_command() -> str | None:
    """The path of a browser that can print without a window, or None."""
    found = next(filter(None, map(shutil.which, COMMANDS)), None)
    below = (Path(os.environ.get(name, "/")) / place for name in FOLDERS for place in WINDOWS)
    others = (str(place) for place in (*map(Path, PLACES), *below) if place.is_file())
    return found or next(others, None)


def page_as_pdf(html: str, name: str) -> bytes:
    """A page printed as PDF. `name` is the file's name in messages.

    The page gets no network. Raises EngineError where no browser is installed, or it fails.
    """
    command = browser_command()
    if command is None:
        raise EngineError(
            f"{name}: no browser is installed that prints pages (Chrome, Edge, Chromium)"
        )
    with temporary_folder() as folder:
        source, target = folder / "page.html", folder / "page.pdf"
        source.write_text(html, encoding="utf-8")
        # A browser that runs as root has no sandbox. The page is our own, and asks for nothing.
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        task = Task("the browser", name, memory=NO_LIMIT)
        output = run_engine(
            [
                command,
                "--headless",
                *(["--no-sandbox"] if is_root else []),
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--proxy-server=127.0.0.1:9",
                f"--user-data-dir={folder / 'profile'}",
                "--no-pdf-header-footer",
                f"--print-to-pdf={target}",
                source.as_uri(),
            ],
            task,
            temporary=folder,
            timeout=TIMEOUT,
        )
        if not target.exists():
            raise task.failed(output)
        return target.read_bytes()
