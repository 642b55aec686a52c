"""The sheet Charts: native charts over the live cells of Steps. They follow when a weight changes.

A line is drawn through the cells of Steps where that shows something. Where examples alternate, the
mean of an epoch is drawn, and a long run is drawn by some of its rows: for these, columns of formulas
stand to the right of the charts, folded away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from openpyxl import Workbook
from openpyxl.chart import Reference, ScatterChart
from openpyxl.utils.cell import get_column_letter

from bpsheet.program.groups import groups_of
from bpsheet.program.kinds import BATCH_END, BATCH_ROW, EXAMPLE, Role
from bpsheet.program.outputs import outputs_of
from bpsheet.runs.run import Run
from bpsheet.workbook import style
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.companions.drawn import POINTS, Drawn
from bpsheet.workbook.companions.lines import EPOCH_END, MOST_LINES, add_line, make_chart
from bpsheet.workbook.companions.outcomes import draw_accuracy, put_facts
from bpsheet.workbook.companions.plotted import TABLE_COLUMN
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import put_text
from bpsheet.xlsx.view import set_page, without_grid

__all__ = ["COMPANION"]


def _check(_trace: Run, _steps: Sheet) -> None:
    """Charts can be drawn of every run."""


def _is_cheap(_trace: Run, _steps: Sheet) -> bool:
    return True


def _build(book: Workbook, _trace: Run, steps: Sheet) -> dict[str, float | str]:
    """Add the sheet Charts. Returns the values of its formulas by their cells."""
    sheet = book.create_sheet(COMPANION.name)
    put_text(sheet, "A1", steps.title, style.TITLE)
    sheet.row_dimensions[1].height = 22
    drawn = Drawn(sheet, book[steps.name], steps)
    note = (
        "The charts follow the cells of Steps: change a weight, the learning rate or "
        "an example there."
    )
    if drawn.step > 1:
        note += f" Of {len(steps):,} iterations, one in {drawn.step} is drawn."
    uneven = drawn.uneven_epochs
    if uneven:
        note += (
            f" In {uneven:,} of {drawn.epochs:,} epochs some example is missing, so means of an "
            "epoch go up and down."
        )
    put_text(sheet, "A2", note, style.NOTE)
    sheet.column_dimensions["A"].width = 16
    put_facts(drawn)
    _losses(drawn)
    draw_accuracy(drawn)
    _weights(drawn)
    _outputs(drawn)
    _gradients(drawn)
    drawn.table.fold()
    without_grid(sheet)
    set_page(sheet, "landscape")
    sheet.print_area = f"A1:{get_column_letter(TABLE_COLUMN - 2)}60"
    return drawn.table.values


COMPANION = Companion("charts", "Charts", _check, _is_cheap, _build)


def _losses(drawn: Drawn) -> None:
    """The loss: where examples alternate, the mean of each epoch over the single losses."""
    for loss in drawn.of_role(Role.LOSS)[:1]:
        if not drawn.alternates:
            chart = make_chart(f"{loss} by iteration", "iteration")
            add_line(chart, drawn.column(loss), drawn.iterations, loss)
        else:
            chart = make_chart(f"{loss}: {drawn.per_epoch}", "iteration")
            _single_losses(drawn, chart, loss)
            areas = [drawn.area(loss, loss, span[0], span[-1] + 1) for span in drawn.spans]
            values = drawn.steps.values[:, drawn.program.position[loss]]
            with np.errstate(over="ignore"):
                means = [float(values[span.start : span.stop].mean()) for span in drawn.spans]
            head = f"mean {loss}"
            cells = drawn.table.column(head, [f"=AVERAGE({area})" for area in areas], means)
            add_line(chart, cells, drawn.ends, drawn.per_epoch)
        for name in drawn.of_role(Role.VALIDATION_LOSS)[:1]:
            add_line(chart, drawn.column(name), drawn.iterations, "validation")
        drawn.add(chart)


def _single_losses(drawn: Drawn, chart: ScatterChart, loss: str) -> None:
    """Behind the means: the loss of each row, or of a long run the least and the largest."""
    if drawn.step == 1:
        add_line(chart, drawn.column(loss), drawn.iterations, "each example", look="behind")
        return
    values = drawn.steps.values[:, drawn.program.position[loss]]
    numbers, cells, found = [], [], []
    for span in drawn.spans:
        area = drawn.area(loss, loss, span[0], span[-1] + 1)
        part = values[span.start : span.stop]
        numbers += [float(span[-1] + 1)] * 2
        cells += [f"=MIN({area})", f"=MAX({area})"]
        found += [float(part.min()), float(part.max())]
    across = drawn.table.numbers("iteration, twice", numbers)
    band = drawn.table.column(f"least and largest {loss}", cells, found)
    add_line(chart, band, across, "least to largest", look="behind")


def _weights(drawn: Drawn) -> None:
    """The weights; of many, those from the number on that is typed above the charts."""
    names = drawn.of_role(Role.WEIGHT)
    if not names:
        return
    if len(names) <= MOST_LINES:
        chart = make_chart("weights by iteration", "iteration")
        for name in names:
            add_line(chart, drawn.column(name), drawn.iterations, name)
        drawn.add(chart)
        return
    most = len(names) - MOST_LINES + 1
    drawn.choice("J4", "N4", f"first weight drawn, of {len(names):,} =", most)
    chart = make_chart(f"{MOST_LINES} of {len(names):,} weights by iteration", "iteration")
    rows = range(0, len(drawn.steps), math.ceil(len(drawn.steps) / POINTS))
    across = drawn.table.numbers("iteration", [float(row + 1) for row in rows])
    header = drawn.area(names[0], names[-1], -1, 0)
    for number, name in enumerate(names[:MOST_LINES]):
        cells = drawn.table.column(
            f"=INDEX({header},1,$N$4+{number})",
            [
                f"=INDEX({drawn.area(names[0], names[-1], row, row + 1)},1,$N$4+{number})"
                for row in rows
            ],
            [drawn.value(name, row) for row in rows],
            name=name,
        )
        add_line(chart, cells, across, drawn.table.head(cells))
    drawn.add(chart)


def _outputs(drawn: Drawn) -> None:
    """Outputs and targets: by iteration, or where examples alternate a line for each example."""
    outputs = [name for name in outputs_of(drawn.program) if name in drawn.shown]
    targets = drawn.of_role(Role.TARGET)
    if drawn.alternates and outputs and EXAMPLE in drawn.shown:
        _by_example(drawn, outputs, targets)
        return
    names = [*outputs[: MOST_LINES // 2], *targets[: MOST_LINES // 2]]
    if not names:
        return
    title = "outputs and targets by iteration"
    if len(names) < len(outputs) + len(targets):
        title += f" (the first {MOST_LINES // 2} of each)"
    chart = make_chart(title, "iteration")
    for name in names:
        is_target = drawn.program[name].role is Role.TARGET
        look = "dots" if is_target or drawn.alternates else "line"
        add_line(chart, drawn.column(name), drawn.iterations, name, look=look)
    drawn.add(chart)


def _by_example(drawn: Drawn, outputs: Sequence[str], targets: Sequence[str]) -> None:
    """An output over the epochs, for each example, or for some from a number on."""
    count, lines = drawn.epoch, min(drawn.epoch, MOST_LINES)
    # Of many examples some that stand apart, since neighbours may be of one class.
    apart = count // lines
    title = (
        f"output {outputs[0]}, each example"
        if len(outputs) == 1
        else "the output drawn, each example"
    )
    if len(outputs) > 1:
        drawn.choice("J5", "N5", f"output drawn, of {len(outputs)} =", len(outputs))
    if count > lines:
        text = f"first example drawn, of {count:,} ="
        drawn.choice("D5", "H5", text, count - (lines - 1) * apart)
        title = title.replace("each example", f"{lines} of {count:,} examples")
    chart = make_chart(f"{title}, by epoch", EPOCH_END)
    offsets = [drawn.shown[name].place - drawn.shown[outputs[0]].place + 1 for name in outputs]
    column = "1" if len(outputs) == 1 else f"CHOOSE($N$5,{','.join(map(str, offsets))})"
    if len(outputs) > 1:
        names = drawn.area(outputs[0], outputs[-1], -1, 0)
        drawn.table.put("O5", f"=INDEX({names},1,{column})", outputs[0])
    every = range(0, drawn.epochs, math.ceil(drawn.epochs / POINTS))
    spans = [range(n * count, (n + 1) * count) for n in every]
    across = drawn.table.numbers("end of the epoch", [float(span[-1] + 1) for span in spans])
    examples = drawn.steps.values[:, drawn.program.position[EXAMPLE]]
    for number in range(lines):
        example = str(number + 1) if count == lines else f"($H$5+{number * apart})"
        values: list[float | str] = []
        for span in spans:
            here = np.flatnonzero(examples[span.start : span.stop] == number * apart + 1)
            values.append(drawn.value(outputs[0], span[here[0]]) if len(here) else "#N/A")
        formulas = [
            f"=INDEX({drawn.area(outputs[0], outputs[-1], span[0], span[-1] + 1)},"
            f"MATCH({example},{drawn.area(EXAMPLE, EXAMPLE, span[0], span[-1] + 1)},0),{column})"
            for span in spans
        ]
        name = f"example {number * apart + 1}"
        if count == lines and len(targets) == 1:
            name += f": {targets[0]} = {drawn.program.tables[targets[0]][number]:g}"
        head = name if count == lines else f'="example "&{example}'
        own = "" if count == lines else name
        cells = drawn.table.column(head, formulas, values, name=own)
        add_line(chart, cells, across, name if count == lines else drawn.table.head(cells))
    drawn.add(chart)


def _gradients(drawn: Drawn) -> None:
    """The length of each layer's gradient: of a row, of a batch, or on average over an epoch."""
    in_batches = bool(drawn.of_role(Role.GRADIENT_SUM))
    title = "length of the gradient by iteration"
    if in_batches:
        title = "length of each batch's gradient"
    elif drawn.alternates:
        title = "length of the gradient: root mean square over an epoch"
    chart = make_chart(title, "iteration")
    for group in groups_of(drawn.program)[:MOST_LINES]:
        names = [drawn.program.names[index] for index in group.gradients]
        places = [drawn.shown[name].place for name in names if name in drawn.shown]
        if not names or places != list(range(places[0], places[0] + len(names))):
            continue
        values = drawn.steps.values[:, list(group.gradients)]
        with np.errstate(over="ignore"):
            squares = (values**2).sum(axis=1)
        if in_batches:
            cells, across = _batches(drawn, group.label, names[0], names[-1], squares)
        elif drawn.alternates:
            cells, across = _over_epochs(drawn, group.label, names[0], names[-1], squares)
        else:
            areas = [drawn.area(names[0], names[-1], row, row + 1) for row in drawn.rows]
            formulas = [f"=SQRT(SUMSQ({area}))" for area in areas]
            head = f"gradient, {group.label}"
            cells = drawn.table.column(head, formulas, np.sqrt(squares[drawn.rows]))
            across = drawn.iterations
        add_line(chart, cells, across, group.label)
    if chart.series:
        drawn.add(chart)


