"""QTI 2.1: a package with an item for each student or draw.

An item computes its score from all its blanks. So what follows from a slip is right only where the slip
was made, and the same slip again costs nothing: the marks are those of `grade`.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from bpsheet.exercises.banks.manifest import Resource, package
from bpsheet.exercises.banks.question import Question, plain, table
from bpsheet.exercises.banks.rules import Blank, Kind, Rule

__all__ = ["item_xml", "qti21_package"]

SPACE = "http://www.imsglobal.org/xsd/imsqti_v2p1"
# The type of an item's resource, and what the package says it holds.
ITEM, SCHEMA, VERSION = "imsqti_item_xmlv2p1", "QTIv2.1 Package", "1.0.0"


def qti21_package(questions: Iterable[Question]) -> bytes:
    """The questions as the bytes of a content package."""
    resources = []
    for number, question in enumerate(questions, start=1):
        image = f"network-{number}.svg" if question.picture else ""
        files = {f"item-{number}.xml": item_xml(question, f"item-{number}", image).encode()}
        if question.picture:
            files[image] = question.picture.encode()
        resources.append(Resource(f"item-{number}", ITEM, files))
    return package(resources, SCHEMA, VERSION)


def item_xml(question: Question, identifier: str, image: str) -> str:
    """A question as an item."""
    blanks = list(question.blanks)
    number = {blank.line.place: index for index, blank in enumerate(blanks, start=1)}
    full = sum(blank.points * blank.rules[0].share for blank in blanks)
    shown = table(
        question.task.lines,
        lambda line: (
            f'<textEntryInteraction responseIdentifier="R{number[line.place]}" '
            'expectedLength="12"/>'
        ),
        image,
    )
    declared = "".join(
        f'<responseDeclaration identifier="R{index}" cardinality="single" baseType="float">'
        f"<correctResponse><value>{plain(blank.exact, 9)}</value></correctResponse></responseDeclaration>\n"
        for index, blank in enumerate(blanks, start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<assessmentItem xmlns="{SPACE}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{SPACE} {SPACE}.xsd" identifier="{identifier}" '
        f'title={quoteattr(question.name)} adaptive="false" timeDependent="false">\n'
        f"{declared}{_outcome('SCORE', 0)}{_outcome('MAXSCORE', full)}"
        '<outcomeDeclaration identifier="SLIPS" cardinality="multiple" baseType="identifier"/>\n'
        '<outcomeDeclaration identifier="FEEDBACK" cardinality="multiple" baseType="identifier"/>\n'
        f"<itemBody><p>{escape(question.instruction)}</p>{shown}</itemBody>\n"
        f"<responseProcessing>\n{''.join(map(_condition, range(1, len(blanks) + 1), blanks))}"
        f"</responseProcessing>\n{''.join(map(_sentences, range(1, len(blanks) + 1), blanks))}"
        "</assessmentItem>\n"
    )


def _outcome(name: str, value: float) -> str:
    return (
        f'<outcomeDeclaration identifier="{name}" cardinality="single" baseType="float">'
        f"<defaultValue><value>{value:.15g}</value></defaultValue></outcomeDeclaration>\n"
    )


def _condition(number: int, blank: Blank) -> str:
    """What happens with a blank: the branch of the first rule that holds."""
    branches = []
    for index, rule in enumerate(blank.rules):
        tests = _within(number, rule)
        if rule.kind is Kind.FOLLOWS:
            branches.append((f"<and>{tests}{_any_of(rule.slips)}</and>", rule.share, index, rule))
            continue
        if rule.ideas:
            again = f"<and>{tests}{_any_of(rule.ideas)}</and>"
            branches.append((again, rule.again, index, rule))
        branches.append((tests, rule.share, index, rule))
    parts = []
    for count, (test, share, index, rule) in enumerate(branches):
        tag = "responseElseIf" if count else "responseIf"
        parts.append(f"<{tag}>{test}{_effects(number, index, rule, share * blank.points)}</{tag}>")
    return f"<responseCondition>{''.join(parts)}</responseCondition>\n"


def _within(number: int, rule: Rule) -> str:
    # The middle is written with few digits, and the tolerance makes up for it.
    middle = float(f"{rule.middle:.7g}")
    tolerance = rule.margin + abs(middle - rule.middle)
    return (
        f'<equal toleranceMode="absolute" tolerance="{plain(tolerance)}">'
        f'<variable identifier="R{number}"/>{_value("float", plain(middle, 7))}</equal>'
    )


def _any_of(names: Iterable[str]) -> str:
    """The condition that one of some slips was made before."""
    members = [
        f'<member>{_value("identifier", name)}<variable identifier="SLIPS"/></member>'
        for name in sorted(names)
    ]
    return members[0] if len(members) == 1 else f"<or>{''.join(members)}</or>"


def _effects(number: int, index: int, rule: Rule, points: float) -> str:
    added = _value("float", f"{points:.15g}")
    score = f'<sum><variable identifier="SCORE"/>{added}</sum>'
    made = [f'<setOutcomeValue identifier="SCORE">{score}</setOutcomeValue>']
    if rule.kind is Kind.SLIP:
        made.append(_added("SLIPS", sorted(rule.slips | rule.ideas)))
    if rule.said:
        made.append(_added("FEEDBACK", [f"b{number}r{index}"]))
    return "".join(made)


def _added(name: str, values: list[str]) -> str:
    added = "".join(_value("identifier", value) for value in values)
    return (
        f'<setOutcomeValue identifier="{name}"><multiple><variable identifier="{name}"/>{added}'
        "</multiple></setOutcomeValue>"
    )


def _value(kind: str, value: str) -> str:
    return f'<baseValue baseType="{kind}">{value}</baseValue>'


def _sentences(number: int, blank: Blank) -> str:
    return "".join(
        f'<modalFeedback outcomeIdentifier="FEEDBACK" identifier="b{number}r{index}" '
        f'showHide="show">{escape(blank.line.name)}: {escape(rule.said)}</modalFeedback>\n'
        for index, rule in enumerate(blank.rules)
        if rule.said
    )
