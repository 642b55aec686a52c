"""What several test modules use: workbooks made once, edits of their XML, LibreOffice."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import re
import signal
import sys
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

import bpsheet as bp
from bpsheet.cli import main
from bpsheet.engine import engine
from bpsheet.outside.office import libreoffice_command
from bpsheet.plan.templates import template_names
from tests.helpers.browser import chromium, opened, window, windows  # noqa: F401 - fixtures
from tests.helpers.samples import SIMILAR, spread_over
from tests.helpers.workbooks import STEPS_PART, CellEdit, cell_xml

# A shell that runs the tests in the background has Ctrl-C ignored, in all that they start, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What examples in docstrings may take, and not every installation has.
LIBRARIES = ("torch", "sklearn", "keras", "onnx")
# Modules whose tests are about every template.
OF_ALL = ("test_templates.py", "test_documents.py")
# How many of a hundred random inputs a test draws (`draws` in helpers/samples.py).
# The same inputs each time, so that a check tells the same twice; `search` draws new ones. None has a
# deadline: on a machine with other work to do, any input may take long.
settings.register_profile("quick", max_examples=10, derandomize=True, deadline=None)
settings.register_profile("slow", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("search", max_examples=100, deadline=None)
settings.load_profile("quick")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What importing and collecting makes stays to the end: it need not be looked through."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """The modules of the tests themselves have no examples in docstrings that could be tests."""
    return [found for found in (yield) if type(found) is pytest.Module]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests run when they are asked for: by `-m`, or by their own name.

    A test of a template that is much like another one is slow, except where it is about all of them.
    With `--hypothesis-profile=slow` or `=search`, a test that draws its inputs is slow, too.
    """
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            text = item.dtest.docstring or ""
            for library in LIBRARIES:
                if re.search(
                    rf"import .*\b{library}|from {library}|to_{library}", text
                ) and not find_spec(library):
                    item.add_marker(pytest.mark.skip(reason=f"{library} is not installed"))
        callspec = getattr(item, "callspec", None)
        given = callspec.params.values() if callspec is not None else ()
        is_similar = any(isinstance(value, str) and value in SIMILAR for value in given)
        if is_similar and item.path.name not in OF_ALL:
            item.add_marker("slow")
    _mark_beyond_samples(items)
    if config.option.markexpr or any("::" in argument for argument in config.args):
        if config.getoption("--hypothesis-profile") in ("slow", "search"):
            for item in items:
                if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
                    item.add_marker("slow")
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def _mark_beyond_samples(items: list[pytest.Item]) -> None:
    """Mark what is beyond the sample of a test: `@pytest.mark.sample(3)` leaves three of its cases."""
    of_test = defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("sample")
        if mark is not None and item.get_closest_marker("slow") is None:
            of_test[item.nodeid.partition("[")[0], *mark.args].append(item)
    for (_, count), cases in of_test.items():
        kept = spread_over(len(cases), count)
        for number, item in enumerate(cases):
            if number not in kept:
                item.add_marker("slow")


@pytest.fixture
def libreoffice() -> str:
    """LibreOffice's program. Without it the test is skipped, or fails where it must be there."""
    command = libreoffice_command()
    if command is None:
        reason = "LibreOffice is not installed (no program soffice was found)"
        if os.environ.get("BPSHEET_ENGINES") == "required":
            pytest.fail(f"{reason}, and BPSHEET_ENGINES=required asks for it")
        pytest.skip(reason)
    return command


@pytest.fixture(scope="session", autouse=True)
def _templates_are_read_once():
    """To read and check a template takes longer than most tests; nobody can change an experiment.

    What reads files is tested by its own name: `bpsheet.api.opening.load`.
    """
    names, read = frozenset(template_names()), bp.load
    of_name = functools.cache(read)

    def load(source: object, **more: object) -> bp.Experiment:
        is_known = isinstance(source, str) and source in names and not more
        return of_name(source) if is_known else read(source, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bp, "load", load)
        yield


@pytest.fixture(scope="session")
def traced():
    """Runs of templates, made once: traced("iris", 300)."""

    @functools.cache
    def run(name: str, iterations: int | None = None) -> bp.Trace:
        return bp.load(name).run(iterations)

    return run


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, traced):
    """Workbooks of templates, made once, not to be changed: made("two-neuron", "book")."""
    folder = tmp_path_factory.mktemp("workbooks")

    @functools.cache
    def write(name: str, layout: str = "full", iterations: int | None = None) -> Path:
        path = folder / f"{name}-{layout}-{iterations or 'all'}.xlsx"
        return traced(name, iterations).to_excel(path, layout)

    return write


@pytest.fixture
def edit(tmp_path: Path):
    """A copy of a workbook with some cells' XML changed: edit(path, {"J8": function})."""
    numbers = itertools.count(1)

    def edited(path: Path, cells: Mapping[str, CellEdit], part: str = STEPS_PART) -> Path:
        target = tmp_path / f"edited-{next(numbers)}.xlsx"
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
            for info in old.infolist():
                content = old.read(info)
                if info.filename == part:
                    text = content.decode()
                    for place, change in cells.items():
                        found = cell_xml(text, place)
                        after = change(found[0])
                        assert after != found[0], f"nothing to change in {place}"
                        text = text[: found.start()] + after + text[found.end() :]
                    content = text.encode()
                new.writestr(info, content)
        return target

    return edited


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The program bpsheet, in this process: command("run", "two-neuron") is (status, out, err)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bpsheet", *arguments])
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def small_pieces(monkeypatch):
    """Runs in pieces of seven rows."""
    monkeypatch.setattr(engine, "MOST_ROWS", 7)
