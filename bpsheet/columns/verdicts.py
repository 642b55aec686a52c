"""The test columns: does the network of this row get each test example right?

The forward pass is repeated for each test example, with the example's inputs as numbers. A
verdict compares the outputs with the targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bpsheet.formula.tree import Call, Compare, Expr, Mul, Num, Ref, replace_refs
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Column
from bpsheet.tables.spec import Test

__all__ = ["LABELS", "names_of", "verdict_columns"]

LABELS = ("Incorrect", "Correct")


def names_of(test: Test) -> list[str]:
    """The tests' names: the given ones, else test 1, test 2, …"""
    return test.names or [f"test {index + 1}" for index in range(len(test.examples))]


def verdict_columns(
    test: Test, inputs: Sequence[str], outputs: Sequence[str], forward: Sequence[Column]
) -> list[Column]:
    """The columns of all test examples; `forward` is the forward pass without the loss."""
    columns: list[Column] = []
    verdicts: list[Column] = []
    for name, example in zip(names_of(test), test.examples, strict=True):
        values = dict(zip(inputs, example, strict=False))
        targets = example[len(inputs) :]
        renamed: dict[str, Expr] = {key: Num(value) for key, value in values.items()}
        for column in forward:
            own = f"{column.name} ({name})"
            assert column.formula is not None
            formula = replace_refs(
                column.formula, {Ref(known): expr for known, expr in renamed.items()}
            )
            renamed[column.name] = Ref(own)
            is_output = column.role is Role.OUTPUT
            columns.append(
                replace(
                    column,
                    name=own,
                    phase=Phase.TEST,
                    role=Role.TEST_OUTPUT if is_output else Role.TEST_SUM,
                    formula=formula,
                    partials=None,
                    slope_name=None,
                    adjoint_name=None,
                    meaning=f"{column.name} when the inputs are those of {name}",
                )
            )
        verdicts.append(
            Column(
                name=name,
                phase=Phase.TEST,
                role=Role.VERDICT,
                formula=_verdict(test, [renamed[output] for output in outputs], targets),
                labels=LABELS,
                meaning=f"whether this row's weights give the right answer for "
                f"{_described(values, outputs, targets)}",
            )
        )
    return [*columns, *verdicts]


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


def _described(values: dict[str, float], outputs: Sequence[str], targets: list[float]) -> str:
    given = ", ".join(f"{name} = {value:g}" for name, value in values.items())
    wanted = ", ".join(f"{name} = {t:g}" for name, t in zip(outputs, targets, strict=True))
    return f"{given} (target {wanted})"