def _over_epochs(
    drawn: Drawn, label: str, first: str, last: str, squares: np.ndarray
) -> tuple[Reference, Reference]:
    formulas, lengths = [], []
    for span in drawn.spans:
        area = drawn.area(first, last, span[0], span[-1] + 1)
        formulas.append(f"=SQRT(SUMSQ({area})/{len(span)})")
        with np.errstate(over="ignore"):
            lengths.append(float(np.sqrt(squares[span.start : span.stop].sum() / len(span))))
    return drawn.table.column(f"gradient, {label}", formulas, lengths), drawn.ends


def _batches(
    drawn: Drawn, label: str, first: str, last: str, squares: np.ndarray
) -> tuple[Reference, Reference]:
    """The gradient of a batch is what its rows have summed up at its end, or their mean."""
    position, values = drawn.program.position, drawn.steps.values
    ends = np.flatnonzero(values[:, position[BATCH_END]] == 1)
    ends = ends[:: math.ceil(max(len(ends), 1) / POINTS)]
    counts = values[:, position[BATCH_ROW]]
    reduction = drawn.steps.layout.parameter_cells.get("reduction")
    is_mean = any(p.name == "reduction" and p.value == "mean" for p in drawn.program.parameters)
    formulas, lengths, numbers = [], [], []
    for end in map(int, ends):
        formula = f"SQRT(SUMSQ({drawn.area(first, last, end, end + 1)}))"
        if reduction is not None and BATCH_ROW in drawn.shown:
            cell = f"{drawn.steps.name}!{drawn.steps.layout.absolute_cell('reduction')}"
            formula += f'/IF({cell}="mean",{drawn.cell(BATCH_ROW, end)},1)'
            # Another batch size has its batches end in other rows.
            formula = f"IF({drawn.cell(BATCH_END, end)}=1,{formula},NA())"
        elif is_mean:
            formula += f"/{counts[end]:g}"
        formulas.append(f"={formula}")
        lengths.append(float(np.sqrt(squares[end]) / (counts[end] if is_mean else 1)))
        numbers.append(float(end + 1))
    across = drawn.table.numbers("end of the batch", numbers)
    return drawn.table.column(f"gradient, {label}", formulas, lengths), across
