"""The quantities of a whole batch that only a comparison shows: its gradients and its loss.

A sheet has the loss and the gradient of each example, and the running sums. A program of matrices
has those of the batch at once. Here they are columns too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bpsheet.formula.tree import (
    ONE,
    ZERO,
    Compare,
    Div,
    Expr,
    If,
    Param,
    Ref,
    Sum,
    Text,
    rewrite,
)
from bpsheet.program.column import Column
from bpsheet.program.kinds import BATCH_ROW, EPOCH, ITERATION, Phase, Role
from bpsheet.program.program import Program

__all__ = ["BATCH_LOSS", "batch_gradient", "with_batches"]

BATCH_LOSS, EPOCH_LOSS = "batch loss", "epoch loss"
# A sum over a batch, or its mean, as the training's reduction says.
LENGTH = If(Compare("=", Param("reduction"), Text("mean")), Ref(BATCH_ROW), ONE)


def batch_gradient(gradient: str) -> str:
    """The name of the column of a batch's gradient."""
    return f"batch {gradient}"


def with_batches(program: Program) -> Program:
    """The program with columns for the gradients and the loss of a batch, and an epoch's loss.

    The update uses the batch's gradients, so that it follows from them.
    """
    columns: list[Column] = []
    wholes: dict[Expr, Expr] = {}
    sums = [column for column in program if column.role is Role.GRADIENT_SUM]
    for column in program:
        changed = column
        if column.phase is Phase.UPDATE and wholes and column.formula is not None:
            formula = rewrite(column.formula, lambda node: wholes.get(node, node))
            changed = replace(column, formula=formula)
        columns.append(changed)
        if sums and column is sums[-1]:
            for summed in sums:
                gradient = summed.references[-1].name
                whole = Div(Ref(summed.name), LENGTH)
                name = batch_gradient(gradient)
                meaning = f"gradient of the batch: the sum or the mean of {gradient}"
                columns.append(
                    Column(name, Phase.UPDATE, Role.GRADIENT_USED, whole, meaning=meaning)
                )
                wholes[whole] = Ref(name)
    columns += _losses(program)
    if len({column.name for column in columns}) < len(columns):
        # A name that the program has already stays the program's.
        return program
    return replace(program, columns=tuple(columns))


def _losses(program: Program) -> Iterator[Column]:
    loss = program.loss
    if loss is None:
        return
    if BATCH_ROW in program.position:
        begins = Compare("=", Ref(BATCH_ROW), ONE)
        summed = _running("sum of the batch's losses", begins, Ref(loss.name), Role.LOSS)
        yield summed
        whole = Div(Ref(summed.name), LENGTH)
        yield Column(BATCH_LOSS, Phase.UPDATE, Role.LOSS, whole, meaning="loss of the batch")
    is_new = Compare("<>", Ref(EPOCH), Ref(EPOCH, 1))
    begins_epoch = If(Compare("=", Ref(ITERATION), ONE), ONE, is_new)
    summed = _running("sum of the epoch's losses", begins_epoch, Ref(loss.name), Role.LOSS)
    count = _running("examples of the epoch", begins_epoch, ONE, Role.UPDATES)
    yield from (summed, count)
    mean = Div(Ref(summed.name), Ref(count.name))
    yield Column(EPOCH_LOSS, Phase.UPDATE, Role.LOSS, mean, meaning="mean loss of the epoch")


def _running(name: str, begins: Expr, added: Expr, role: Role) -> Column:
    so_far = If(begins, ZERO, Ref(name, 1))
    return Column(name, Phase.UPDATE, role, Sum((so_far, added)), meaning=f"{name}, so far")
