"""Cards for notebooks: pieces of HTML that are readable on a light and on a dark background."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from bpsheet.runs.overview import (
    ends_of,
    first_error_sentence,
    loss_sentence,
    main_columns,
    value_text,
    verdicts_sentence,
)

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan
    from bpsheet.runs.run import Run

__all__ = ["card", "experiment_card", "trace_card"]

# A notebook is wider than a terminal: a row has room for so many characters.
WIDTH = 100

# Text has the notebook's own colour. Marks and backgrounds have fixed colours; the backgrounds
# are nearly transparent.
STYLE = """\
.bpsheet-card { display: inline-block; box-sizing: border-box; max-width: 100%; overflow-x: auto;
  border: 1px solid #8886; border-radius: 6px; padding: .6rem .9rem .7rem; line-height: 1.45; }
.bpsheet-card p { margin: 0; max-width: 46rem; }
.bpsheet-card p.about { opacity: .75; }
.bpsheet-card p.mistake { margin-top: .5rem; padding: .35rem .7rem;
  border-left: 3px solid #d64545; background: #d645451f; }
.bpsheet-card table { table-layout: auto; border-collapse: collapse; margin: .6rem 0 0;
  font-variant-numeric: tabular-nums; }
.bpsheet-card table :is(th, td) { padding: .15rem .7rem; border: none; background: none;
  text-align: right; vertical-align: top; white-space: nowrap; }
.bpsheet-card table thead tr:last-child th { border-bottom: 1px solid #8888; font-weight: 600; }
.bpsheet-card table :is(th, td):is(.words, .reason) { text-align: left; }
.bpsheet-card table td.reason { white-space: normal; max-width: 30rem; }
.bpsheet-card table td.reason:not(:empty) { min-width: 16rem; }
.bpsheet-card table tr.gap td { opacity: .6; }
.bpsheet-card table tbody tr.mistake { background: #d645451f; }
.bpsheet-card .verdict { border-radius: 4px; padding: 0 .4em; }
.bpsheet-card .verdict.right { background: #2e9e5b59; }
.bpsheet-card .verdict.mistaken { background: #d6454566; }
"""


def card(parts: Iterable[str]) -> str:
    """HTML in a frame, with its style sheet."""
    content = "\n".join(parts)
    return f'<style>\n{STYLE}</style>\n<div class="bpsheet-card">\n{content}\n</div>\n'


def experiment_card(experiment: Plan) -> str:
    """An experiment at a glance: its title, its size and its training."""
    examples, training = experiment.example_count, experiment.training
    rule = f"{training.rule.replace('_', ' ')}, learning rate {training.learning_rate:g}"
    sizes = (
        f"{len(experiment.model.weights):,} weights",
        f"{examples:,} example{'' if examples == 1 else 's'}",
        f"{experiment.iterations:,} iterations",
        "forward passes alone" if training.rule == "none" else rule,
    )
    about = f"{experiment.name}: {', '.join(sizes)}"
    return card(
        [
            f"<p><strong>{escape(experiment.title or experiment.name)}</strong></p>",
            f'<p class="about">{escape(about)}</p>',
        ]
    )


def trace_card(trace: Run) -> str:
    """A run at a glance: its title and size, the loss, the first and the last iterations."""
    experiment = trace.experiment
    rows = "iteration" if len(trace) == 1 else "iterations"
    size = f"{experiment.name}: {len(trace):,} {rows} × {len(trace.program):,} columns"
    parts = [
        f"<p><strong>{escape(experiment.title or experiment.name)}</strong></p>",
        f'<p class="about">{escape(size)}</p>',
    ]
    parts += [
        f"<p>{escape(sentence)}</p>"
        for sentence in (loss_sentence(trace), verdicts_sentence(trace))
        if sentence is not None
    ]
    if trace.first_error is not None:
        parts.append(f'<p class="mistake">{escape(first_error_sentence(trace.first_error))}</p>')
    return card([*parts, _ends_table(trace)])


def _ends_table(trace: Run) -> str:
    wanted = main_columns(trace, WIDTH)
    heads = "<th>iteration</th>" + "".join(
        f'<th title="{escape(column.meaning)}">{escape(column.name)}</th>' for column in wanted
    )
    rows = []
    for row in ends_of(trace):
        if row is None:
            rows.append(f'<tr class="gap">{"<td>…</td>" * (len(wanted) + 1)}</tr>')
            continue
        cells = [f"{trace.recording.iterations[row]}"]
        cells += [escape(value_text(trace, row, column)) for column in wanted]
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f"<table><thead><tr>{heads}</tr></thead>\n<tbody>{''.join(rows)}</tbody></table>"
