"""What came of a run: the last loss, tests and examples that are right."""

from __future__ import annotations

import math

import numpy as np
from openpyxl.utils.cell import get_column_letter

from bpsheet.engine.recording import Recording
from bpsheet.program.kinds import BATCH_ROW, Role
from bpsheet.runs.epochs import ExamplesRight, TestsRight
from bpsheet.workbook.companions.drawn import MOST_FORMULAS, POINTS, Drawn
from bpsheet.workbook.companions.lines import EPOCH_END, add_line, make_chart
from bpsheet.xlsx.cells import FIRST_ROW

__all__ = ["draw_accuracy", "put_facts"]

# Of more classes no share is drawn: the formula would be too long.
MOST_CLASSES = 20


def put_facts(drawn: Drawn) -> None:
    """The outcome, a cell each: the last loss, the share of right tests, when all were right."""
    last = len(drawn.steps) - 1
    for name in drawn.of_role(Role.LOSS)[:1]:
        if BATCH_ROW in drawn.shown:
            count = int(drawn.value(BATCH_ROW, last))
            rows = drawn.area(name, name, 0, last + 1)
            number = drawn.cell(BATCH_ROW, last)
            formula = f"=SUMPRODUCT((ROW({rows})>{FIRST_ROW + last}-{number})*{rows})/{number}"
            losses = drawn.steps.values[last + 1 - count :, drawn.program.position[name]]
            with np.errstate(over="ignore"):
                value = float(np.sum(losses) / count)
            drawn.fact("A3", "C3", f"{name}, last batch =", formula, value)
        else:
            value = drawn.value(name, last)
            drawn.fact("A3", "C3", f"final {name} =", f"={drawn.cell(name, last)}", value)
    tests = TestsRight(drawn.program)
    if not tests:
        return
    labels = drawn.program[tests.names[0]].labels
    assert labels is not None
    ends = tests.names[0], tests.names[-1]

    def count_of(row: int) -> str:
        first, final = (drawn.shown[name].letter for name in ends)
        number = FIRST_ROW + row
        return f'COUNTIF({drawn.steps.name}!{first}{number}:{final}{number},"{labels[1]}")'

    count = len(tests)
    right = tests.count(drawn.steps.values)
    share = f"={count_of(last)}/{count}"
    drawn.fact("D3", "H3", "tests right at the end =", share, right[-1] / count)
    drawn.sheet["H3"].number_format = "0%"
    if last >= MOST_FORMULAS:
        return
    cells = drawn.table.column(
        "tests right", [f"={count_of(row)}" for row in range(last + 1)], right
    )
    assert isinstance(drawn.steps.recording, Recording)
    since = tests.first(drawn.steps.recording) or "never"
    letter = get_column_letter(cells.min_col)
    rows = f"{letter}{cells.min_row}:{letter}{cells.max_row}"
    match = f'=IFERROR(MATCH({count},{rows},0),"never")'
    drawn.fact("J3", "N3", "first all right at iteration =", match, since)


def draw_accuracy(drawn: Drawn) -> None:
    """Where the targets are classes: the share of all examples that an epoch gets right."""
    examples = ExamplesRight(drawn.program)
    pairs = examples.pairs
    if not 1 <= len(pairs) <= MOST_CLASSES or not drawn.alternates:
        return
    if not all(name in drawn.shown for pair in pairs for name in pair):
        return
    every = math.ceil(drawn.epochs * drawn.epoch / MOST_FORMULAS)
    epochs = range(drawn.epochs - 1, -1, -max(every, math.ceil(drawn.epochs / POINTS)))[::-1]
    rows = [row for n in epochs for row in range(n * drawn.epoch, (n + 1) * drawn.epoch)]
    if len(pairs) == 1:
        output, target = pairs[0]
        formulas = [
            f"=IF(({drawn.cell(output, row)}-{examples.middle:g})"
            f"*({drawn.cell(target, row)}-{examples.middle:g})>0,1,0)"
            for row in rows
        ]
    else:
        formulas = [
            "=IF("
            + "+".join(f"{drawn.cell(o, row)}*{drawn.cell(t, row)}" for o, t in pairs)
            + f"=MAX({','.join(drawn.cell(o, row) for o, _ in pairs)}),1,0)"
            for row in rows
        ]
    flags = examples.flags(drawn.steps.values[rows])
    cells = drawn.table.column("right", formulas, flags)
    letter = get_column_letter(cells.min_col)
    tops = range(cells.min_row, cells.max_row + 1, drawn.epoch)
    means = [f"=AVERAGE({letter}{top}:{letter}{top + drawn.epoch - 1})" for top in tops]
    shares = flags.reshape(-1, drawn.epoch).mean(axis=1)
    across = drawn.table.numbers("end of the epoch", [float((n + 1) * drawn.epoch) for n in epochs])
    share = drawn.table.column("share right", means, shares)
    chart = make_chart("share of all examples that are right, by epoch", EPOCH_END, share=True)
    add_line(chart, share, across, "right")
    drawn.add(chart)
    final = f"={get_column_letter(share.min_col)}{share.max_row}"
    text = "examples right, last epoch ="
    drawn.fact("D4", "H4", text, final, float(shares[-1]))
    drawn.sheet["H4"].number_format = "0%"
