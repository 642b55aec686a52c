"""Slips: the small mistakes that people make, each as one change to a formula.

A slip is the column's formula with one mistake, and a sentence that names the mistake. Slips are
data: the judge evaluates them and names the slip that gives the written value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Mul,
    Neg,
    Num,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    children,
    rebuild,
    replace_refs,
    size,
    total,
)
from bpsheet.program.kinds import Role
from bpsheet.program.program import Column, Program

__all__ = ["Slip", "slips_of", "written_out"]

# The most nodes of a formula into which unwritten columns are put.
MAX_SIZE = 400


@dataclass(frozen=True)
class Slip:
    """One wrong form of a formula. `rank` is its rank by likelihood, from 0 for the likeliest."""

    kind: str
    formula: Expr
    reason: str
    rank: int


# From the most to the least likely.
KINDS = (
    "sign",
    "derivative left out",
    "derivative in part",
    "derivative of the sum",
    "bias left out",
    "learning rate left out",
    "half or double",
    "updated weight",
    "sum for mean",
    "square left out",
    "activation left out",
    "factor left out",
    "wrong input",
    "wrong weight",
    "wrong error term",
    "term left out",
)


def written_out(program: Program, column: Column, is_written: Callable[[Ref], bool]) -> Expr | None:
    """A column's formula, into which the formulas of unwritten columns are put.

    Inputs, weights and written columns stay references.
    """
    if column.formula is None:
        return None
    given = (Role.DATA, Role.TARGET, Role.WEIGHT, Role.EXAMPLE, Role.BATCH_ROW, Role.BATCH_END)

    def put_in(ref: Ref) -> Expr:
        used = program[ref.name]
        if ref.lag or used.role in given or is_written(ref) or used.formula is None:
            return ref
        return replace_refs(used.formula, put_in)

    made = replace_refs(column.formula, put_in)
    return made if size(made) <= MAX_SIZE else column.formula


def slips_of(program: Program, column: Column, formula: Expr) -> Iterator[Slip]:
    """The slips of a formula, the likeliest first. No two slips give the same formula."""
    found: dict[Expr, Slip] = {}
    for kind, wrong, reason in _changes(program, column, formula):
        if wrong != formula and wrong not in found:
            found[wrong] = Slip(kind, wrong, reason, KINDS.index(kind))
    yield from sorted(found.values(), key=lambda slip: slip.rank)


# The roles of the columns that the backward pass passes on.
PASSED_BACK = (Role.ERROR, Role.DERIVATIVE, Role.GRADIENT)
Change = tuple[str, Expr, str]


def _changes(program: Program, column: Column, formula: Expr) -> Iterator[Change]:
    if column.role is not Role.WEIGHT:
        yield "sign", Neg(formula), "the sign is turned"
    if column.role in (Role.LOSS, Role.LOSS_DERIVATIVE, *PASSED_BACK):
        yield "half or double", Mul(Num(2.0), formula), "the value is twice the right one"
        yield "half or double", Mul(Num(0.5), formula), "the value is half of the right one"
    for path in _paths(formula):
        node = _at(formula, path)
        for kind, wrong, reason in _node_changes(program, column, node):
            yield kind, _replaced(formula, path, wrong), reason


def _paths(expr: Expr, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    yield path
    for index, operand in enumerate(children(expr)):
        yield from _paths(operand, (*path, index))


def _at(expr: Expr, path: tuple[int, ...]) -> Expr:
    for index in path:
        expr = children(expr)[index]
    return expr


def _replaced(expr: Expr, path: tuple[int, ...], new: Expr) -> Expr:
    if not path:
        return new
    operands = list(children(expr))
    operands[path[0]] = _replaced(operands[path[0]], path[1:], new)
    return rebuild(expr, tuple(operands))


def _node_changes(program: Program, column: Column, node: Expr) -> Iterator[Change]:
    match node:
        case Neg(operand):
            yield "sign", operand, "a minus sign is left out"
        case Sub(left, right):
            yield from _difference(left, right)
        case Mul(left, right):
            yield from _product(program, column, left, right)
        case Div(left, If() | Num()):
            yield "sum for mean", left, "the value is the sum, where the mean was asked"
        case Div(left, Sub(Num(1.0), Pow())):
            yield "factor left out", left, "the correction for the start at 0 is left out"
        case Pow(base, Num(2.0)):
            yield "square left out", base, "the square is left out"
        case Sum(terms):
            yield from _sum(program, column, terms)
        case Call(function, (argument,)) if function in ("tanh", "logistic", "exp"):
            yield "activation left out", argument, f"{function} is left out"
            yield (
                "sign",
                Call(function, (Neg(argument),)),
                f"the sign of the argument of {function} is turned",
            )
        case Ref():
            yield from _other_refs(program, column, node)
        case Compare():
            return


def _difference(left: Expr, right: Expr) -> Iterator[Change]:
    yield "sign", Sub(right, left), "the two sides of a difference are exchanged"
    yield "sign", Sum((left, right)), "a plus stands where a minus belongs"
    if isinstance(left, Num):
        yield "derivative in part", right, "the part “1 −” is left out"


def _product(program: Program, column: Column, left: Expr, right: Expr) -> Iterator[Change]:
    for dropped, kept in ((right, left), (left, right)):
        if isinstance(dropped, Num):
            if dropped.value != 1:
                yield "half or double", kept, f"the factor {dropped.value:g} is left out"
            continue
        if isinstance(dropped, Neg):
            # Of −learning rate people forget the rate, but keep the sign.
            inner_kind, inner_what = _factor(program, dropped.operand)
            yield inner_kind, Neg(kept), f"{inner_what} is left out"
        kind, what = _factor(program, dropped)
        if kind == "derivative in part" and column.role not in (
            Role.OUTPUT_DERIVATIVE,
            Role.ADJUSTMENT,
            *PASSED_BACK,
        ):
            kind = "factor left out"
        yield kind, kept, f"{what} is left out"


def _factor(program: Program, dropped: Expr) -> tuple[str, str]:
    """The kind of slip that leaves a factor out, and the factor's name."""
    inner = dropped.operand if isinstance(dropped, Neg) else dropped
    match inner:
        case Param("learning_rate"):
            return "learning rate left out", "the learning rate"
        case Ref(name):
            role = program[name].role
            if role is Role.RATE:
                return "learning rate left out", "the learning rate"
            if role is Role.OUTPUT_DERIVATIVE:
                return "derivative left out", f"{name}, the derivative of the output,"
            return "factor left out", f"the factor {name}"
        case Mul(y, Sub(Num(1.0), again)) if y == again:
            return "derivative left out", "the derivative of the output"
        case Sub(Num(1.0), Pow()):
            return "derivative left out", "the derivative of the output"
        case Sub(Num(1.0), _):
            return "derivative in part", "the factor “1 − output” of the derivative"
    return "factor left out", "a factor"


