"""Opening: an experiment by a template's name, from an experiment file or from a workbook of ours."""

from __future__ import annotations

import re
from pathlib import Path

from bpsheet.api.experiment import Experiment
from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.reader import from_text
from bpsheet.plan.templates import near_template, template_names, template_path
from bpsheet.tables.datafile import MAX_FILE

__all__ = ["load"]


def load(spec: str | Path) -> Experiment:
    """An experiment: a template by its name, an experiment file (.toml) or a workbook of ours.

    Raises ExperimentError with every problem of the file, or WorkbookError.

    >>> load("two-neuron").network.loss
    'half_squared_error'
    """
    text = str(spec)
    if not re.search(r"[./\\]", text):
        is_template = text in template_names() or not Path(text).is_file()
        path = template_path(text) if is_template else Path(text)
    else:
        path = Path(text)
    if path.suffix.lower() == ".xlsx":
        from bpsheet.workbook.reading import experiment_in

        return experiment_in(path, Experiment)
    text = _read(path)
    return from_text(text, base=path.parent, name=path.stem, source=str(spec), made=Experiment)


def _read(path: Path) -> str:
    problem = None
    try:
        if not path.exists():
            near = near_template(path.stem)
            problem = f"no such file, and no template of that name ({near})"
        elif not path.is_file():
            problem = "a folder, not an experiment file"
        elif path.stat().st_size > MAX_FILE:
            problem = f"{path.stat().st_size:,} bytes; an experiment file has {MAX_FILE:,} at most"
        else:
            return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        problem = "not a text file (UTF-8 expected)"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    raise ExperimentError([Problem("", problem)], str(path))
