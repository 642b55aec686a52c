"""Graphs within a node: a loop, written out step by step, and a branch that the model itself chooses.

Both need numbers that the model has. A loop whose length, or a branch whose choice, depends on the
inputs has no fixed formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpsheet.models.onnx.cells import Cells, Known, Live, Uncovered, Value
from bpsheet.models.onnx.proto import Body, Node

__all__ = ["INNER"]

# So many steps a loop has at the most: a sheet has columns for each of them.
MOST_STEPS = 1_000
# Computes a graph whose inputs have these values: the values of its outputs, None where one is
# not covered.
Run = Callable[[Body, Sequence[Value | None]], list[Value | None]]
Made = tuple[Value | None, ...]


def _chosen(value: Value | None, what: str) -> bool:
    if not isinstance(value, Known) or value.values.size != 1:
        raise Uncovered(f"{what} that does not depend on the inputs expected")
    return bool(value.values.item())


def _loop(node: Node, given: Sequence[Value | None], run: Run, cells: Cells) -> Made:
    """Loop: the outputs are what is carried from step to step, and what each step gives, as a row."""
    body = _body(node, "body")
    count, condition, *carried = given
    for place, value in enumerate(carried):
        is_kept = body.inputs[2 + place] == body.outputs[1 + place]
        if isinstance(value, Known) and value.values.dtype.kind == "f" and not is_kept:
            # A state that begins with numbers is computed with like any other: the first step then
            # has the weights of all steps.
            carried[place] = cells.plain(value.numbers)
    most = MOST_STEPS
    if count is not None:
        if not isinstance(count, Known):
            raise Uncovered("a number of steps that does not depend on the inputs expected")
        most = int(count.values.item())
    rows: list[list[Value | None]] = [[] for _ in body.outputs[1 + len(carried) :]]
    goes_on = condition is None or _chosen(condition, "a condition")
    step = 0
    while goes_on and step < most:
        if step == MOST_STEPS:
            raise Uncovered(f"a loop of at most {MOST_STEPS:,} steps expected")
        begin = [Known(np.array(step)), Known(np.array(True)), *carried]
        last, *made = run(body, begin)
        if any(value is None for value in (last, *made)):
            return ()  # what is not covered is told already
        carried = made[: len(carried)]
        for row, value in zip(rows, made[len(carried) :], strict=True):
            row.append(value)
        goes_on = _chosen(last, "a condition")
        step += 1
    return (*carried, *map(_below, rows))


def _below(values: Sequence[Value | None]) -> Value:
    """What the steps give, one below the other."""
    if not values:
        raise Uncovered("a loop of at least one step expected")
    if all(isinstance(value, Known) for value in values):
        return Known(np.stack([value.values for value in values if isinstance(value, Known)]))
    lives = [value.ids for value in values if isinstance(value, Live)]
    if len(lives) < len(values) or len({ids.shape for ids in lives}) > 1:
        raise Uncovered("steps that give arrays of one shape expected")
    return Live(np.stack(lives))


def _if(node: Node, given: Sequence[Value | None], run: Run, _cells: Cells) -> Made:
    """If: the outputs of the branch that is taken."""
    is_true = _chosen(given[0], "a condition")
    return tuple(run(_body(node, "then_branch" if is_true else "else_branch"), []))


def _body(node: Node, key: str) -> Body:
    body = node.attributes.get(key)
    if not isinstance(body, Body):
        raise Uncovered(f"a graph expected in {key}")
    return body


INNER: dict[str, Callable[[Node, Sequence[Any], Run, Cells], Made]] = {"Loop": _loop, "If": _if}
