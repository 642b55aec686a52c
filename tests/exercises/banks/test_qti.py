"""QTI packages: their structure, and the marks that a processor of the standard gives."""

from __future__ import annotations

import io
import random
import re
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace

import pytest

from bpsheet.exercises.banks.moodle import moodle_xml
from bpsheet.exercises.banks.qti12 import qti12_package
from bpsheet.exercises.banks.qti21 import _within, qti21_package
from bpsheet.exercises.banks.rules import Kind, Rule
from bpsheet.exercises.marks import Scale
from tests.helpers.banks import KINDS, Item, marks_by_grade, sheet_of, together

CP = "{http://www.imsglobal.org/xsd/imscp_v1p1}"
QTI12 = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
# The order that the schema of QTI 2.1 gives the parts of an item.
PARTS = [
    "responseDeclaration",
    "outcomeDeclaration",
    "itemBody",
    "responseProcessing",
    "modalFeedback",
]


def files(content):
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


@pytest.fixture(scope="module")
def package21(questions):
    return files(qti21_package(questions))


@pytest.fixture(scope="module")
def package12(questions):
    return files(qti12_package(questions))


@pytest.fixture(scope="module")
def item(package21):
    return Item(package21["item-1.xml"].decode())


@pytest.mark.parametrize("name", ["package12", "package21"])
def test_a_manifest_names_each_file_of_the_package(name, request):
    package = request.getfixturevalue(name)
    manifest = ET.fromstring(package["imsmanifest.xml"])
    assert [child.tag.removeprefix(CP) for child in manifest] == [
        "metadata",
        "organizations",
        "resources",
    ]
    named = [file.attrib["href"] for file in manifest.iter(f"{CP}file")]
    assert sorted([*named, "imsmanifest.xml"]) == sorted(package)
    identifiers = [one.attrib["identifier"] for one in manifest.iter(f"{CP}resource")]
    assert len(set(identifiers)) == len(identifiers)


def test_an_item_has_the_parts_of_the_schema_in_their_order(item):
    tags = [child.tag for child in item.root]
    assert list(dict.fromkeys(tags)) == PARTS
    assert [PARTS.index(tag) for tag in tags] == sorted(PARTS.index(tag) for tag in tags)


def test_a_tolerance_holds_the_whole_range_of_its_rule(questions):
    """The middle is written with few digits."""
    blanks = [blank for question in questions for blank in question.blanks]
    rules = [rule for blank in blanks for rule in blank.rules]
    narrow = Rule(Kind.RIGHT, 0.123456789012, 0.123456789014, 1.0)
    for rule in [*rules, narrow]:
        text = _within(1, rule)
        tolerance = float(re.search(r'tolerance="([^"]+)"', text)[1])
        middle = float(re.search(r">([^<>]+)</baseValue>", text)[1])
        dust = 1e-11 * tolerance
        assert middle - tolerance <= rule.low + dust
        assert rule.high <= middle + tolerance + dust


def test_all_that_an_item_refers_to_is_declared(item):
    root = item.root
    declared = {
        one.attrib["identifier"]
        for tag in ("responseDeclaration", "outcomeDeclaration")
        for one in root.iter(tag)
    }
    used = {one.attrib["identifier"] for one in root.iter("variable")}
    used |= {one.attrib["identifier"] for one in root.iter("setOutcomeValue")}
    used |= {one.attrib["responseIdentifier"] for one in root.iter("textEntryInteraction")}
    used |= {one.attrib["outcomeIdentifier"] for one in root.iter("modalFeedback")}
    assert used <= declared
    shown = [one.attrib["identifier"] for one in root.iter("modalFeedback")]
    given = {one.text for one in root.iter("baseValue") if re.fullmatch(r"b\d+r\d+", one.text)}
    assert given == set(shown)
    assert len(given) == len(shown)


def test_numbers_are_plain_decimals(package12, package21):
    """Some systems read no exponents."""
    numbers = re.findall(
        rb'(?:baseType="float">|tolerance="|respident="response1">)([^<"]+)',
        package12["quiz-1/quiz-1.xml"] + package21["item-1.xml"],
    )
    assert numbers
    assert all(re.fullmatch(rb"-?[0-9]+(\.[0-9]+)?", number) for number in numbers)


