"""Simulated sheets for question banks: what a student types, by place, and what `grade` gives it."""

from __future__ import annotations

import html
import math
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from bpsheet.engine.rows import Cells
from bpsheet.exercises.banks.rules import Blank, Kind
from bpsheet.exercises.exercise import Task
from bpsheet.exercises.marks import MARKS, Scale
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Expr
from bpsheet.hand.judge import judge
from bpsheet.hand.slips import Slips
from bpsheet.hand.verdict import Verdict
from tests.helpers.hand_sheets import written

Sheet = dict[tuple[int, str], str]

# A blank is judged by itself, so a slip that is made again costs its mark again.
EACH_TIME = Scale({**MARKS, Verdict.AGAIN: 0.0})
KINDS = ("right", "rounded", "slip", "rounded slip", "blank", "nonsense", "short", "off")


def sheet_of(task: Task, kind: str, rng: random.Random) -> Sheet:
    """A sheet of a kind, as a student types it in."""
    places = [line.place for line in task.lines if line.is_asked]
    digits = task.exercise.digits
    exact = worked(task, digits, {}, rounds=False)
    if kind == "right":
        return exact
    if kind == "rounded":
        return worked(task, digits, {}, rounds=True)
    if kind in ("slip", "rounded slip"):
        return worked(task, digits, _slip(task, rng), rounds=kind == "rounded slip")
    if kind == "blank":
        return {place: text if rng.random() < 0.5 else "" for place, text in exact.items()}
    if kind == "nonsense":
        return {place: f"{rng.uniform(-2, 2):.{digits}f}" for place in places}
    place = rng.choice(places)
    value = task.exact(next(line for line in task.lines if line.place == place))
    if kind == "short":
        return {**exact, place: written(value, digits - 1)}
    last = float(exact[place]) + rng.choice((-1, 1)) * 10.0 ** -_decimals(exact[place])
    return {**exact, place: f"{last:.{_decimals(exact[place])}f}"}


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _slip(task: Task, rng: random.Random) -> Mapping[str, Expr]:
    """One slip in the formula of an asked quantity, or in all like it."""
    names = list({line.name for line in task.lines if line.is_asked})
    names.sort()
    slips = Slips(task.trace.program)
    slip = rng.choice([slip for name in names for slip in slips.of(name)])
    if slip.kind == "weight after its update":
        return _slip(task, rng)
    return rng.choice([{slip.column: slip.formula}, slips.alike(slip, names)])


def worked(task: Task, digits: int, changed: Mapping[str, Expr], *, rounds: bool) -> Sheet:
    """The sheet as it is worked out by hand, with other formulas for some columns.

    `rounds`: each value is used as it was written; otherwise with all its digits.
    """
    program, values = task.trace.program, task.trace.values
    cells = Cells.of(program)
    asked = {line.place for line in task.lines if line.is_asked}
    printed = {line.place for line in task.lines if line.iteration and not line.is_asked}
    known: dict[tuple[int, str], float] = {}
    sheet: Sheet = {}
    for row in range(1, task.exercise.iterations + 2):
        for column in program:
            place = row, column.name
            given = float(values[row - 1, program.position[column.name]])
            is_start = column.formula is None or (column.is_state and row == 1)
            if is_start or place in printed:
                known[place] = given
                continue

            def value(ref, row=row):
                return known[row - ref.lag, ref.name]

            try:
                found = cells.formula(changed.get(column.name, column.formula), value)
            except (CellError, KeyError):
                found = math.nan
            known[place] = found
            if place in asked and math.isfinite(found):
                sheet[place] = text = _typed(found, digits)
                known[place] = float(text) if rounds else found
            elif place in asked:
                sheet[place] = ""
    return sheet


def _typed(value: float, digits: int) -> str:
    """A number with so many significant digits and no exponent."""
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def marks_by_grade(
    task: Task, sheet: Sheet, scale: Scale = EACH_TIME
) -> dict[tuple[int, str], float]:
    """What the judge gives each value of a sheet, as a part of its points."""
    judged = judge(task.trace, sheet, digits=task.exercise.digits)
    return {
        one.place: 0.0
        if one.verdict is Verdict.FEW_DIGITS and not one.is_nearly_enough
        else scale.verdicts[one.verdict]
        for one in judged.judgements
    }


def alone(blank: Blank, text: str) -> float:
    """What a blank's rules give a typed number, where each blank is judged by itself."""
    rule = next((rule for rule in blank.alone if text and rule.holds(float(text))), None)
    return rule.share if rule else 0.0


