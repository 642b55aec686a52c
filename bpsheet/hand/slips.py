"""Slips: the small mistakes that people make, each as one change to a column's formula.

A slip is the column's formula with one mistake, and a sentence that names the mistake. Slips are
data: the judge evaluates them and names the slip that gives the written value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, islice

from bpsheet.formula.tree import (
    ONE,
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
    total,
    walk,
)
from bpsheet.program.column import Column
from bpsheet.program.kinds import PRESENTED, Phase, Role
from bpsheet.program.program import Program

__all__ = ["Slip", "Slips"]

# The most weights of a neuron, or derivatives of a program, that are tried in another's place.
MOST_OTHERS = 12
# The most nodes of a formula that is searched for slips.
MOST_NODES = 400


@dataclass(frozen=True)
class Slip:
    """One wrong form of a column's formula.

    kind:   the name of the mistake, one of `KINDS`
    column: the column whose formula is wrong
    reason: the end of a sentence that names the mistake
    rank:   its rank by likelihood, from 0 for the likeliest
    shape:  what the same mistake has in common in other columns of the same kind
    """

    kind: str
    column: str
    formula: Expr
    reason: str
    rank: int
    shape: tuple[object, ...]


# From the most to the least likely.
KINDS = (
    "wrong sign",
    "derivative left out",
    "part of the derivative left out",
    "sum in place of the output",
    "derivative taken twice",
    "derivative of another neuron",
    "bias left out",
    "learning rate left out",
    "factor 2 or ½",
    "weight after its update",
    "sum instead of mean",
    "mean taken twice",
    "batch sum left out",
    "square left out",
    "activation left out",
    "exp left out",
    "wrong logarithm",
    "weights not transposed",
    "exchanged weights",
    "factor left out",
    "wrong input",
    "wrong weight",
    "wrong error term",
    "term left out",
)


# The roles of the columns that the backward pass passes on.
PASSED_BACK = (Role.ERROR, Role.DERIVATIVE, Role.GRADIENT)
Change = tuple[str, Expr, str]


class Slips:
    """The slips of a program's columns, each found once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._of: dict[str, tuple[Slip, ...]] = {}

    def of(self, name: str) -> tuple[Slip, ...]:
        """The slips of a column, the likeliest first. No two slips give the same formula."""
        if name not in self._of:
            column = self.program[name]
            found: dict[Expr, Slip] = {}
            for kind, wrong, reason, shape in self._changes(column):
                if wrong != column.formula and wrong not in found:
                    rank = KINDS.index(kind)
                    found[wrong] = Slip(kind, name, wrong, reason, rank, (kind, *shape))
            self._of[name] = tuple(sorted(found.values(), key=lambda slip: slip.rank))
        return self._of[name]

    def alike(self, slip: Slip, among: Iterable[str]) -> dict[str, Expr]:
        """The wrong formulas, if the same mistake is made in all columns of its kind and layer."""
        column = self.program[slip.column]
        changed = {}
        for name in among:
            other = self.program[name]
            if (other.role, other.layer) == (column.role, column.layer):
                like = next((s for s in self.of(name) if s.shape == slip.shape), None)
                if like is not None:
                    changed[name] = like.formula
        return changed | {slip.column: slip.formula}

    def _changes(self, column: Column) -> Iterator[tuple[str, Expr, str, tuple[object, ...]]]:
        formula = column.formula
        if column.role in PRESENTED and formula is not None:
            yield "wrong sign", Neg(formula), "the sign is reversed", ()
        if formula is None or column.phase is Phase.INPUT:
            return
        if column.role is not Role.WEIGHT:
            yield "wrong sign", Neg(formula), "the sign is reversed", ()
        if column.role in (Role.LOSS, Role.LOSS_DERIVATIVE, *PASSED_BACK):
            yield (
                "factor 2 or ½",
                Mul(Num(2.0), formula),
                "a factor ½ is left out, or a factor 2 is put in",
                (2,),
            )
            yield (
                "factor 2 or ½",
                Mul(Num(0.5), formula),
                "a factor 2 is left out, or a factor ½ is put in",
                (0.5,),
            )
        for number, change in enumerate(self._whole_changes(column, formula)):
            yield *change, ("whole", number)
        paths = list(islice(_paths(formula), MOST_NODES + 1))
        if len(paths) > MOST_NODES:
            return
        for path in paths:
            node = _at(formula, path)
            for number, (kind, wrong, reason) in enumerate(
                _node_changes(self.program, column, node)
            ):
                yield kind, _replaced(formula, path, wrong), reason, (path, number)

    def _whole_changes(self, column: Column, formula: Expr) -> Iterator[Change]:
        """The slips that concern the column as a whole, by what it is."""
        neuron = column.neuron
        match column.role:
            case Role.ERROR:
                slope = self._slope(column)
                if slope is not None:
                    said = f"the derivative of {neuron}'s output is taken twice"
                    yield "derivative taken twice", Mul(formula, slope), said
                yield from self._transposed(column, formula)
                weights = [r for r in column.references if self.program[r.name].role is Role.WEIGHT]
                updated = replace_refs(formula, {r: Ref(r.name, -1) for r in weights})
                yield "weight after its update", updated, "the weights are used after their update"
            case Role.OUTPUT_DERIVATIVE if not isinstance(formula, Num):
                said = f"the derivative of {neuron}'s output is taken as 1"
                yield "derivative left out", ONE, said
            case Role.OUTPUT if len(column.references) == 1 and not isinstance(formula, Ref):
                said = f"the activation of {neuron} is left out"
                yield "activation left out", column.references[0], said
            case Role.PART:
                match formula:
                    case Call("exp", (Sub(Ref() as z, Ref()),)):
                        yield "exp left out", z, "exp is left out"
            case Role.SUM:
                yield from self._exchanged(column, formula)
            case Role.LOSS if any(
                isinstance(n, Call) and n.function == "ln" for n in walk(formula)
            ):
                wrong = Div(formula, Call("ln", (Num(10.0),)))
                said = "the logarithm to base 10 is taken instead of ln"
                yield "wrong logarithm", wrong, said

    def _slope(self, column: Column) -> Expr | None:
        """The derivative of the neuron's output with respect to its own weighted sum."""
        for other in self.program:
            if (other.layer, other.neuron) != (column.layer, column.neuron):
                continue
            if other.role is Role.OUTPUT_DERIVATIVE:
                return Ref(other.name)
            if other.role is Role.OUTPUT and column.layer == self.program.last_layer:
                y = Ref(other.name)
                return Mul(y, Sub(ONE, y))
        return None

    @cached_property
    def _matrices(self) -> Mapping[int, list[list[str]]]:
        """The weights of each layer, a row for each neuron, without biases."""
        found: dict[int, list[list[str]]] = {}
        for column in self.program:
            if column.role is Role.SUM and column.layer is not None and column.formula is not None:
                terms = (
                    column.formula.terms if isinstance(column.formula, Sum) else (column.formula,)
                )
                row = [
                    term.right.name
                    for term in terms
                    if isinstance(term, Mul)
                    and isinstance(term.left, Ref)
                    and isinstance(term.right, Ref)
                ]
                found.setdefault(column.layer, []).append(row)
        return found

    def _transposed(self, column: Column, formula: Expr) -> Iterator[Change]:
        """Weights of the next layer, taken along its rows where the columns belong."""
        matrix = self._matrices.get((column.layer or 0) + 1, [])
        if not 1 < len(matrix) == len(matrix[0]):
            return
        across = {
            Ref(matrix[row][at]): Ref(matrix[at][row])
            for row in range(len(matrix))
            for at in range(len(matrix))
        }
        wrong = replace_refs(formula, across)
        yield "weights not transposed", wrong, "the weights' matrix is not transposed"

    def _exchanged(self, column: Column, formula: Expr) -> Iterator[Change]:
        weights = [r for r in column.references if self.program[r.name].role is Role.WEIGHT]
        if len(weights) <= MOST_OTHERS:
            for one, other in combinations(weights, 2):
                wrong = replace_refs(formula, {one: other, other: one})
                yield "exchanged weights", wrong, f"{one.name} and {other.name} are exchanged"


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
        case Div(Ref() as used, If() as length) if column.phase is Phase.UPDATE:
            yield "sum instead of mean", used, "the sum is taken instead of the mean"
            yield "mean taken twice", Div(node, length), "the mean is taken twice"
        case Neg(operand):
            yield "wrong sign", operand, "a minus sign is left out"
        case Sub(left, right):
            yield from _difference(left, right)
        case Mul(left, right):
            yield from _product(program, column, left, right)
        case Div(left, If() | Num()):
            yield "sum instead of mean", left, "the sum is taken instead of the mean"
        case Div(left, Sub(Num(1.0), Pow())):
            yield "factor left out", left, "the correction for the start at 0 is left out"
        case Pow(base, Num(2.0)):
            yield "square left out", base, "the square is left out"
        case Sum(terms):
            yield from _sum(program, column, terms)
        case Call("ln"):
            wrong = Div(node, Call("ln", (Num(10.0),)))
            yield "wrong logarithm", wrong, "the logarithm to base 10 is taken instead of ln"
        case Call(function, (argument,)) if function in ("tanh", "logistic", "exp"):
            yield "activation left out", argument, f"{function} is left out"
            yield (
                "wrong sign",
                Call(function, (Neg(argument),)),
                f"the sign of the argument of {function} is reversed",
            )
        case Ref():
            yield from _other_refs(program, column, node)
        case Compare():
            return


