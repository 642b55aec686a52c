"""The tables in templates/README.md: of keys, made from the fields' descriptions, of templates,
of kinds of layers, and of operators of ONNX; and its gallery.

Run as a script it writes them anew: `python -m tests.docs.tables`.
"""

from __future__ import annotations

import re

import tomli_w
from pydantic.fields import FieldInfo

import bpsheet as bp
from bpsheet.models.onnx.inner import INNER
from bpsheet.models.onnx.operators import OPERATORS
from bpsheet.plan.templates import template_names
from bpsheet.program.kinds import Role
from bpsheet.textbook.layers import KINDS

from .documents import ROOT
from .gallery import table_of_gallery

__all__ = ["DOCUMENT", "KEYS", "made_anew", "result_of"]

DOCUMENT = "templates/README.md"
# The tables of an experiment file, by the names of their classes.
KEYS = {
    model.__name__: model
    for model in (
        bp.Experiment,
        bp.Network,
        bp.Layer,
        bp.Graph,
        bp.Data,
        bp.Prepare,
        bp.Training,
        bp.Schedule,
        bp.Initial,
        bp.Test,
        bp.Validation,
        bp.Notation,
        bp.Origin,
    )
}
MARKED = re.compile(
    r"(<!-- (?:keys: (\w+)|templates|kinds|operators|gallery) -->\n).*?(<!-- end -->)", re.DOTALL
)


def _default(field: FieldInfo, described: str) -> str:
    """A field's default as the file would write it; else what its description calls the default."""
    if field.is_required():
        return "needed"
    if field.default is None or field.default_factory is not None:
        return described
    return f"`{tomli_w.dumps({'x': field.default}).removeprefix('x = ').strip()}`"


def table_of_keys(name: str) -> str:
    """A line for each key: its default, and the rest of its description."""
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for key, field in KEYS[name].model_fields.items():
        meaning, _, described = (field.description or "").partition(" Default: ")
        default = _default(field, described.removesuffix("."))
        lines.append(f"| `{key}` | {default} | {meaning.removesuffix('.')} |")
    return "\n".join(lines) + "\n"


def _layers_of(experiment: bp.Experiment) -> str:
    if experiment.network is None:
        assert experiment.graph is not None
        return f"{len(experiment.graph.forward)} formulas"
    if not experiment.network.is_dense:
        return ", ".join(layer.kind.replace("_", " ") for layer in experiment.network.layers)
    counts = [len(layer.neurons or ()) or layer.units for layer in experiment.network.layers]
    return "-".join(map(str, (len(experiment.network.inputs), *counts)))


def result_of(trace: bp.Trace) -> str:
    """What a run comes to: its mean loss at first and at last, over an epoch or over half the rows.

    Of a run that overflows: where. Without a loss: the tests that are right. Where nothing is
    trained: the value in each row.
    """
    name = trace.experiment.model.loss
    if trace.first_error is not None:
        return f"overflow in iteration {trace.first_error.iteration}"
    if name is None:
        verdicts = [column.name for column in trace.program if column.role is Role.VERDICT]
        right = trace.frame[verdicts].iloc[-1]
        return f"{int(right.sum())} of {len(right)} tests right"
    losses = trace.frame[name].to_numpy()
    if not trace.weights.shape[1]:
        return f"{name} = " + ", ".join(f"{value:.3g}" for value in losses)
    length = min(len(trace.experiment.data.examples or ()), len(losses) // 2)
    return f"{name} {losses[:length].mean():.3g} → {losses[-length:].mean():.3g}"


def table_of_templates() -> str:
    """A line for each template: its size, and what its run comes to."""
    lines = [
        "| template | layers | rule | rows | columns | result |",
        "|---|---|---|---:|---:|---|",
    ]
    for name in template_names():
        trace = bp.load(name).run()
        experiment = trace.experiment
        rule = f"`{experiment.training.rule}`" if trace.weights.shape[1] else ""
        lines.append(
            f"| `{name}` | {_layers_of(experiment)} | {rule} | {len(trace):,} "
            f"| {len(trace.program):,} | {result_of(trace)} |"
        )
    return "\n".join(lines) + "\n"


def table_of_kinds() -> str:
    """A line for each kind of layer: what it does, what it takes, its keys and its formulas."""
    lines = ["| kind | what it does | of | keys |", "|---|---|---|---|"]
    for name, kind in KINDS.items():
        keys = [f"`{key}`" for key in (*kind.needs, *kind.settings)]
        lines.append(f"| `{name}` | {kind.meaning} | {', '.join(kind.takes)} | {', '.join(keys)} |")
    return "\n".join(lines) + "\n"


def table_of_operators() -> str:
    """A line for each group of ONNX operators that are covered."""
    lines = ["| operators | of ONNX |", "|---|---|"]
    for group in dict.fromkeys(operator.group for operator in OPERATORS.values()):
        names = [f"`{name}`" for name, operator in OPERATORS.items() if operator.group == group]
        lines.append(f"| {group} | {', '.join(names)} |")
    lines.append(f"| graphs within a node | {', '.join(f'`{name}`' for name in INNER)} |")
    return "\n".join(lines) + "\n"


def made_anew(text: str) -> str:
    """The document with each table between its marks made anew."""

    def table(found: re.Match[str]) -> str:
        if found[2]:
            made = table_of_keys(found[2])
        elif "operators" in found[1]:
            made = table_of_operators()
        elif "gallery" in found[1]:
            made = table_of_gallery()
        else:
            made = table_of_kinds() if "kinds" in found[1] else table_of_templates()
        return f"{found[1]}{made}{found[3]}"

    return MARKED.sub(table, text)


if __name__ == "__main__":
    path = ROOT / DOCUMENT
    path.write_text(made_anew(path.read_text(encoding="utf-8")), encoding="utf-8")
