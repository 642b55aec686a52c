"""QTI 1.2, as Canvas imports it: a package with a quiz for each student or draw.

Canvas has no question with several numbers, so a quiz has a text with what is given, and a question for
each value. Each interval of such a question earns its whole mark. So only what is right becomes an
interval, and what the common slips give stands in the comment on wrong answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from bpsheet.exercises.banks.manifest import Resource, package
from bpsheet.exercises.banks.question import Question, plain, table
from bpsheet.exercises.banks.rules import Blank, Kind, Rule

__all__ = ["qti12_package", "quiz_xml"]

SPACE = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
QUIZ, FILE, SCHEMA, VERSION = "imsqti_xmlv1p2", "webcontent", "IMS Content", "1.1.3"
# Where Canvas finds a package's files.
FILES, BASE = "web_resources", "$IMS-CC-FILEBASE$"
# The most slips that a comment lists.
MOST_LISTED = 12


def qti12_package(questions: Iterable[Question]) -> bytes:
    """The questions as the bytes of a content package."""
    resources = []
    for number, question in enumerate(questions, start=1):
        image = f"network-{number}.svg" if question.picture else ""
        address = f"{BASE}/{image}" if image else ""
        name = f"quiz-{number}"
        quiz = quiz_xml(question, name, address).encode()
        resources.append(Resource(name, QUIZ, {f"{name}/{name}.xml": quiz}))
        if question.picture:
            files = {f"{FILES}/{image}": question.picture.encode()}
            resources.append(Resource(f"picture-{number}", FILE, files))
    return package(resources, SCHEMA, VERSION)


def quiz_xml(question: Question, identifier: str, image: str = "") -> str:
    """A question as a quiz."""
    blanks = list(question.blanks)
    number = {blank.line.place: index for index, blank in enumerate(blanks, start=1)}
    shown = table(question.task.lines, lambda line: f"<b>Question {number[line.place]}</b>", image)
    text = f"<p>{escape(question.instruction)}</p>{shown}"
    items = [
        _item(f"{identifier}-0", "What is given", "text_only_question", 0.0, shown=_material(text))
    ]
    for index, blank in enumerate(blanks, start=1):
        items.append(_numerical(f"{identifier}-{index}", index, blank))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<questestinterop xmlns="{SPACE}">\n'
        f'<assessment ident="{identifier}" title={quoteattr(question.name)}>\n'
        f"<qtimetadata>{_field('cc_maxattempts', '1')}</qtimetadata>\n"
        f'<section ident="root_section">\n{"".join(items)}</section>\n</assessment>\n'
        "</questestinterop>\n"
    )


def _field(label: str, entry: str) -> str:
    return (
        f"<qtimetadatafield><fieldlabel>{label}</fieldlabel>"
        f"<fieldentry>{escape(entry)}</fieldentry></qtimetadatafield>"
    )


def _material(html: str) -> str:
    return f'<material><mattext texttype="text/html">{escape(html)}</mattext></material>'


def _item(
    identifier: str, title: str, kind: str, points: float, *, shown: str, after: str = ""
) -> str:
    fields = _field("question_type", kind) + _field("points_possible", plain(points))
    return (
        f'<item ident="{identifier}" title={quoteattr(title)}>\n'
        f"<itemmetadata><qtimetadata>{fields}</qtimetadata></itemmetadata>\n"
        f"<presentation>{shown}</presentation>\n{after}</item>\n"
    )


def _numerical(identifier: str, number: int, blank: Blank) -> str:
    line = blank.line
    text = f"<p><b>Question {number}.</b> {escape(line.name)}: {escape(line.meaning)}</p>"
    answer = (
        '<response_str ident="response1" rcardinality="Single"><render_fib fibtype="Decimal">'
        '<response_label ident="answer1"/></render_fib></response_str>'
    )
    right = [rule for rule in blank.alone if rule.share == 1]
    conditions = [_range(rule, f"answer{index}_fb") for index, rule in enumerate(right)]
    comments = [
        _feedback(f"answer{index}_fb", rule.said) for index, rule in enumerate(right) if rule.said
    ]
    slips = [rule for rule in blank.alone if rule.kind is Kind.SLIP and rule.said]
    if slips:
        conditions.append(
            '<respcondition continue="Yes"><conditionvar><other/></conditionvar>'
            '<displayfeedback feedbacktype="Response" linkrefid="general_incorrect_fb"/>'
            "</respcondition>\n"
        )
        comments.append(_feedback("general_incorrect_fb", _slips(slips)))
    processing = (
        '<resprocessing><outcomes><decvar maxvalue="100" minvalue="0" varname="SCORE" '
        f'vartype="Decimal"/></outcomes>\n{"".join(conditions)}</resprocessing>\n{"".join(comments)}'
    )
    points = blank.points * blank.rules[0].share
    shown = _material(text) + answer
    return _item(identifier, line.name, "numerical_question", points, shown=shown, after=processing)


def _slips(slips: list[Rule]) -> str:
    """What common slips give, as sentences."""
    listed = (f"{rule.middle:.4g}: {rule.said.partition(': ')[2]}" for rule in slips[:MOST_LISTED])
    return " ".join(["Common slips give these numbers.", *listed])


def _range(rule: Rule, comment: str) -> str:
    shown = f'<displayfeedback feedbacktype="Response" linkrefid="{comment}"/>' if rule.said else ""
    return (
        '<respcondition continue="No"><conditionvar>'
        f'<vargte respident="response1">{plain(rule.low)}</vargte>'
        f'<varlte respident="response1">{plain(rule.high)}</varlte>'
        '</conditionvar><setvar action="Set" varname="SCORE">100</setvar>'
        f"{shown}</respcondition>\n"
    )


def _feedback(identifier: str, text: str) -> str:
    return (
        f'<itemfeedback ident="{identifier}"><flow_mat><material>'
        f'<mattext texttype="text/plain">{escape(text)}</mattext></material></flow_mat>'
        "</itemfeedback>\n"
    )
