"""`bpsheet list`, `bpsheet new` and `bpsheet schema`: experiment files to start from."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from bpsheet.errors import OutputError
from bpsheet.terminal.output import say

__all__ = ["list_templates", "new", "schema"]


@click.command("list", epilog="\b\nExample:\n  bpsheet list")
def list_templates() -> None:
    """List the templates, a line each."""
    from bpsheet.api.opening import load
    from bpsheet.plan.templates import notebook_path, template_names

    names = template_names()
    width = max(map(len, names))
    for name in names:
        say(f"{name:<{width}}  {load(name).title}")
    # The notebook goes to standard error, so that the list has only templates.
    say(f"A notebook that works through some of the templates: {notebook_path()}", error=True)


@click.command(epilog="\b\nExample:\n  bpsheet new my-network && bpsheet run my-network.toml")
@click.argument("name")
def new(name: str) -> None:
    """Write NAME.toml, a commented experiment file to start from."""
    from bpsheet.files.whole import replacing
    from bpsheet.plan.templates import starter_text

    path = Path(name if name.endswith(".toml") else f"{name}.toml")
    if not path.stem.strip(". "):
        raise OutputError("expected a name for the file")
    if path.exists():
        raise OutputError(f"{path} exists; choose another name, or remove it first")
    with replacing(path) as stream:
        # A file's name may have bytes that are not text.
        stream.write(starter_text(path.stem).encode(errors="replace"))
    say(f"Wrote {path}. Run it: bpsheet run {shlex.quote(str(path))}")


@click.command(epilog="\b\nExample:\n  bpsheet schema > bpsheet.schema.json")
def schema() -> None:
    """Print the JSON schema of experiment files, for editors that complete and check them."""
    from bpsheet.api.experiment import Experiment

    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    say(json.dumps(head | Experiment.model_json_schema(), indent=2, ensure_ascii=False))
