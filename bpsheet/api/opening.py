"""Opening an experiment: a template, an experiment file, or a workbook that bpsheet wrote."""

from __future__ import annotations

import re
from pathlib import Path

from bpsheet.api.experiment import Experiment
from bpsheet.errors import ExperimentError, InputError, Problem
from bpsheet.guard.text import read_text
from bpsheet.plan.reader import from_text
from bpsheet.plan.templates import near_template, template_names, template_path

__all__ = ["load"]


def load(spec: str | Path) -> Experiment:
    """Load an experiment.

    `spec` is the name of a template, or the path of an experiment file (.toml) or of a workbook
    that bpsheet wrote (.xlsx). Raises ExperimentError, with every problem of the file, and
    WorkbookError for a workbook that cannot be read.

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
            problem = f"no such file, and no template of this name ({near})"
        else:
            return read_text(path)
    except InputError as error:
        problem = str(error)
    except (OSError, ValueError) as error:
        problem = f"not a file's name ({getattr(error, 'strerror', None) or error})"
    raise ExperimentError([Problem("", problem)], str(path))
