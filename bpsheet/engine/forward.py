"""The loss as a function of the weights, at the values of one iteration.

It is the program's own forward pass, compiled over real or complex numbers. It does not use the
backward pass, so a gradient from it is independent of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bpsheet.engine.lines import code_for
from bpsheet.formula import arithmetic
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.tree import Call, Compare, Ref
from bpsheet.printers.python import ENVIRONMENT, PythonPrinter, function_name
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Parameter, Program

__all__ = ["REAL", "ComplexPrinter", "compiled", "loss_function"]

Number = Any  # a float, or a complex number


class ComplexPrinter(PythonPrinter):
    """Python over complex numbers: comparisons compare the real parts."""

    def comparison(self, node: Compare) -> str:
        return super().comparison(
            Compare(node.operator, Call("real", (node.left,)), Call("real", (node.right,)))
        )

    def call(self, node: Call) -> str:
        if node.function == "real":
            return f"real({self.text(node.arguments[0])})"
        return super().call(node)


REAL: Mapping[str, Callable[..., Number]] = ENVIRONMENT
COMPLEX: Mapping[str, Callable[..., Number]] = {
    "added": arithmetic.added,
    "finite": arithmetic.complex_finite,
    "power": arithmetic.complex_power,
    "real": arithmetic.real,
    **{function_name(name): function.over_complex for name, function in FUNCTIONS.items()},
}


def compiled(
    columns: Sequence[Column],
    given: Sequence[str],
    results: Sequence[str],
    parameters: Sequence[Parameter],
    *,
    over_complex: bool = False,
) -> Callable[[Sequence[Number]], tuple[Number, ...]]:
    """A function from the values of the `given` columns to the values of the `results`.

    `columns` are the formulas in order; `parameters` are numbers in them. The function raises ArithmeticError or ValueError where a
    formula has no value.
    """
    names = [*given, *(column.name for column in columns)]
    position = {name: index for index, name in enumerate(names)}
    kind = ComplexPrinter if over_complex else PythonPrinter

    def variable(ref: Ref) -> str:
        return f"v{position[ref.name]}"

    numbers = {parameter.name: parameter.value for parameter in parameters}
    printer = kind(variable, parameter=lambda name: repr(numbers[name]), lookup_table=_nowhere)
    lines = ["def run(given):"]
    if given:
        lines.append(f"    {','.join(f'v{index}' for index in range(len(given)))}, = given")
    for column in columns:
        assert column.formula is not None
        lines.append(f"    v{position[column.name]} = {printer.text(column.formula)}")
    lines.append(f"    return ({''.join(f'v{position[name]},' for name in results)})")
    scope: dict[str, Any] = dict(COMPLEX if over_complex else REAL)
    exec(code_for("\n".join(lines), "<forward pass>"), scope)  # noqa: S102
    return scope["run"]  # type: ignore[no-any-return]


def _nowhere(name: str) -> str:
    raise TypeError(f"a forward pass does not look up {name}")


def loss_function(
    program: Program, values: Mapping[str, float], *, over_complex: bool = False
) -> Callable[[Mapping[str, Number]], Number]:
    """The loss as a function of changed values of some weights or inputs.

    `values` has the values of the others. The function raises ArithmeticError or ValueError where
    the changed forward pass has no value.
    """
    loss = program.loss
    assert loss is not None
    forward = program.phase(Phase.FORWARD)
    given = [column.name for column in program.phase(Phase.INPUT, Phase.WEIGHT)]
    run = compiled(forward, given, [loss.name], program.parameters, over_complex=over_complex)
    before = {name: values[name] for name in given}

    def loss_at(changes: Mapping[str, Number]) -> Number:
        return run(list((before | dict(changes)).values()))[0]

    return loss_at
