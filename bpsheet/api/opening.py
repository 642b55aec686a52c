"""Opening an experiment: a template, a file of it, or a workbook or a run that bpsheet wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bpsheet.api.experiment import Experiment, Trace
from bpsheet.errors import ExperimentError, InputError, Problem
from bpsheet.guard.text import read_text
from bpsheet.plan.reader import from_text
from bpsheet.plan.templates import near_template, template_names, template_path

__all__ = ["WORKBOOKS", "experiment_at", "load"]

# The endings of workbooks. Another program may have saved one of ours as .ods.
WORKBOOKS = (".xlsx", ".ods")


def load(spec: str | Path, *, forward: bool = False, original: bool = False) -> Experiment | Any:
    """Load an experiment, or the trace of a run from its Parquet file.

    `spec` is the name of a template, or the path of an experiment file (.toml), whose ending may be
    left out, of a workbook that bpsheet wrote (.xlsx, or .ods), or of a model (.onnx), which gets an
    example of ones. `forward` leaves out the training: forward passes alone, one for each example,
    whose data need no targets. Raises ExperimentError, with every problem of the file, and
    WorkbookError for a workbook that cannot be read, or whose numbers do not fit.

    A workbook may have been edited. The experiment has the numbers that stand in its cells now, and
    `experiment.edits` lists what was changed, also what could not be taken over. With `original` it
    has the numbers that the workbook was written with.

    For a Parquet file that bpsheet wrote (.parquet) it returns the Trace, with the values of the
    file and the experiment in its description; nothing is run again. With `forward` it returns
    the experiment here, too. Raises MissingExtraError without pyarrow.

    >>> load("two-neuron").network.loss
    'half_squared_error'
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load(load("two-neuron").write(f"{folder}/run.parquet", 3))
    <Trace of run: 3 iterations, 31 columns>
    """
    if Path(spec).suffix.lower() == ".parquet" and not forward:
        return _run_in(Path(spec))
    return experiment_at(spec, forward=forward, original=original)


def _run_in(path: Path) -> Trace:
    from bpsheet.runs.parquet import read_run

    return read_run(path, Trace, Experiment)


def experiment_at(spec: str | Path, *, forward: bool = False, original: bool = False) -> Experiment:
    """The experiment of a template or a file, for a run that of the run. See `load`."""
    text = str(spec)
    path = Path(text) if re.search(r"[./\\]", text) else _named(text)
    ending = path.suffix.lower()
    if ending in WORKBOOKS or ending in OPENERS:
        experiment = (
            _in_workbook(path, original=original) if ending in WORKBOOKS else OPENERS[ending](path)
        )
        if not forward:
            return experiment
        forwards = experiment.forward()
        forwards._edits = experiment.edits  # noqa: SLF001 - it is the same file
        return forwards
    return from_text(
        _read(path),
        base=path.parent,
        name=path.stem,
        source=str(spec),
        made=Experiment,
        forward=forward,
    )


def _named(name: str) -> Path:
    """The file of a template, or a file here: as it is named, or with the ending left out."""
    if name not in template_names():
        for path in (Path(name), Path(f"{name}.toml")):
            if path.is_file():
                return path
    return template_path(name)


def _in_run(path: Path) -> Experiment:
    return _run_in(path).experiment


def _in_workbook(path: Path, *, original: bool) -> Experiment:
    from bpsheet.workbook.reading import experiment_in

    experiment, edits = experiment_in(path, Experiment, original=original)
    experiment._edits = edits  # noqa: SLF001 - only a loaded experiment has some
    return experiment


def _of_model(path: Path) -> Experiment:
    """Forward passes of a model, with an example that is said to be a placeholder."""
    from bpsheet.models.onnx.reading import read_onnx

    if not path.exists():
        raise ExperimentError([Problem("", "no such file")], str(path))
    experiment = Experiment.from_dict(read_onnx(path, placeholder=True).whole, source=str(path))
    experiment._name = path.stem  # noqa: SLF001
    return experiment


def _to_import(path: Path) -> Experiment:
    """Never an experiment: it has no examples, and arrays alone do not say their activations."""
    said = "a model, and no experiment file yet; import it as one first, with its examples"
    raise ExperimentError([Problem("", said if path.exists() else "no such file")], str(path))


# What opens a file that is neither an experiment file nor a workbook, by its ending.
OPENERS: Mapping[str, Callable[[Path], Experiment]] = {
    ".parquet": _in_run,
    ".onnx": _of_model,
    **dict.fromkeys((".npz", ".safetensors", ".pt", ".pth", ".keras"), _to_import),
}


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
