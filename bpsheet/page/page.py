"""An experiment as a page: one file that a browser opens offline and that computes by itself.

>>> import bpsheet as bp
>>> page_of(bp.load("two-neuron")).count("<script src")
0
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpsheet.errors import OutputError
from bpsheet.files.seals import sealed
from bpsheet.files.whole import replacing
from bpsheet.page.content import content_of
from bpsheet.page.script import script_of
from bpsheet.page.worked import Worked, worked_of
from bpsheet.words import clean

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan

__all__ = ["page_of", "write_page"]

# The order matters: a script uses only the scripts before it.
SCRIPTS = (
    *("engine.js", "numbers.js", "judge.js", "worked.js", "network.js"),
    *("chart.js", "steps.js", "matrices.js", "edits.js", "app.js"),
)
# A solution of more formulas than this has only its forward pass open at first.
MOST_OPEN = 60
LOGISTIC = (
    "<p>The logistic function: <math><mrow><mi>S</mi><mrow><mo>(</mo><mi>z</mi><mo>)</mo></mrow>"
    "<mo>=</mo><mfrac><mn>1</mn><mrow><mn>1</mn><mo>+</mo><msup><mi>e</mi><mrow><mo>−</mo><mi>z</mi>"
    "</mrow></msup></mrow></mfrac></mrow></math></p>"
)
# The page may fetch nothing.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def _asset(name: str) -> str:
    return files("bpsheet.page").joinpath("assets", name).read_text("utf-8")


def page_of(experiment: Plan) -> str:
    """The page of an experiment as HTML, with its scripts, styles and data inside.

    The page computes the experiment's program, printed as JavaScript.
    """
    program = experiment.program()
    worked = worked_of(program)
    content = content_of(experiment, program)
    marks = _marks(experiment, content, worked)
    body = re.sub(r"\{\{([a-z]+)\}\}", lambda match: marks[match[1]], _asset("page.html"))
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
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
const CONTENT = unpacked({data});
// The program: v is the row, u the row before, p are the hyper-parameters, t the tables.
const FORMULAS = {script_of(program)};
// The formulas of the program as mathematics, with symbols or numbers at their leaves.
const FORMS = {worked.script()};
const bpsheet = new App(CONTENT, FORMULAS, FORMS);
</script>
</body>
</html>
"""


def _marks(experiment: Plan, content: Mapping[str, Any], worked: Worked) -> dict[str, str]:
    """The texts for the marks of page.html. Text from the experiment is escaped."""
    from bpsheet.version import __version__

    paragraphs = [" ".join(part.split()) for part in experiment.notes.split("\n\n")]
    notes = "".join(f"<p>{escape(clean(part))}</p>" for part in paragraphs if part)
    moved = any(arrow[-1] is not None for arrow in content["picture"]["arrows"])
    return {
        "title": escape(clean(content["title"])),
        "notes": f'<details class="notes"><summary>About</summary>{notes}</details>\n'
        if notes
        else "",
        "picture": "Formulas" if experiment.graph is not None else "Network",
        "still": "" if moved else "hidden",
        "loss": f"{escape(experiment.model.loss or 'Loss')} by iteration",
        "logistic": LOGISTIC if any("<mi>S</mi>" in body for body in worked.functions) else "",
        "open": "open" if len(worked.forms) <= MOST_OPEN else "",
        "matrices": "" if content["matrices"] else "hidden",
        "version": __version__,
    }


def write_page(experiment: Plan, path: Path) -> None:
    """Write the page, whole or not at all. Raises OutputError where the file cannot be written."""
    check_page(path)
    text = page_of(experiment)
    with replacing(path) as stream:
        stream.write(sealed(text, "html").encode())


def check_page(path: Path) -> None:
    """Refuse a path whose name does not end in .html or .htm. Raises OutputError."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"{path}: expected a name that ends in .html")
