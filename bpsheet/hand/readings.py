"""Readings: other conventions that hold on a whole sheet, each as other formulas of the program.

Who writes the error as target minus output, and adds where others subtract, makes no mistake. A
reading is the program with the formulas of that convention. A sheet is judged by the reading that
leaves the fewest mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bpsheet.formula.tree import (
    Call,
    Div,
    Expr,
    Mul,
    Neg,
    Num,
    Param,
    Ref,
    Sub,
    Sum,
    replace_refs,
    rewrite,
)
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program

__all__ = ["Reading", "in_textbook_form", "readings_of"]

# The columns that the backward pass passes on, each in proportion to those before it.
PASSED_BACK = (Role.LOSS_DERIVATIVE, Role.ERROR, Role.DERIVATIVE, Role.GRADIENT)


# What e^z is, in the textbooks' form of softmax.
EXPONENTIAL = "exponential of the weighted sum"


@dataclass(frozen=True)
class Reading:
    """A convention: its name, a sentence, and the formulas that differ.

    `least` is how many mistakes fewer the sheet must have with it. A single number with another
    sign is a slip; only what agrees with it elsewhere makes it a convention.
    """

    name: str
    said: str
    changed: Mapping[str, Expr]
    least: int = 2

    def program(self, program: Program) -> Program:
        """The program in this reading."""
        columns = (
            replace(column, formula=self.changed[column.name])
            if column.name in self.changed
            else column
            for column in program
        )
        return replace(program, columns=tuple(columns))


def readings_of(program: Program) -> Iterator[Reading]:
    """The readings of a program, the most usual first."""
    if changed := _unshifted(program):
        yield Reading(
            "softmax without the shift",
            "softmax is computed without subtracting the largest sum",
            changed,
            least=1,
        )
    if changed := _shifted(program):
        yield Reading(
            "softmax with the shift",
            "softmax is computed with the largest sum subtracted from all",
            changed,
            least=1,
        )
    sides = ["target", "output"]
    if program.slope_sign < 0:
        sides.reverse()
    name = " minus ".join(sides)
    yield Reading(
        name,
        f"the error is taken as {name}, and the update has the opposite sign",
        _scaled(program, -1.0),
    )
    for count, what in _counts(program):
        yield Reading(
            f"1/{count} in the output's error",
            f"the mean over the {count} {what} is taken in the output's error, not in the update",
            _scaled(program, 1.0 / count),
        )
    for factor, said in ((2.0, "without the factor ½"), (0.5, "with a factor ½")):
        yield Reading(
            f"loss {said}",
            f"the loss and its derivatives are taken {said}",
            _scaled(program, factor, with_loss=True, compensated=False),
        )
    for turned, said in (
        (False, "inside the velocity"),
        (True, "inside the velocity, with its sign"),
    ):
        if changed := _rate_inside(program, turned=turned):
            yield Reading(f"learning rate {said}", f"the learning rate stands {said}", changed)


def _passed_back(column: Column) -> bool:
    return column.role in PASSED_BACK


def _uses(program: Program, column: Column, role: Role) -> bool:
    return any(program[ref.name].role is role for ref in column.references)


def _scaled(
    program: Program, factor: float, *, with_loss: bool = False, compensated: bool = True
) -> dict[str, Expr]:
    """The backward pass times a factor, from its first columns on.

    With `compensated` the update divides by the factor again.
    """
    back = {column.name for column in program if _passed_back(column)}
    changed: dict[str, Expr] = {}
    for column in program:
        if column.formula is None:
            continue
        uses = [ref for ref in column.references if ref.name in back]
        is_loss = column.role is Role.LOSS and not _uses(program, column, Role.LOSS)
        if (column.name in back and not uses) or (is_loss and with_loss):
            changed[column.name] = Mul(Num(factor), column.formula)
        elif column.phase is Phase.UPDATE and uses and compensated:
            divided = {ref: Div(ref, Num(factor)) for ref in uses}
            changed[column.name] = replace_refs(column.formula, divided)
    return changed


def _counts(program: Program) -> Iterator[tuple[int, str]]:
    """The numbers by which a mean may divide: the examples of a batch, the outputs."""
    sizes = {parameter.name: parameter.value for parameter in program.parameters}
    size = sizes.get("batch_size")
    if isinstance(size, float) and size > 1 and sizes.get("reduction") == "mean":
        yield int(size), "examples of the batch"
    outputs = sum(
        column.role is Role.OUTPUT and column.layer == program.last_layer for column in program
    )
    if outputs > 1 and outputs != size:
        yield outputs, "outputs"


def _unshifted(program: Program) -> dict[str, Expr]:
    """e^z in the place of e^(z − the largest z), and −ln y in the loss."""
    changed: dict[str, Expr] = {}
    for column in program:
        match column.formula:
            case Call("exp", (Sub(Ref(name) as z, Ref()),)) if column.role is Role.PART:
                if program[name].role is Role.SUM:
                    changed[column.name] = Call("exp", (z,))
    if changed:
        outputs = {
            (column.layer, column.neuron): column.name
            for column in program
            if column.role is Role.OUTPUT
        }
        for column in program:
            if column.role is Role.LOSS and column.formula is not None:
                plain = _with_outputs(program, column.formula, outputs)
                if plain != column.formula:
                    changed[column.name] = plain
    return changed


def _with_outputs(
    program: Program, formula: Expr, outputs: Mapping[tuple[int | None, str | None], str]
) -> Expr:
    """A loss with −ln y in the place of largest + ln(sum) − z, which is the same."""

    def plain(node: Expr) -> Expr:
        match node:
            case Sub(Sum((Ref(), Call("ln", (Ref(),)))), Ref(z)):
                summed = program[z]
                output = outputs.get((summed.layer, summed.neuron))
                if summed.role is Role.SUM and output is not None:
                    return Neg(Call("ln", (Ref(output),)))
        return node

    return rewrite(formula, plain)


def _shifted(program: Program) -> dict[str, Expr]:
    """e^(z − the largest z) in the place of e^z."""
    powers: dict[int | None, dict[str, Expr]] = {}
    for column in program:
        match column.formula:
            case Call("exp", (Ref() as z,)) if column.role is Role.PART:
                powers.setdefault(column.layer, {})[column.name] = z
    return {
        name: Call("exp", (Sub(z, Call("max", tuple(sums.values()))),))
        for sums in powers.values()
        for name, z in sums.items()
    }


def in_textbook_form(program: Program) -> Program:
    """The program with softmax as textbooks write it, e^z over the sum of all e^z.

    >>> import bpsheet as bp
    >>> names = in_textbook_form(bp.load("iris").program(1)).names
    >>> "exp_p_setosa" in names, "max_z2" in names
    (True, False)
    """
    changed = _unshifted(program)
    if not changed:
        return program
    columns = [
        replace(
            column,
            formula=changed[column.name],
            meaning=EXPONENTIAL if column.role is Role.PART else column.meaning,
        )
        if column.name in changed
        else column
        for column in program
    ]
    used = {ref.name for column in columns for ref in column.references}
    parts = (column for column in program if column.role is Role.PART)
    idle = {column.name for column in parts} - used
    return replace(program, columns=tuple(c for c in columns if c.name not in idle))


def _rate_inside(program: Program, *, turned: bool) -> dict[str, Expr]:
    """The gradient times the learning rate in the velocity, and the velocity as the adjustment."""
    memory = [column for column in program if column.role is Role.MEMORY]
    changed: dict[str, Expr] = {}
    for column in memory:
        assert column.formula is not None
        used = [
            r for r in column.references if program[r.name].phase in (Phase.GRADIENT, Phase.UPDATE)
        ]
        gradients = [r for r in used if program[r.name].role is not Role.MEMORY and not r.lag]
        if len(gradients) != 1:
            return {}
        rate: Expr = Param("learning_rate")
        step = Mul(Neg(rate) if turned else rate, gradients[0])
        changed[column.name] = replace_refs(column.formula, {gradients[0]: step})
    for column in program:
        if column.role is Role.ADJUSTMENT and column.formula is not None and memory:
            bare = _without_rate(column.formula, turned=turned)
            if bare == column.formula:
                return {}
            changed[column.name] = bare
    return changed


def _without_rate(formula: Expr, *, turned: bool) -> Expr:
    """An adjustment without its factor, the learning rate; with `turned` without its sign too."""

    def bare(node: Expr) -> Expr:
        match node:
            case Mul(Neg(Param("learning_rate")), kept):
                return kept if turned else Neg(kept)
            case Mul(Param("learning_rate"), kept):
                return Neg(kept) if turned else kept
        return node

    return rewrite(formula, bare)
