"""The test columns: does the network of this row get each test example right?

The forward pass is repeated for each test example, with the example's inputs as numbers. A
verdict compares the outputs with the targets. Where a test repeats an example of the data, its
columns are also made over the data (`bpsheet.columns.repeated`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bpsheet.columns.presentation import INPUTS
from bpsheet.columns.repeated import Repeated, kept_apart, repeated_in
from bpsheet.formula.tree import Call, Compare, Expr, If, Mul, Num, Ref, replace_refs
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.quantities import Band, Quantity, Scope, alone
from bpsheet.tables.data import Test

__all__ = ["LABELS", "Presented", "names_of", "passed_again", "verdict_bands"]

# Makes the bands of the inputs of a further example, from its name, raw inputs and phase.
Presented = Callable[..., list[Band]]
LABELS = ("Incorrect", "Correct")
# By the role of a column, the role that it has for a test.
ROLES = {Role.OUTPUT: Role.TEST_OUTPUT}


def names_of(test: Test) -> list[str]:
    """The tests' names: the given ones, else test 1, test 2, …"""
    return test.names or [f"test {index + 1}" for index in range(len(test.examples))]


def verdict_bands(
    test: Test,
    outputs: str,
    forward: Sequence[Band],
    scope: Scope,
    *,
    inputs: Sequence[str],
    presented: Presented,
    data: Mapping[str, Sequence[float]],
) -> list[Band]:
    """The bands of all test examples.

    `inputs` names the raw inputs; `presented` makes the bands of an example's prepared ones, and
    `forward` is the forward pass without the loss, `outputs` the array of the network's outputs.
    `data` are the columns of the data, inputs before targets.
    """
    bands: list[Band] = []
    verdicts: list[Column] = []
    names = [ref.name for ref in scope.cells[outputs]]
    for name, example in zip(names_of(test), test.examples, strict=True):
        count = len(inputs)
        values, targets = dict(zip(inputs, example, strict=False)), example[count:]
        own_bands: list[Band] = []
        repeated = repeated_in(data, example)
        entries = [Num(value) for value in example] if repeated is None else repeated.entries
        own = {q.name: f"{q.name} ({name})" for band in forward for q in band.quantities}
        own[INPUTS] = f"{INPUTS} ({name})"
        own_bands += presented(name, values=entries[:count], phase=Phase.TEST)
        renamed = {Ref(known): Ref(here) for known, here in own.items()}
        for band in forward:
            own_quantities = [passed_again(q, name, renamed, scope) for q in band.quantities]
            own_bands.append(Band(tuple(own_quantities)))
        ends = list(scope.cells[own[outputs]])
        verdict = Column(
            name=name,
            phase=Phase.TEST,
            role=Role.VERDICT,
            formula=_verdict(test, ends, targets),
            labels=LABELS,
            meaning="whether this row's weights give the right answer for "
            f"{_described(values, names, targets)}",
        )
        if repeated is not None:
            verdict = _over_data(verdict, _open_verdict(test, ends, entries[count:]), repeated)
            own_bands = kept_apart(own_bands, repeated, scope, own[INPUTS])
        bands += own_bands
        verdicts.append(verdict)
    return [*bands, *alone(verdicts)]


def passed_again(
    quantity: Quantity,
    test: str,
    renamed: Mapping[Ref, Expr],
    scope: Scope,
    *,
    phase: Phase = Phase.TEST,
    roles: Mapping[Role, Role] = ROLES,
) -> Quantity:
    """A quantity of the forward pass, for the inputs of a test.

    `roles` has the roles that columns have there; those of other roles count as weighted sums.
    """

    def make(index: tuple[int, ...], formula: Expr, _: object) -> Column:
        column: Column = quantity.columns[index]
        return replace(
            column,
            name=f"{column.name} ({test})",
            phase=phase,
            role=roles.get(column.role, Role.TEST_SUM),
            formula=formula,
            partials=None,
            slope_name=None,
            adjoint_name=None,
            turned=False,
            meaning=f"value of {column.name} with the inputs of {test}",
        )

    assert quantity.formula is not None
    return scope.quantity(
        f"{quantity.name} ({test})",
        quantity.each(lambda column: f"{column.name} ({test})"),
        replace_refs(quantity.formula, renamed),
        make,
    )


def _verdict(test: Test, outputs: list[Expr], targets: list[float]) -> Expr:
    """The formula of a verdict: a comparison, or a product of comparisons, 1 where all hold."""
    if test.correct == "largest":
        best = targets.index(max(targets))
        others = tuple(y for index, y in enumerate(outputs) if index != best)
        rival = others[0] if len(others) == 1 else Call("max", others)
        return Compare(">", outputs[best], rival)
    border = test.threshold if test.correct == "threshold" else 0.0
    whole: Expr | None = None
    for output, target in zip(outputs, targets, strict=True):
        side = Compare(">" if target > border else "<", output, Num(border))
        whole = side if whole is None else Mul(whole, side)
    assert whole is not None
    return whole


def _open_verdict(test: Test, outputs: list[Expr], targets: Sequence[Expr]) -> Expr:
    """The formula of a verdict where the targets are cells: which side is right depends on them."""
    if test.correct == "largest":
        return _largest(outputs, targets)
    border = Num(test.threshold if test.correct == "threshold" else 0.0)
    whole: Expr | None = None
    for output, target in zip(outputs, targets, strict=True):
        above, below = (Compare(sign, output, border) for sign in "><")
        side = If(Compare(">", target, border), above, below)
        whole = side if whole is None else Mul(whole, side)
    assert whole is not None
    return whole


def _largest(outputs: Sequence[Expr], targets: Sequence[Expr]) -> Expr:
    """Whether the output with the largest target is the largest: each target is tried in turn."""

    def most(values: Sequence[Expr]) -> Expr:
        return values[0] if len(values) == 1 else Call("max", tuple(values))

    def is_best(index: int) -> Expr:
        return Compare(">", outputs[index], most([*outputs[:index], *outputs[index + 1 :]]))

    last = len(outputs) - 1
    whole = is_best(last)
    for index in reversed(range(last)):
        is_wanted = Compare(">=", targets[index], most(targets[index + 1 :]))
        whole = If(is_wanted, is_best(index), whole)
    return whole


def _over_data(verdict: Column, formula: Expr, repeated: Repeated) -> Column:
    """A verdict with the column that has its targets in the data."""
    meaning = (
        f"whether this row's weights give the right answer for example {repeated.number} of the "
        "data, with the inputs and targets that now stand on the sheet Data"
    )
    return replace(verdict, from_data=replace(verdict, formula=formula, meaning=meaning))


def _described(values: dict[str, float], outputs: Sequence[str], targets: list[float]) -> str:
    given = ", ".join(f"{name} = {value:g}" for name, value in values.items())
    wanted = ", ".join(f"{name} = {t:g}" for name, t in zip(outputs, targets, strict=True))
    return f"{given} (target {wanted})"
