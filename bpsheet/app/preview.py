"""What an experiment's text stands for, while it is typed: problems, picture, first rows."""

from __future__ import annotations

from typing import Any

from bpsheet.api.experiment import Experiment
from bpsheet.app.form import SOURCE, texts
from bpsheet.errors import BpsheetError, ExperimentError, Problem
from bpsheet.exercises.banks.picture import picture_of_names
from bpsheet.health.diagnosis import diagnose
from bpsheet.plan.reader import from_text
from bpsheet.plan.syntax import read_toml
from bpsheet.runs.overview import loss_sentence, value_text
from bpsheet.runs.run import Run
from bpsheet.words import counted

__all__ = ["experiment_of", "preview", "problems_of"]

ROWS, MOST_COLUMNS = 6, 80
# A run of so many values is over before a reader has looked up.
QUICK = 200_000
MOST_SENTENCES = 3


def experiment_of(text: str, name: str) -> Experiment:
    """The experiment in a text. Raises ExperimentError, with every problem."""
    return from_text(text, base=None, name=name, source=SOURCE, made=Experiment)


def problems_of(error: BpsheetError) -> list[dict[str, str]]:
    """The problems of an error, as the page takes them: a place, which may be a field's, and a text."""
    found = error.problems if isinstance(error, ExperimentError) else [Problem("", str(error))]
    return [{"place": one.place, "said": one.message} for one in found]


def preview(text: str, name: str) -> dict[str, Any]:
    """All that the page shows of a text. Never an error: problems are part of it."""
    try:
        tables = read_toml(text, SOURCE)
    except BpsheetError as error:
        return {"problems": problems_of(error), "fields": None}
    layers = tables.get("network", {})
    layers = layers.get("layers", []) if isinstance(layers, dict) else []
    shown: dict[str, Any] = {
        "problems": [],
        "fields": texts(tables),
        "layers": len(layers) if isinstance(layers, list) else 0,
        "kind": "graph" if "graph" in tables else "network",
    }
    try:
        experiment = experiment_of(text, name)
        return shown | _shown(experiment)
    except BpsheetError as error:
        return shown | {"problems": problems_of(error)}


def _shown(experiment: Experiment) -> dict[str, Any]:
    count = experiment.iterations
    is_quick = count * len(experiment.columns) <= QUICK
    run = Run.of(experiment if is_quick else experiment.changed({"iterations": min(count, ROWS)}))
    columns = run.program.columns[:MOST_COLUMNS]
    rows = [
        [value_text(run, row, column) for column in columns] for row in range(min(ROWS, len(run)))
    ]
    said = diagnose(run).sentences[:MOST_SENTENCES]
    loss = loss_sentence(run) if is_quick else None
    left = len(run.program.columns) - len(columns)
    return {
        "title": experiment.title or experiment.name,
        "picture": picture_of_names(experiment, run.program),
        "heads": [column.name for column in columns],
        "phases": [str(column.phase) for column in columns],
        "rows": rows,
        "more": f"The workbook has {counted(left, 'more column')}." if left else "",
        "said": [
            f"{counted(count, 'iteration')}, {counted(len(run.program.columns), 'column')}.",
            *said,
            *([loss] if loss else []),
        ],
    }
