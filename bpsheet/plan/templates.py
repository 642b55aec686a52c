"""The experiments that come with the package."""

from __future__ import annotations

import shlex
from pathlib import Path

from bpsheet.errors import ExperimentError, Problem
from bpsheet.words import nearest, shown

__all__ = ["notebook_path", "starter_text", "template_names", "template_path"]


def _template_folder() -> Path:
    """The folder of the templates: inside an installed package, beside it in a checkout."""
    here = Path(__file__).parent.parent
    inside = here / "templates"
    return inside if inside.is_dir() else here.parent / "templates"


def template_names() -> list[str]:
    """The names of the experiments that come with the package."""
    return sorted(path.stem for path in _template_folder().glob("*.toml"))


def template_path(name: str) -> Path:
    """The path of a template's file.

    Raises ExperimentError for a name that no template has.
    """
    if name in template_names():
        return _template_folder() / f"{name}.toml"
    raise ExperimentError([Problem("", f"no template {shown(name)}; {near_template(name)}")], name)


def notebook_path() -> Path:
    """The path of the notebook that comes with the templates, from a first run to the workbook."""
    return _template_folder() / "session.ipynb"


def near_template(name: str) -> str:
    """A hint: the nearest name of a template, or all names."""
    return nearest(name, template_names())


def starter_text(name: str) -> str:
    """A commented experiment file to start from, with the command that runs it."""
    text = (Path(__file__).parent / "starter.toml").read_text("utf-8")
    return text.replace("NAME.toml", shlex.quote(f"{name}.toml")).replace("NAME", name)
