"""Moodle's question bank: an XML file with a Cloze question for each student or draw.

A Cloze question has its blanks in its text: `{1:NUMERICAL:=-0.25:0.0005~%0%0.25:0.0005#…}`. A blank's
first answer whose interval holds the typed number counts.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm
from xml.sax.saxutils import escape

from bpsheet.exercises.banks.question import PICTURE, Question, table
from bpsheet.exercises.banks.rules import Blank, Rule

__all__ = ["moodle_xml"]

# The signs that end an answer or a blank, as entities. Moodle decodes them.
SIGNS = str.maketrans({"~": "&#126;", "}": "&#125;", "{": "&#123;", "#": "&#35;", "\\": "&#92;"})
# The largest weight of a blank: beyond it, points are rounded.
MOST_WEIGHT = 1_000


def moodle_xml(questions: Iterable[Question], category: str) -> str:
    """The questions in a category of their own."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n', _category(category)]
    parts += [_question(question) for question in questions]
    return "".join([*parts, "</quiz>\n"])


def _category(name: str) -> str:
    # A slash would begin another category.
    path = f"$course$/top/{name.replace('/', '//')}"
    return (
        f'<question type="category"><category><text>{escape(path)}</text></category>'
        '<info format="html"><text></text></info></question>\n'
    )


def _question(question: Question) -> str:
    weights = _weights([blank.points for blank in question.blanks])
    blanks = {
        blank.line.place: cloze(blank, weight)
        for blank, weight in zip(question.blanks, weights, strict=True)
    }
    image = f"@@PLUGINFILE@@/{PICTURE}" if question.picture else ""
    # Outside of a blank a brace is shown as it is, but Moodle looks for blanks behind it.
    shown = table(question.task.lines, lambda line: f"\0{line.iteration} {line.name}\0", image)
    text = f"<p>{escape(question.instruction)}</p>{shown}".replace("{", "&#123;")
    for (iteration, name), blank in blanks.items():
        text = text.replace(f"\0{iteration} {name}\0".replace("{", "&#123;"), blank)
    file = ""
    if question.picture:
        content = base64.b64encode(question.picture.encode()).decode()
        file = f'<file name="{PICTURE}" path="/" encoding="base64">{content}</file>'
    return (
        '<question type="cloze">\n'
        f"<name><text>{escape(question.name)}</text></name>\n"
        f'<questiontext format="html"><text>{_cdata(text)}</text>{file}</questiontext>\n'
        '<generalfeedback format="html"><text></text></generalfeedback>\n'
        "<penalty>0</penalty><hidden>0</hidden>\n"
        "</question>\n"
    )


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


def cloze(blank: Blank, weight: int) -> str:
    """A blank as Moodle reads it."""
    answers = "~".join(_answer(rule) for rule in blank.alone)
    return f"{{{weight}:NUMERICAL:{answers}}}"


def _answer(rule: Rule) -> str:
    share = "=" if rule.share == 1 else f"%{100 * rule.share:.7g}%"
    answer = float(f"{rule.middle:.7g}")
    margin = rule.margin + abs(answer - rule.middle)
    said = f"#{_escaped(rule.said)}" if rule.said else ""
    return f"{share}{answer:.7g}:{margin:.12g}{said}"


def _escaped(text: str) -> str:
    """A sentence in a blank. Moodle decodes entities once, then shows what is there as HTML."""
    # Markup is escaped twice: once for the decoding, once for showing.
    shown = escape(escape(text))
    return shown.translate(SIGNS)


def _weights(points: Sequence[float]) -> list[int]:
    """Whole numbers in the same proportion as the points."""
    smallest = min((value for value in points if value > 0), default=1.0)
    parts = [Fraction(value / smallest).limit_denominator(100) for value in points]
    common = lcm(*(part.denominator for part in parts))
    weights = [int(part * common) for part in parts]
    largest = max(weights, default=0)
    if largest > MOST_WEIGHT:
        weights = [round(weight * MOST_WEIGHT / largest) for weight in weights]
    return weights