def _difference(left: Expr, right: Expr) -> Iterator[Change]:
    yield "wrong sign", Sub(right, left), "the two sides of a difference are exchanged"
    yield "wrong sign", Sum((left, right)), "a plus is written instead of a minus"
    if isinstance(left, Num):
        yield "part of the derivative left out", right, "the part “1 −” is left out"


def _product(program: Program, column: Column, left: Expr, right: Expr) -> Iterator[Change]:
    for dropped, kept in ((right, left), (left, right)):
        if isinstance(dropped, Num):
            if dropped.value != 1:
                yield "factor 2 or ½", kept, f"the factor {dropped.value:g} is left out"
            continue
        if isinstance(dropped, Neg):
            # Of −learning rate people forget the rate, but keep the sign.
            inner_kind, inner_what = _factor(program, dropped.operand)
            yield inner_kind, Neg(kept), f"{inner_what} is left out"
        kind, what = _factor(program, dropped)
        if kind == "part of the derivative left out" and column.role not in (
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
                neuron = program[name].neuron
                return "derivative left out", f"{name}, the derivative of {neuron}'s output,"
            return "factor left out", f"the factor {name}"
        case Mul(y, Sub(Num(1.0), again)) if y == again:
            return "derivative left out", "the derivative of the output"
        case Sub(Num(1.0), Pow()):
            return "derivative left out", "the derivative of the output"
        case Sub(Num(1.0), _):
            return "part of the derivative left out", "the factor “1 − output” of the derivative"
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
                        "wrong sign",
                        total(turned),
                        f"{term.name} is subtracted, though it has its sign already",
                    )
            case Ref() if column.role is Role.GRADIENT_SUM:
                continue
            case _ if column.role is Role.GRADIENT_SUM:
                said = "only the last example's gradient is used, not the sum over the batch"
                yield "batch sum left out", rest, said
            case _:
                yield "term left out", rest, "a term of the sum is left out"