def test_a_processor_gives_the_marks_of_grade(item, questions):
    """What follows from a slip is right after it, and the same slip again costs nothing."""
    question = questions[0]
    rng = random.Random(2)
    for kind in KINDS:
        sheet = sheet_of(question.task, kind, rng)
        typed = [sheet[blank.line.place] for blank in question.blanks]
        score = item.processed(typed)["SCORE"]
        assert score == pytest.approx(sum(together(list(question.blanks), sheet).values())), kind
        if kind in ("right", "rounded", "blank", "nonsense"):
            expected = sum(marks_by_grade(question.task, sheet, Scale()).values())
            assert score == pytest.approx(expected), kind


def test_a_processor_names_the_slip(item, questions):
    sheet = dict(sheet_of(questions[0].task, "right", random.Random(0)))
    turned = (
        sheet[1, "z_g"].removeprefix("-") if sheet[1, "z_g"][0] == "-" else f"-{sheet[1, 'z_g']}"
    )
    outcomes = item.processed([turned, *list(sheet.values())[1:]])
    said = {one.attrib["identifier"]: one.text for one in item.root.iter("modalFeedback")}
    first = said[outcomes["FEEDBACK"][0]]
    assert first == "z_g: A common slip: the sign is reversed."
    assert outcomes["SCORE"] == outcomes["MAXSCORE"] - 1


def test_canvas_gets_a_text_and_a_question_for_each_value(package12, questions):
    quiz = ET.fromstring(package12["quiz-1/quiz-1.xml"])
    items = list(quiz.iter(f"{QTI12}item"))
    kinds = [item.findtext(f".//{QTI12}fieldentry") for item in items]
    assert kinds == ["text_only_question"] + ["numerical_question"] * len(questions[0].blanks)
    text = items[0].findtext(f".//{QTI12}mattext")
    assert 'src="$IMS-CC-FILEBASE$/network-1.svg"' in text
    assert "web_resources/network-1.svg" in package12


def test_canvas_gets_no_interval_that_is_not_wholly_right(package12, questions):
    """It would give the whole mark for it."""
    quiz = ET.fromstring(package12["quiz-1/quiz-1.xml"])
    for item, blank in zip(list(quiz.iter(f"{QTI12}item"))[1:], questions[0].blanks, strict=True):
        conditions = item.findall(f".//{QTI12}respcondition")
        ranges = [one for one in conditions if one.find(f".//{QTI12}vargte") is not None]
        right = [rule for rule in blank.alone if rule.share == 1]
        assert len(ranges) == len(right)
        for condition, rule in zip(ranges, right, strict=True):
            assert float(condition.findtext(f".//{QTI12}vargte")) == pytest.approx(rule.low)
            assert float(condition.findtext(f".//{QTI12}varlte")) == pytest.approx(rule.high)


def test_canvas_tells_what_common_slips_give(package12, questions):
    quiz = ET.fromstring(package12["quiz-1/quiz-1.xml"])
    item = list(quiz.iter(f"{QTI12}item"))[1]
    feedback = {one.attrib["ident"]: one for one in item.iter(f"{QTI12}itemfeedback")}
    said = feedback["general_incorrect_fb"].findtext(f".//{QTI12}mattext")
    blank = questions[0].blanks[0]
    slip = next(rule for rule in blank.alone if rule.kind is Kind.SLIP)
    assert f"{slip.middle:.4g}: {slip.said.partition(': ')[2]}" in said


HOSTILE = '<b>&"]]> \u202e name'


def test_a_name_with_markup_stays_a_name(questions):
    question = replace(questions[0], name=HOSTILE)
    item = ET.fromstring(files(qti21_package([question]))["item-1.xml"])
    quiz = ET.fromstring(files(qti12_package([question]))["quiz-1/quiz-1.xml"])
    moodle = ET.fromstring(moodle_xml([question], HOSTILE))
    assert item.attrib["title"] == quiz[0].attrib["title"] == HOSTILE
    assert moodle[1].findtext("name/text") == HOSTILE
    assert moodle[0].findtext("category/text") == f"$course$/top/{HOSTILE}"
