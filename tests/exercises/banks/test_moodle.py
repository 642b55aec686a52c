"""Moodle's question bank: read as Moodle reads it, it gives the marks of the rules."""

from __future__ import annotations

import base64
import html
import random
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.exercises.banks.moodle import cloze, moodle_xml
from bpsheet.exercises.banks.question import questions_of
from bpsheet.exercises.banks.rules import Blank, Kind, Rule
from bpsheet.exercises.marks import Scale
from tests.helpers.banks import KINDS, alone, cloze_blanks, moodle_marks, sheet_of
from tests.helpers.samples import draws


@pytest.fixture(scope="module")
def bank(questions):
    return ET.fromstring(moodle_xml(questions, "Two neurons / week 3"))


@pytest.mark.slow
def test_it_has_a_category_and_a_question_for_each_student(bank):
    kinds = [question.attrib["type"] for question in bank]
    names = [question.findtext("name/text") for question in bank.iter("question")][1:]
    assert kinds == ["category", "cloze", "cloze"]
    assert bank[0].findtext("category/text") == "$course$/top/Two neurons // week 3"
    assert names == [f"Two neurons, one in each layer: {name}" for name in ("Ada", "Bob")]


@pytest.mark.slow
def test_the_picture_is_in_the_file_and_shows_no_value(bank):
    file = bank[1].find("questiontext/file")
    assert f'src="@@PLUGINFILE@@/{file.attrib["name"]}"' in bank[1].findtext("questiontext/text")
    picture = ET.fromstring(base64.b64decode(file.text))
    shown = {text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert shown == {"x1", "x2", "g", "f", "w_xg1", "w_xg2", "w_gf1"}


def test_no_line_of_the_picture_runs_through_a_name(bank):
    """Every line is drawn before the white ground of the names."""
    picture = ET.fromstring(base64.b64decode(bank[1].find("questiontext/file").text))
    kinds = [node.tag.rpartition("}")[2] for node in picture]
    first = kinds.index("line")
    assert set(kinds[first : first + 3]) == {"line"}
    assert kinds[first + 3 :].count("line") == 0
    names = [i for i, node in enumerate(picture) if (node.text or "").startswith("w_")]
    assert len(names) == 3
    for index in names:
        ground, name = picture[index - 1], picture[index]
        assert ground.get("fill") == "white"
        assert (
            abs(float(ground.get("x")) + float(ground.get("width")) / 2 - float(name.get("x"))) < 1
        )


def test_each_blank_is_read_with_all_its_answers(bank, questions):
    for element, question in zip(bank.iter("question"), [None, *questions], strict=True):
        if question is None:
            continue
        blanks = cloze_blanks(element.findtext("questiontext/text"))
        assert len(blanks) == len(question.blanks)
        for (weight, answers), blank in zip(blanks, question.blanks, strict=True):
            assert weight == 1
            assert [said for *_, said in answers] == [rule.said for rule in blank.alone]


def test_typed_sheets_have_the_marks_of_the_rules(bank, questions):
    text = bank[1].findtext("questiontext/text")
    rng = random.Random(1)
    for kind in KINDS:
        sheet = sheet_of(questions[0].task, kind, rng)
        places = [blank.line.place for blank in questions[0].blanks]
        marks = moodle_marks(text, [sheet[place] for place in places])
        assert marks == [alone(blank, sheet[blank.line.place]) for blank in questions[0].blanks], (
            kind
        )


def test_signs_that_end_an_answer_are_said_in_feedback(questions):
    said = "a ~ b } c # {1:NM:=1} \\ <i> & “µ”"
    blank = questions[0].blanks[0]
    made = replace(blank, rules=(Rule(Kind.RIGHT, 1, 2, 1.0, said),))
    ((weight, answers),) = cloze_blanks(cloze(made, 3))
    assert weight == 3
    # Moodle decodes once, and shows the rest as HTML.
    shown = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert answers == [(1.5, 0.5, 1.0, shown)]


# What XML can hold.
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=30)


@draws(60)
@given(said=TEXT)
def test_any_sentence_survives_moodles_reading(questions, said):
    blank = replace(questions[0].blanks[0], rules=(Rule(Kind.RIGHT, 1, 2, 1.0, said),))
    text = f"<quiz><![CDATA[{cloze(blank, 1)}]]></quiz>"
    ((_, ((*_, shown),)),) = cloze_blanks(ET.fromstring(text).text)
    assert html.unescape(shown) == said


def test_points_become_whole_weights(exercise):
    scale = Scale(points={"forward": 0.5, "backward": 1.5}, total=10)
    (question,) = questions_of(exercise, [], scale)
    text = ET.fromstring(moodle_xml([question], "c"))[1].findtext("questiontext/text")
    weights = {weight for weight, _ in cloze_blanks(text)}
    assert weights == {1, 2, 3}


def test_another_reader_of_moodles_files_finds_the_same(questions):
    parser = pytest.importorskip("moodle_xml_parser.parser")
    found = parser.parse_string(moodle_xml(questions, "c"))["cloze"]
    for question, read in zip(questions, found, strict=True):
        assert read.name == question.name
        assert [gap.sub_type for gap in read.gaps] == ["NUMERICAL"] * len(question.blanks)
        for gap, blank in zip(read.gaps, question.blanks, strict=True):
            expected = [(round(100 * rule.share), rule.middle) for rule in blank.alone]
            options = [(one.score, float(one.answer.split(":")[0])) for one in gap.options]
            assert [score for score, _ in options] == [score for score, _ in expected]
            for (_, one), (_, other) in zip(options, expected, strict=True):
                assert one == pytest.approx(other, rel=1e-6, abs=1e-9)


def test_a_bank_is_the_same_each_time(exercise, questions):
    again = list(questions_of(exercise, ["Ada"]))
    assert moodle_xml(again, "c") == moodle_xml(questions[:1], "c")


def test_a_right_answer_alone_makes_a_blank(questions):
    line = questions[0].blanks[0].line
    blank = Blank(line, 0.25, (Rule(Kind.RIGHT, 0.2495, 0.2505, 1.0),), 1.0)
    assert cloze(blank, 1) == "{1:NUMERICAL:=0.25:0.0005}"