def _other_refs(program: Program, column: Column, ref: Ref) -> Iterator[Change]:
    """The slips that use another column: a neighbour's, or the same one of the next row."""
    used = program[ref.name]
    if used.role is Role.WEIGHT and not ref.lag:
        if column.role in (Role.ADJUSTMENT, *PASSED_BACK):
            # Lag −1: after the update.
            yield (
                "weight after its update",
                Ref(ref.name, -1),
                f"the updated {ref.name} is used instead of the old one",
            )
        yield from _swapped(program, ref, "wrong weight", Role.WEIGHT)
    elif used.role is Role.DATA:
        yield from _swapped(program, ref, "wrong input", Role.DATA)
    elif used.role is Role.ERROR:
        yield from _swapped(program, ref, "wrong error term", Role.ERROR)
    elif used.role is Role.OUTPUT_DERIVATIVE:
        for other in _few(program, Role.OUTPUT_DERIVATIVE, ref.name):
            said = (
                f"{other.name}, the derivative of {other.neuron}'s output, is used instead of "
                f"{ref.name}"
            )
            yield "derivative of another neuron", Ref(other.name), said
    elif used.role is Role.OUTPUT and column.role is Role.OUTPUT_DERIVATIVE:
        summed = next((ref.name for ref in used.references), ref.name)
        if summed in program.position and program[summed].role is Role.SUM:
            yield (
                "sum in place of the output",
                Ref(summed),
                (
                    f"the derivative is written in terms of the output {ref.name}, "
                    f"but {summed}, the weighted sum, is put in"
                ),
            )
        for role in (Role.OUTPUT, Role.SUM):
            for other in _few(program, role, ref.name):
                if other.name == summed:
                    continue
                said = f"{other.name} is put into the derivative of {used.neuron}'s output"
                yield "derivative of another neuron", Ref(other.name), said
                if role is Role.SUM and used.formula is not None:
                    there = replace_refs(used.formula, {Ref(summed): Ref(other.name)})
                    said = f"the derivative of {used.neuron}'s output is taken at {other.name}"
                    yield "derivative of another neuron", there, said


def _few(program: Program, role: Role, name: str) -> list[Column]:
    """The other columns of a role, where there are few of them."""
    found = [column for column in program if column.role is role and column.name != name]
    return found if len(found) <= MOST_OTHERS else []


def _swapped(program: Program, ref: Ref, kind: str, role: Role) -> Iterator[Change]:
    used = program[ref.name]
    for other in program:
        if other.role is role and other.layer == used.layer and other.name != ref.name:
            yield kind, Ref(other.name, ref.lag), f"{other.name} is used instead of {ref.name}"
