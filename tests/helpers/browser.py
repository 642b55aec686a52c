"""A real browser for the tests of pages: Chromium, driven by Playwright."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
# Without what a browser looks up at its makers', and without its sandbox where it runs as root.
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
# Milliseconds for anything that a page does by itself.
PATIENCE = 20_000
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def chromium_command() -> str | None:
    return next(filter(None, map(shutil.which, COMMANDS)), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """The browser. Without it the test is skipped, or fails where it must be there."""
    command = chromium_command()
    if command is None:
        reason = f"no browser: none of {', '.join(COMMANDS)} was found"
        if os.environ.get("BPSHEET_ENGINES") == "required":
            pytest.fail(f"{reason}, and BPSHEET_ENGINES=required asks for it")
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=command, args=ARGUMENTS, chromium_sandbox=False
        )
        yield browser
        browser.close()


class Windows:
    """Windows that tests have one after the other: a new one takes longer than most of these tests.

    They have one context, and its settings are a window's own: viewport and colour scheme. What a
    test leaves goes with its document.
    """

    def __init__(self, chromium) -> None:
        self.context = chromium.new_context()
        self.free = []

    def take(self, viewport=DESKTOP, color_scheme="light"):
        page = self.free.pop() if self.free else self.context.new_page()
        page.set_default_timeout(30_000)
        page.set_viewport_size(viewport)
        page.emulate_media(media="null", color_scheme=color_scheme)
        return page

    def give_back(self, page) -> None:
        page.goto("about:blank")
        page.mouse.move(0, 0)
        self.free.append(page)


@pytest.fixture(scope="session")
def windows(chromium) -> Iterator[Windows]:
    windows = Windows(chromium)
    yield windows
    windows.context.close()


@pytest.fixture
def window(windows):
    """One window, for pages that a test opens in it one after the other."""
    page = windows.take()
    yield page
    windows.give_back(page)


@pytest.fixture
def opened(chromium, windows):
    """Opens pages: opened(path, viewport=PHONE). Whatever one asks for, or says to the console,
    fails the test: a page needs nothing from anywhere, and has nothing to complain of.
    """
    taken, contexts, listening, complaints = [], [], [], []

    def dismissed(dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()  # a window with a dialog in it goes nowhere

    def listen(page, path: Path) -> None:
        for event, heard in (
            ("console", lambda said: complaints.append(f"console: {said.text}")),
            ("pageerror", lambda error: complaints.append(f"error: {error}")),
            ("dialog", dismissed),
            ("request", lambda request: _check(request.url, path, complaints)),
        ):
            page.on(event, heard)
            listening.append((page, event, heard))

    def open_page(path: Path, *, fragment: str = "", **more: object):
        if more.keys() <= {"viewport", "color_scheme"}:
            page = windows.take(**more)
            taken.append(page)
        else:
            contexts.append(chromium.new_context(**({"viewport": DESKTOP} | more)))
            page = contexts[-1].new_page()
            page.set_default_timeout(30_000)
        listen(page, path)
        page.goto(f"{path.as_uri()}{fragment}")
        settled(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    for page in taken:
        windows.give_back(page)
    for page, event, heard in listening:
        page.remove_listener(event, heard)
    assert not complaints, complaints


def _check(url: str, path: Path, complaints: list[str]) -> None:
    if not url.startswith((path.as_uri(), "data:", "blob:")):
        complaints.append(f"request: {url}")


def numbers_of(page, rows: int) -> np.ndarray:
    """The values of the first rows, as the page computed them: NaN where there is an error."""
    text = page.evaluate(
        """(rows) => {
            bpsheet.run.ensure(rows);
            const { values, width } = bpsheet.run;
            const bytes = new Uint8Array(values.slice(0, rows * width).buffer);
            let text = "";
            for (let at = 0; at < bytes.length; at += 32768) {
                text += String.fromCharCode(...bytes.subarray(at, at + 32768));
            }
            return btoa(text);
        }""",
        rows,
    )
    return np.frombuffer(base64.b64decode(text)).reshape(rows, -1)


def wait_until(page, condition: str) -> None:
    """Wait for something to be true in the page, without the eval that it forbids."""
    page.evaluate(
        f"""() => new Promise((done, fail) => {{
            const look = () => (({condition}) ? done() : setTimeout(look, 5));
            setTimeout(() => fail(new Error("never came true")), {PATIENCE});
            look();
        }})"""
    )


def settled(page) -> None:
    """Wait until what was done is computed and shown."""
    wait_until(page, "bpsheet.run.done === bpsheet.run.rows && !bpsheet.rendering")
