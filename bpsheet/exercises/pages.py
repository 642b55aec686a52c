"""Feedback as pages: one for each student, the mistake first, and one for the class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bpsheet.exercises.feedback import causes_text, first_mistake, number
from bpsheet.exercises.grades import Grades, Mark, MarkedSheet
from bpsheet.explain import Document, worked_step
from bpsheet.formula.tree import Ref
from bpsheet.hand.student import Place
from bpsheet.hand.verdict import Verdict
from bpsheet.paper.blocks import Beside, Block, Equation, Heading, Prose, Side, Table
from bpsheet.words import counted

__all__ = ["class_page", "student_page"]

# So many mistakes are explained, each beside its right solution.
MOST_EXPLAINED = 6
# Signs that tell verdicts apart without colour.
SIGNS = {Verdict.MISSING: "○", Verdict.SLIP: "✗", Verdict.WRONG: "✗", Verdict.NO_NUMBER: "✗"}


def student_page(sheet: MarkedSheet, title: str) -> Document:
    """A student's page: the marks, each mistake beside its right solution, then every value."""
    owner = sheet.student or sheet.path.name
    blocks: list[Block] = []
    places = _explained(sheet)
    marks = {mark.judgement.place: mark for mark in sheet.marks}
    if sheet.is_blank:
        blocks.append(Prose("Nothing is filled in."))
    elif not places:
        blocks.append(Prose("Every value is right."))
    for count, place in enumerate(places):
        blocks += _explanation(sheet, marks[place], is_first=not count)
    if places and any(mark.judgement.verdict is Verdict.CARRIED for mark in sheet.marks):
        blocks.append(Prose("A value that follows correctly from a wrong one gets its full mark."))
    if len(sheet.causes) > 1:
        blocks.append(Prose(f"All slips: {causes_text(sheet)}."))
    if sheet.notes:
        blocks.append(Prose(f"How the sheet was read: {'; '.join(sheet.notes)}."))
    blocks += [Heading("Every value"), _values(sheet.marks)]
    marked = f"{owner}: {number(sheet.total)} of {number(sheet.out_of)} marks."
    names = sheet.trace.program.position if sheet.trace is not None else ()
    return Document(title, marked, blocks, names)


def _explained(sheet: MarkedSheet) -> list[Place]:
    """The places to explain: the first mistake, then where each other cause begins."""
    first = sheet.first_mistake
    places = [first.judgement.place] if first is not None else []
    asked = {mark.judgement.place for mark in sheet.marks}
    places += [cause.place for cause in sheet.causes if cause.place in asked]
    return list(dict.fromkeys(places))[:MOST_EXPLAINED]


def _explanation(sheet: MarkedSheet, mark: Mark, *, is_first: bool) -> Iterable[Block]:
    """A mistake: what is written and why it is wrong, beside the right solution."""
    judgement = mark.judgement
    yield Heading(
        f"{'Look first at' if is_first else 'Then at'} {judgement.quantity}, "
        f"iteration {judgement.iteration}"
    )
    written = judgement.written.strip()
    is_said = not written or mark.reason.startswith(written)
    left = [
        Prose(text) for text in ("" if is_said else f"You wrote {written}.", mark.reason) if text
    ]
    right: list[Prose | Equation] = [Prose(f"The right value is {mark.expected}.")]
    if sheet.trace is not None and judgement.iteration <= len(sheet.trace):
        step = worked_step(sheet.trace, judgement.iteration, judgement.quantity)
        right = [Prose(f"{right[0].text} {step.sentence}"), step.equation]  # type: ignore[union-attr]
    yield Beside(tuple(left), tuple(right))


def _values(marks: Sequence[Mark]) -> Table:
    rows = []
    for mark in marks:
        judgement = mark.judgement
        sign = "✓" if judgement.verdict.is_right else SIGNS.get(judgement.verdict, "≈")
        rows.append(
            (
                Side(Ref(judgement.quantity)),
                str(judgement.iteration),
                judgement.written,
                mark.expected,
                f"{sign} {mark.verdict}",
                number(mark.mark),
                "" if judgement.verdict is Verdict.CORRECT else mark.reason,
            )
        )
    head = ("quantity", "iteration", "written", "right", "verdict", "mark", "")
    return Table(head, tuple(rows), stacks=True)


def class_page(grades: Grades, title: str) -> Document:
    """The class's page: what failed and how often, the marks, and what a teacher should look at."""
    count = len(grades.sheets)
    blocks: list[Block] = []
    odd = [(s.student or s.path.name, text) for s in grades.sheets for text in s.warnings]
    odd += [(one.path.name, one.reason) for one in grades.refused]
    if odd:
        blocks += [Heading("Look at these first"), Table(("sheet", ""), tuple(odd), stacks=True)]
    ideas = _ideas(grades.sheets)
    if ideas:
        blocks += [Heading("What failed"), ideas]
    blocks += [Heading("How each quantity went"), _quantities(grades.sheets)] if count else []
    rows = [
        (
            sheet.student or sheet.path.name,
            number(sheet.total),
            number(sheet.out_of),
            first_mistake(sheet),
        )
        for sheet in sorted(grades.sheets, key=lambda sheet: sheet.student.casefold())
    ]
    rows += [(name, "", "", "no sheet that could be marked") for name in grades.absent]
    head = ("student", "marks", "of", "first mistake")
    blocks += [Heading("Marks"), Table(head, tuple(rows), stacks=True)]
    average = sum(sheet.total for sheet in grades.sheets) / count if count else 0.0
    said = f"{counted(count, 'sheet')}, {average:.3g} marks on average."
    names = next((s.trace.program.position for s in grades.sheets if s.trace is not None), ())
    return Document(f"{title}: the class", said, blocks, names)


def _ideas(sheets: Iterable[MarkedSheet]) -> Table | None:
    """The kinds of mistakes, the most frequent first, with the students who made them."""
    students: dict[str, dict[str, None]] = defaultdict(dict)
    for sheet in sheets:
        for cause in sheet.causes:
            students[f"{cause.kind} ({cause.role})"][sheet.student or sheet.path.name] = None
    if not students:
        return None
    ordered = sorted(students.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = tuple((kind, str(len(who)), ", ".join(who)) for kind, who in ordered)
    return Table(("slip", "students", "who"), rows, stacks=True)


def _quantities(sheets: Iterable[MarkedSheet]) -> Table:
    """For each kind of quantity the share of its values that are right."""
    right: dict[str, list[bool]] = defaultdict(list)
    for sheet in sheets:
        for mark in sheet.marks:
            place = mark.judgement.quantity
            role = str(sheet.trace.program[place].role) if sheet.trace is not None else place
            right[role].append(mark.judgement.verdict.is_right)
    rows = tuple(
        (role, f"{sum(values)} of {len(values)}", f"{100 * sum(values) / len(values):.0f} %")
        for role, values in right.items()
    )
    return Table(("quantity", "right", ""), rows)
