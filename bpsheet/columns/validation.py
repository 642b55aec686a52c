"""The validation columns: the loss of each row's network on examples that train nothing.

The forward pass is repeated for each validation example, as it is for tests. With a patience, the
training stops by itself: from then on every adjustment is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from bpsheet.columns.before import at_first
from bpsheet.columns.presentation import INPUTS, TARGETS
from bpsheet.columns.verdicts import Presented, passed_again
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Num,
    Param,
    Ref,
    Sub,
    Sum,
    total,
)
from bpsheet.program.column import Column
from bpsheet.program.kinds import ITERATION, STOPPED, VALIDATION_LOSS, Phase, Role
from bpsheet.program.quantities import Band, Quantity, Scope, alone
from bpsheet.tables.data import Validation

__all__ = ["stopping_bands", "validation_bands"]

LOSS, BEST, WAITED = VALIDATION_LOSS, "best_validation_loss", "epochs_waited"
# By the role of a column, the role that it has for a validation example.
ROLES = {Role.OUTPUT: Role.VALIDATION_OUTPUT, Role.LOSS: Role.VALIDATION_LOSS}


def validation_bands(
    validation: Validation,
    forward: Sequence[Band],
    loss: Quantity,
    scope: Scope,
    *,
    inputs: int,
    presented: Presented,
) -> list[Band]:
    """The bands of all validation examples, and the mean of their losses.

    `inputs` is the number of raw inputs, `presented` makes the bands of an example's prepared ones,
    `forward` is the forward pass without the loss, `loss` the loss of an example by itself.
    """
    bands: list[Band] = []
    losses: list[Expr] = []
    for number, example in enumerate(validation.examples, start=1):
        name = f"validation {number}"
        own = {q.name: f"{q.name} ({name})" for band in forward for q in band.quantities}
        own |= {array: f"{array} ({name})" for array in (INPUTS, TARGETS)}
        bands += presented(
            name, values=[Num(value) for value in example[:inputs]], phase=Phase.VALIDATION
        )
        scope.put(own[TARGETS], [Num(value) for value in example[inputs:]])
        renamed = {Ref(known): Ref(here) for known, here in own.items()}
        for band in (*forward, Band((loss,))):
            again = [
                passed_again(q, name, renamed, scope, phase=Phase.VALIDATION, roles=ROLES)
                for q in band.quantities
            ]
            bands.append(Band(tuple(again)))
        losses.append(Ref(f"{loss.name} ({name})"))
    whole = total(losses)
    mean = _column(
        LOSS,
        Role.VALIDATION_LOSS,
        Div(whole, Num(float(len(losses)))) if len(losses) > 1 else whole,
        "mean loss of this row's network over the validation examples",
    )
    return [*bands, *alone([mean])]


def stopping_bands(examples: int, *, uphill: bool) -> list[Band]:
    """The columns that stop the training early (Prechelt 1998).

    Once in an epoch, in its first row, the validation loss is compared with the best one so far.
    Where it was not better `patience` times in a row, the training is stopped.
    """
    loss, waited = Ref(LOSS), Ref(WAITED)
    is_better = Compare(">" if uphill else "<", loss, Ref(BEST, lag=1))
    best = Call("max" if uphill else "min", (Ref(BEST, lag=1), loss))
    more = Sum((Ref(WAITED, lag=1), Num(1.0)))
    return alone(
        [
            _column(
                BEST,
                Role.STOPPING,
                at_first(loss, _each_epoch(best, Ref(BEST, lag=1), examples)),
                "best validation loss so far, at the beginning of an epoch",
            ),
            _column(
                WAITED,
                Role.STOPPING,
                at_first(
                    Num(0.0),
                    _each_epoch(If(is_better, Num(0.0), more), Ref(WAITED, lag=1), examples),
                ),
                "number of epochs since the validation loss was last better than before",
            ),
            _column(
                STOPPED,
                Role.STOPPING,
                If(Compare(">=", waited, Param("patience")), Num(1.0), Num(0.0)),
                (
                    "stop: 1 from the row where the patience has run out; from then on no weight "
                    "moves"
                ),
            ),
        ]
    )


def _each_epoch(begins: Expr, otherwise: Expr, examples: int) -> Expr:
    """A formula for the first row of an epoch, and one for the others."""
    if examples == 1:
        return begins
    row = Call("mod", (Sub(Ref(ITERATION), Num(1.0)), Num(float(examples))))
    return If(Compare("=", row, Num(0.0)), begins, otherwise)


def _column(name: str, role: Role, formula: Expr, meaning: str) -> Column:
    return Column(name, Phase.VALIDATION, role, formula, meaning=meaning)
