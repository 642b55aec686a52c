"""An experiment as a page: one file that a browser opens offline and that computes by itself.

>>> import bpsheet as bp
>>> page_of(bp.load("two-neuron"), rules=False).count("<script src")
0
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpsheet.columns.model import NetworkModel
from bpsheet.errors import OutputError
from bpsheet.files.seals import sealed
from bpsheet.files.whole import replacing
from bpsheet.page.book import book_of
from bpsheet.page.content import content_of
from bpsheet.page.counted import counted
from bpsheet.page.packed import packed
from bpsheet.page.script import script_of
from bpsheet.page.variants import variants_of
from bpsheet.page.worked import Worked, worked_of
from bpsheet.words import clean

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan

__all__ = ["page_of", "write_page"]

# The order matters: a script uses only the scripts before it.
SCRIPTS = (
    *("engine.js", "numbers.js", "judge.js", "worked.js", "network.js", "chart.js", "steps.js"),
    *("matrices.js", "zip.js", "book.js", "examples.js", "edits.js", "paper.js", "variants.js"),
    "app.js",
)
# A solution of more formulas than this has only its forward pass open at first.
MOST_OPEN = 90
# With more columns than this, only the experiment's own rule has a workbook on the page.
MOST_BOOKED = 100
# A wider picture takes the whole width of the page.
WIDE = 600
LOGISTIC = (
    "<p>The logistic function: <math><mrow><mi>S</mi><mrow><mo>(</mo><mi>z</mi><mo>)</mo></mrow>"
    "<mo>=</mo><mfrac><mn>1</mn><mrow><mn>1</mn><mo>+</mo><msup><mi>e</mi><mrow><mo>−</mo><mi>z</mi>"
    "</mrow></msup></mrow></mfrac></mrow></math></p>"
)
# The page may fetch nothing.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def _asset(name: str) -> str:
    return files("bpsheet.page").joinpath("assets", name).read_text("utf-8")


def page_of(experiment: Plan, *, rules: bool = True) -> str:
    """The page of an experiment as HTML, with its scripts, styles and data inside.

    The page computes the experiment's program, printed as JavaScript. With `rules` it also has the
    programs of other training rules, and of updates in batches.
    """
    variants = variants_of(experiment)
    shown = list(variants if rules else islice(variants, 1))
    made = [
        _made(variant.plan, booked=len(experiment.columns) <= MOST_BOOKED) for variant in shown[1:]
    ]
    own = _made(experiment)
    content = own.content | {
        "variant": [shown[0].rule, shown[0].batched],
        "variants": [[variant.rule, variant.batched] for variant in shown],
    }
    data = {
        "books": [each.book for each in (own, *made)],
        "others": _by_key(made, content["tables"]),
    }
    marks = _marks(experiment, content, own)
    body = re.sub(r"\{\{([a-z]+)\}\}", lambda match: marks[match[1]], _asset("page.html"))
    script = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    scripts = "\n".join(map(_asset, SCRIPTS))
    licence = _asset("uPlot.LICENSE").strip()
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>
<title>{escape(clean(content["title"]))}</title>
<style>
{_asset("uPlot.min.css")}
{_asset("look.css")}
{_asset("page.css")}</style>
</head>
<body>
{body}
<script>
/* uPlot, https://github.com/leeoniya/uPlot

{licence}
*/
{_asset("uPlot.iife.min.js")}
</script>
<script>
"use strict";
{scripts}
// The experiment: columns, examples, hyper-parameters.
const CONTENT = unpacked({script});
// The program: v is the row, u the row before, p are the hyper-parameters, t the tables.
const FORMULAS = {own.formulas};
// The formulas of the program as mathematics, with symbols or numbers at their leaves.
const FORMS = {own.worked.script()};
// More data, compressed: the parts of workbooks, and the programs of other rules.
const bpsheet = new App(CONTENT, FORMULAS, FORMS, "{packed(data)}");
</script>
</body>
</html>
"""


@dataclass(frozen=True)
class _Made:
    """What the page has of an experiment: its data, its program as a script, and its workbook."""

    content: dict[str, Any]
    formulas: str
    worked: Worked
    book: dict[str, Any] | None


def _by_key(variants: Sequence[_Made], own: Sequence[Any]) -> dict[str, list[Any]]:
    """The data and the scripts of variants, with the experiment's own examples.

    What is alike stands side by side, to be compressed.
    """
    tables = [
        each.content | {"tables": own, "script": each.formulas, "mathematics": each.worked.script()}
        for each in variants
    ]
    return {key: [table[key] for table in tables] for key in (tables[0] if tables else {})}


def _made(experiment: Plan, *, booked: bool = True) -> _Made:
    program, mark = counted(experiment, experiment.program())
    return _Made(
        content_of(experiment, program, mark),
        script_of(program, mark),
        worked_of(program, mark),
        book_of(experiment, program, mark) if booked else None,
    )


def _marks(experiment: Plan, content: Mapping[str, Any], own: _Made) -> dict[str, str]:
    """The texts for the marks of page.html. Text from the experiment is escaped."""
    from bpsheet.version import __version__

    paragraphs = [" ".join(part.split()) for part in experiment.notes.split("\n\n")]
    notes = "".join(f"<p>{escape(clean(part))}</p>" for part in paragraphs if part)
    picture = content["picture"]
    moved = any(arrow[3] is not None for arrow in picture["arrows"])
    has_arrays = any(node["look"] == "array" for node in picture["nodes"])
    return {
        "title": escape(clean(content["title"])),
        "notes": f'<details class="notes"><summary>About</summary>{notes}</details>\n'
        if notes
        else "",
        "picture": "Network" if isinstance(experiment.model, NetworkModel) else "Formulas",
        "still": "" if moved else "hidden",
        "arrays": "" if has_arrays else "hidden",
        "wide": "wide" if picture["size"][0] > WIDE else "",
        "loss": f"{escape(experiment.model.loss or 'Loss')} by iteration",
        "logistic": LOGISTIC if any("<mi>S</mi>" in body for body in own.worked.functions) else "",
        "open": "open" if len(own.worked.forms) <= MOST_OPEN else "",
        "matrices": "" if content["matrices"] else "hidden",
        "book": "" if own.book else "hidden",
        "version": __version__,
    }


def write_page(experiment: Plan, path: Path, *, rules: bool = True) -> None:
    """Write the page, whole or not at all. Raises OutputError where the file cannot be written."""
    check_page(path)
    text = page_of(experiment, rules=rules)
    with replacing(path) as stream:
        stream.write(sealed(text, "html").encode())


def check_page(path: Path) -> None:
    """Refuse a path whose name does not end in .html or .htm. Raises OutputError."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"{path}: expected a name that ends in .html")