def together(blanks: list[Blank], sheet: Sheet) -> dict[tuple[int, str], float]:
    """What the rules give a sheet, where they know the blanks before."""
    slips: set[str] = set()
    ideas: set[str] = set()
    found = {}
    for blank in blanks:
        text = sheet[blank.line.place]
        found[blank.line.place] = 0.0
        for rule in blank.rules if text else ():
            if not rule.holds(float(text)) or (
                rule.kind is Kind.FOLLOWS and not rule.slips & slips
            ):
                continue
            is_again = rule.kind is Kind.SLIP and rule.ideas & ideas
            found[blank.line.place] = rule.again if is_again else rule.share
            if rule.kind is Kind.SLIP:
                slips |= rule.slips
                ideas |= rule.ideas
            break
    return found


# What Moodle's own pattern for the answers of a blank says, in short.
CLOZE = re.compile(r"\{(\d+):NUMERICAL:((?:[^}\\]|\\.)*)\}")
ANSWER = re.compile(
    r"(=|%(-?[0-9.]+)%)?(-?[0-9.]+(?:e[-+]?[0-9]+)?):([0-9.]+(?:e[-+]?[0-9]+)?)(?:#(.*))?"
)


def cloze_blanks(text: str) -> list[tuple[int, list[tuple[float, float, float, str]]]]:
    """The blanks of a Cloze text: the weight, and for each answer its number, its tolerance, its
    fraction and its feedback, as Moodle reads them.
    """
    found = []
    for weight, answers in CLOZE.findall(text):
        read = []
        for answer in answers.split("~"):
            match = ANSWER.fullmatch(answer)
            assert match, answer
            share = 1.0 if match[1] == "=" else float(match[2] or 0) / 100
            said = html.unescape(match[5] or "")
            read.append((float(match[3]), float(match[4]), share, said))
        found.append((int(weight), read))
    return found


def moodle_marks(text: str, typed: list[str]) -> list[float]:
    """What Moodle gives each typed number: the fraction of the first answer that holds it."""
    blanks = cloze_blanks(text)
    assert len(blanks) == len(typed)
    found = []
    for (_, answers), number in zip(blanks, typed, strict=True):
        value = float(number) if number else math.nan
        shares = (
            share
            for answer, tolerance, share, _ in answers
            # Moodle adds as much as PHP's precision is.
            if abs(value - answer) <= tolerance + 1e-14 * max(1, abs(answer))
        )
        found.append(next(shares, 0.0))
    return found


class Item:
    """A QTI 2.1 item, read by the words of the standard: its responses are processed one after another."""

    def __init__(self, text: str) -> None:
        self.root = ET.fromstring(text)
        for element in self.root.iter():
            element.tag = element.tag.rpartition("}")[2]

    def processed(self, typed: list[str]) -> dict[str, object]:
        """The values of all outcomes after these responses, in the order of their declarations."""
        values: dict[str, object] = {
            one.attrib["identifier"]: float(number) if number else None
            for one, number in zip(self.root.iter("responseDeclaration"), typed, strict=True)
        }
        for one in self.root.iter("outcomeDeclaration"):
            start = one.findtext("defaultValue/value")
            values[one.attrib["identifier"]] = float(start) if start is not None else None
        for condition in self.root.find("responseProcessing"):
            for branch in condition:
                test, *effects = branch
                if self._value(test, values) is True:
                    for effect in effects:
                        values[effect.attrib["identifier"]] = self._value(effect[0], values)
                    break
        return values

    def _value(self, node: ET.Element, values: dict[str, object]) -> object:
        if node.tag == "variable":
            return values[node.attrib["identifier"]]
        if node.tag == "baseValue":
            return float(node.text) if node.attrib["baseType"] == "float" else node.text
        operands = [self._value(child, values) for child in node]
        match node.tag:
            case "and":
                return False if False in operands else None if None in operands else True
            case "or":
                return True if True in operands else None if None in operands else False
            case "sum":
                return sum(operands)
            case "multiple":
                parts = (one if isinstance(one, list) else [one] for one in operands)
                return [one for part in parts for one in part if one is not None]
            case "member":
                one, many = operands
                return None if many is None else one in many
            case "equal":
                assert node.attrib["toleranceMode"] == "absolute"
                one, other = operands
                return None if one is None else abs(one - other) <= float(node.attrib["tolerance"])
        raise AssertionError(node.tag)