def _sum(program: Program, column: Column, terms: tuple[Expr, ...]) -> Iterator[Change]:
    for index, term in enumerate(terms):
        rest = total([*terms[:index], *terms[index + 1 :]])
        match term:
            case Mul(Num(1.0), Ref(name)) if program[name].role is Role.WEIGHT:
                yield "bias left out", rest, f"the bias {name} is left out"
            case Ref() if column.role is Role.WEIGHT:
                turned = [*terms[:index], Neg(term), *terms[index + 1 :]]
                if program[term.name].role is Role.ADJUSTMENT:
                    yield (
                        "sign",
                        total(turned),
                        f"{term.name} is subtracted, though it has its sign already",
                    )
            case _:
                yield "term left out", rest, "a term of the sum is left out"


def _other_refs(program: Program, column: Column, ref: Ref) -> Iterator[Change]:
    """The slips that use another column: a neighbour's, or the same one of the next row."""
    used = program[ref.name]
    if used.role is Role.WEIGHT and not ref.lag:
        if column.role in (Role.ADJUSTMENT, *PASSED_BACK):
            # Lag −1: the row after, where the weight has been updated.
            yield (
                "updated weight",
                Ref(ref.name, -1),
                f"the updated {ref.name} is used, where the old one belongs",
            )
        yield from _swapped(program, ref, "wrong weight", Role.WEIGHT)
    elif used.role is Role.DATA:
        yield from _swapped(program, ref, "wrong input", Role.DATA)
    elif used.role is Role.ERROR:
        yield from _swapped(program, ref, "wrong error term", Role.ERROR)
    elif used.role is Role.OUTPUT and column.role is Role.OUTPUT_DERIVATIVE:
        summed = next((ref.name for ref in used.references), ref.name)
        if summed in program.position and program[summed].role is Role.SUM:
            yield (
                "derivative of the sum",
                Ref(summed),
                (
                    f"the derivative is written in terms of the output {ref.name}, "
                    f"but {summed}, the weighted sum, is put in"
                ),
            )


def _swapped(program: Program, ref: Ref, kind: str, role: Role) -> Iterator[Change]:
    used = program[ref.name]
    for other in program:
        if other.role is role and other.layer == used.layer and other.name != ref.name:
            yield kind, Ref(other.name, ref.lag), f"{other.name} is used, where {ref.name} belongs"
