"""The application, the same in a browser, and a text to begin with."""

from __future__ import annotations

from threading import Thread

import pytest

import bpsheet as bp
from bpsheet.app.server import opened_server
from bpsheet.app.shelf import Shelf
from tests.helpers.browser import DESKTOP
from tests.helpers.calling import Application, serve

pytest.importorskip("bottle")


@pytest.fixture
def app(tmp_path) -> Application:
    folder = tmp_path / "shelf"
    folder.mkdir()
    return Application(folder)


@pytest.fixture(scope="session")
def text() -> str:
    return bp.load("two-neuron").text


@pytest.fixture
def visited(chromium, tmp_path):
    """Opens the app in a window: visited(viewport=PHONE). It has nothing to complain of, but for
    what a test takes out of `visited.complaints`.
    """
    (tmp_path / "shelf").mkdir()
    server, gate = opened_server(0, Shelf(tmp_path / "shelf"))
    thread = Thread(target=serve, args=[server], daemon=True)
    thread.start()
    contexts, complaints = [], []

    def visit(**more: object):
        context = chromium.new_context(**({"viewport": DESKTOP} | more))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((gate.origins[0], "data:", "blob:"))
                else complaints.append(request.url)
            ),
        )
        page.goto(gate.address)
        page.wait_for_selector("body[data-ready]")
        return page

    visit.complaints = complaints
    yield visit
    for context in contexts:
        context.close()
    server.close()
    thread.join(5)
    assert not complaints
