"""Type checkers accept what the documents show: every Python block, and the notebook's cells.

mypy is strict and has no plugin of pydantic's, as with most users. Both take over ten seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bpsheet.plan.templates import notebook_path

from .documents import DOCUMENTS, ROOT, blocks

# Dask has no types.
MYPY = ("--strict", "--untyped-calls-exclude=distributed", "--config-file=")


def python_of(document: str) -> str:
    """A document's Python, from top to bottom."""
    return "\n".join(block.text for block in blocks(document) if block.language == "python")


def python_of_the_notebook() -> str:
    notebook = json.loads(notebook_path().read_text(encoding="utf-8"))
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "\n\n".join("".join(cell) for cell in cells)


@pytest.fixture
def extracted(tmp_path):
    """A folder with a file for each document that shows Python, and one for the notebook."""
    texts = {name: python_of(name) for name in DOCUMENTS}
    texts["session"] = python_of_the_notebook()
    for name, text in texts.items():
        if text:
            (tmp_path / f"{name.replace('/', '_').replace('.', '_')}.py").write_text(text)
    assert {path.stem for path in tmp_path.iterdir()} >= {"README_md", "outputs_README_md"}
    return tmp_path


def checked(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What a type checker says of a folder; it finds the package where these tests are."""
    ours = {**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        words, cwd=folder, env=ours, capture_output=True, text=True, timeout=600, check=False
    )


def by_mypy(folder: Path) -> subprocess.CompletedProcess[str]:
    if find_spec("mypy") is None or find_spec("pandas-stubs") is None:
        pytest.skip("mypy or pandas-stubs is not installed (extra: dev)")
    cache = f"--cache-dir={folder / 'cache'}"
    return checked(
        [sys.executable, "-m", "mypy", *MYPY, cache, *map(str, sorted(folder.glob("*.py")))], folder
    )


def by_pyright(folder: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which(
        "pyright", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if program is None:
        pytest.skip("pyright is not installed (extra: dev)")
    # A name at the end of a cell is an expression that a notebook shows.
    settings = {"extraPaths": [str(ROOT)], "reportUnusedExpression": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    return checked([program, "--pythonpath", sys.executable], folder)


@pytest.mark.slow
@pytest.mark.parametrize("check", [by_mypy, by_pyright])
def test_the_python_of_the_documents_and_the_notebook_has_the_right_types(extracted, check):
    """A file with a wrong type is among them, so that a checker that passes all is noticed."""
    wrong = 'import bpsheet as bp\n\nbp.Layer(units="two")\n'
    (extracted / "wrong.py").write_text(wrong)
    found = check(extracted).stdout
    errors = [line for line in found.splitlines() if "error: " in line]
    assert len(errors) == 1, found
    assert "wrong.py:3" in errors[0], found
