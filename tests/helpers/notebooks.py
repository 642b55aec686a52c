"""Running a notebook of the templates in a kernel with no one's settings."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import bpsheet as bp

__all__ = ["TEMPLATES", "outputs_of", "texts_of"]

ROOT = Path(bp.__file__).parent.parent
TEMPLATES = ROOT / "templates"


def outputs_of(path, folder):
    """The outputs of a notebook's cells by their ids, run from top to bottom in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(folder / name.lower()))
        patch.delenv("MPLBACKEND", raising=False)
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}}).execute()
    return {cell["id"]: cell["outputs"] for cell in notebook["cells"] if "outputs" in cell}


def texts_of(path, folder):
    """What the cells print, by their ids."""
    outputs = outputs_of(path, folder)
    return {
        cell: "".join(output.get("text", "") for output in found) for cell, found in outputs.items()
    }
