"""One iteration, worked out as in a textbook."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bpsheet.columns.presentation import BATCH_END, BATCH_ROW, EPOCH
from bpsheet.errors import ExperimentError, Problem
from bpsheet.explain.arrays import array_blocks
from bpsheet.explain.chain import Chain, chain_of
from bpsheet.explain.matrices import matrix_blocks
from bpsheet.explain.row import Row
from bpsheet.explain.short import of_each_kind, tables_of, weights_table
from bpsheet.formula.tree import ONE, Call, Div, Expr, Neg, Param, Ref, Sum, replace_refs, walk
from bpsheet.paper.blocks import Block, Equation, Heading, Listing, Prose, Side, equation
from bpsheet.paper.document import Document
from bpsheet.printers.atoms import Next
from bpsheet.program.column import Column, sentence_of
from bpsheet.program.kinds import EXAMPLE, STEPS, TITLES, Phase, Role
from bpsheet.program.program import Program
from bpsheet.words import nearest, shown

if TYPE_CHECKING:
    from bpsheet.runs.run import Run

__all__ = ["Explanation", "Step", "explain", "spelled_logistic", "worked_step"]

ENTRIES, MATRIX = "entries", "matrix"
FORMS = (ENTRIES, MATRIX)
FULL, SHORT = "full", "short"
DETAILS = (FULL, SHORT)
HEADINGS = {
    "forward": TITLES[Phase.FORWARD],
    "backward": TITLES[Phase.BACKWARD],
    "update": "Weight adjustment",
}


@dataclass(frozen=True)
class Step:
    """One quantity: its name, a sentence on what it is, its equation, and the printed result."""

    name: str
    sentence: str
    equation: Equation
    result: str


class Explanation(Document):
    """The worked solution of one iteration.

    `steps` are the quantities in order, `chains` the chain rules of the weights that were asked
    for. `print` shows plain text; a notebook shows a page.
    """

    def __init__(
        self,
        title: str,
        subtitle: str,
        blocks: Sequence[Block],
        steps: Sequence[Step],
        chains: Sequence[Chain],
        *,
        names: Collection[str],
    ) -> None:
        super().__init__(title, subtitle, blocks, names)
        self.steps = tuple(steps)
        self.chains = tuple(chains)


def explain(
    trace: Run,
    iteration: int,
    only: Iterable[str] | None = None,
    digits: int = 4,
    form: str = ENTRIES,
    *,
    detail: str = FULL,
) -> Explanation:
    """The worked solution of an iteration: each quantity with symbols, with numbers, its result.

    `form` is "entries", or "matrix" for whole vectors and matrices. `detail` is "full", or "short"
    for one worked line of each kind and tables of the other numbers. `only` names quantities, or the
    steps forward, backward and update. For a weight (or its gradient) among them the chain rule is
    written out: ∂e/∂w = ∂e/∂f · ∂f/∂z_f · … Every number is computed from exact values and printed
    with `digits` significant digits.
    Raises ExperimentError for an iteration that was not run and for unknown names, LimitError for the
    matrix form of an experiment without vectors and matrices.

    >>> import bpsheet as bp
    >>> print(explain(bp.load("two-neuron").run(1), 1, only=["g"]).steps[0].result)
    -0.2449
    """
    row = Row(trace, iteration, digits)
    problems = [
        Problem(key, f"{' or '.join(known)} expected; got {shown(given)}")
        for key, given, known in (("form", form, FORMS), ("detail", detail, DETAILS))
        if given not in known
    ]
    if problems:
        raise ExperimentError(problems, trace.experiment.name)
    if form == MATRIX:
        return _in_matrices(row, only)
    return _in_entries(
        row, _Wanted(row.program, only, trace.experiment.name), is_short=detail == SHORT
    )


class _Wanted:
    """Which quantities are asked for: all, those of some steps, or those that are named."""

    def __init__(self, program: Program, only: Iterable[str] | None, source: str) -> None:
        self.program = program
        names = [] if only is None else [only] if isinstance(only, str) else list(only)
        given = [name.strip() for name in names]
        self.named = {name for name in given if name in program.position}
        self.steps = {name for name in given if name in STEPS and name not in self.named}
        known = [*program.names, *STEPS]
        problems = [
            Problem("only", f"no quantity {shown(name)}; {nearest(name, known)}")
            for name in given
            if name not in self.named | self.steps
        ]
        if only is not None and not given:
            problems.append(Problem("only", "at least one name expected"))
        if problems:
            raise ExperimentError(problems, source)
        self.is_all = only is None
        self.of_weights = _of_weights(program, self.named)

    def has(self, column: Column, step: str = "") -> bool:
        """Whether a column is asked for, in a step or by its name."""
        return self.is_all or step in self.steps or column.name in self.named

    def of(self, step: str) -> list[Column]:
        """The columns of a step that are asked for, and what is made of the weights asked for."""
        return [
            column
            for column in self.program.phase(*STEPS[step])
            if self.has(column, step) or column.name in self.of_weights
        ]


def _in_entries(row: Row, wanted: _Wanted, *, is_short: bool) -> Explanation:
    """The worked solution, quantity by quantity."""
    program = row.program
    blocks: list[Block] = [_rounding(row), *_given(row, wanted)]
    steps: list[Step] = []
    chains: list[Chain] = []

    def add(
        title: str, columns: Sequence[Column], work: Callable[[Column, Row], Step], *before: Block
    ) -> None:
        if columns:
            chosen = columns
            if is_short:
                chosen = of_each_kind(columns, lambda c: work(c, row).sentence, program.position)
            blocks.extend([Heading(title), *before])
            for step in (work(column, row) for column in chosen):
                blocks.extend([Prose(step.sentence), step.equation])
                steps.append(step)
            if is_short:
                blocks.extend(tables_of(columns, {column.name for column in chosen}, row))

    for part, phases in STEPS.items():
        columns = wanted.of(part)
        extra = spelled_logistic(columns) if Phase.FORWARD in phases else []
        add(HEADINGS[part], columns, _step, *extra)
        if Phase.BACKWARD in phases:
            for weight in program.leaves:
                if weight.adjoint_name and {weight.name, weight.adjoint_name} & wanted.named:
                    chain = chain_of(program, weight.name)
                    chains.append(chain)
                    blocks.append(Heading(f"The chain rule for {weight.name}"))
                    blocks.extend(chain.worked(row))
    weights = [column for column in program.phase(Phase.WEIGHT) if wanted.has(column, "update")]
    if program.phase(Phase.UPDATE):
        add("New weights", weights, _next_step)
    if is_short:
        new = {weight.name: _next_step(weight, row).equation.sides[-1] for weight in weights}
        table = weights_table(weights, row, new)
        blocks.extend([table] if table is not None else [])
    add("Validation", [c for c in program.phase(Phase.VALIDATION) if wanted.has(c)], _step)
    add("Tests", [c for c in program.phase(Phase.TEST) if wanted.has(c)], _step)
    title = row.trace.experiment.title or row.trace.experiment.name
    return Explanation(title, _subtitle(row), blocks, steps, chains, names=program.position)


def _rounding(row: Row) -> Prose:
    plural = "s" if row.digits > 1 else ""
    return Prose(
        f"Printed numbers are rounded to {row.digits} significant digit{plural}; "
        "every result is computed from exact numbers."
    )


def _in_matrices(row: Row, only: Iterable[str] | None) -> Explanation:
    """The worked solution in matrix form."""
    if only is not None:
        said = "single quantities are for the form entries; the matrix form shows whole arrays"
        raise ExperimentError([Problem("only", said)], row.trace.experiment.name)
    title = row.trace.experiment.title or row.trace.experiment.name
    blocks = matrix_blocks(row) if row.program.last_layer else array_blocks(row)
    return Explanation(
        title, _subtitle(row), [_rounding(row), *blocks], [], [], names=row.program.position
    )


def _of_weights(program: Program, wanted: set[str]) -> set[str]:
    """The gradients, running sums of gradients, and adjustments of the weights asked for."""
    names: set[str] = set()
    for weight in program.phase(Phase.WEIGHT):
        if weight.name not in wanted:
            continue
        names |= {weight.adjoint_name} if weight.adjoint_name else set()
        for move in weight.references:
            used = [ref.name for ref in program[move.name].references]
            names |= {move.name, *(n for n in used if program[n].role is Role.GRADIENT_SUM)}
    return names


def _subtitle(row: Row) -> str:
    program = row.program
    epoch, example = (row.shown(Ref(name)).text for name in (EPOCH, EXAMPLE))
    sentences = f"Iteration {row.iteration:,} (epoch {epoch}) presents example {example}."
    if not program.tables:
        sentences = f"Iteration {row.iteration:,}."
    if BATCH_ROW in program.position:
        number = row.shown(Ref(BATCH_ROW)).text
        ends = row.value(Ref(BATCH_END)) == 1
        sentences += f" It is presentation {number} of its batch" + (
            " and the last: the weights are adjusted."
            if ends
            else ": the gradients are added up, and the weights are not adjusted yet."
        )
    return sentences


def _given(row: Row, wanted: _Wanted) -> Iterable[Block]:
    """The numbers with which an iteration begins: example, weights and hyper-parameters."""
    is_whole = wanted.is_all or bool(wanted.steps)
    groups: list[tuple[str, list[Equation]]] = []
    for label, roles in (
        ("Inputs", (Role.DATA,)),
        ("Targets", (Role.TARGET,)),
        ("Weight of the example", (Role.EXAMPLE_WEIGHT,)),
        ("Weights", (Role.WEIGHT,)),
        ("Place", (Role.ITERATION, Role.EPOCH, Role.EXAMPLE, Role.BATCH_ROW, Role.BATCH_END)),
    ):
        columns = [
            column
            for column in row.program
            if column.role in roles
            and (label != "Place" if is_whole else column.name in wanted.named)
        ]
        groups.append((label, [_assigned(Ref(column.name), row) for column in columns]))
    if is_whole:
        cells = [_assigned(Param(cell.name), row) for cell in row.program.parameters]
        groups.append(("Hyper-parameters", cells))
    if any(equations for _, equations in groups):
        yield Heading("Given")
    for label, equations in groups:
        if equations:
            yield Listing(label, tuple(equations))


def _assigned(leaf: Ref | Param, row: Row) -> Equation:
    return Equation((Side(leaf), Side.of(row.shown(leaf))))


def spelled_logistic(columns: Iterable[Column]) -> list[Block]:
    """The definition of the logistic function S, if the columns use it."""
    used = any(
        isinstance(node, Call) and node.function == "logistic"
        for column in columns
        if column.formula is not None
        for node in walk(column.formula)
    )
    if not used:
        return []
    z = Ref("z")
    whole: Expr = Div(ONE, Sum((ONE, Call("exp", (Neg(z),)))))
    return [
        Prose("The logistic function:"),
        Equation((Side(Call("logistic", (z,))), Side(whole))),
    ]


def worked_step(trace: Run, iteration: int, quantity: str, digits: int = 4) -> Step:
    """One quantity of an iteration, worked out: a weight by the update before."""
    column = trace.program[quantity]
    if column.phase is Phase.WEIGHT and iteration > 1:
        return _next_step(column, Row(trace, iteration - 1, digits))
    return _step(column, Row(trace, iteration, digits))


def _step(column: Column, row: Row) -> Step:
    result = row.shown(Ref(column.name))
    assert column.formula is not None
    sides = row.worked(column.formula, result)
    return Step(
        column.name, sentence_of(column), equation(Side(Ref(column.name)), sides), result.text
    )


def _next_step(weight: Column, row: Row) -> Step:
    """The weight of the next iteration: the weight's formula over this row."""
    assert weight.formula is not None
    formula = replace_refs(weight.formula, lambda ref: Ref(ref.name))
    frozen = formula == Ref(weight.name)
    if frozen:
        result = row.shown(Ref(weight.name))
        sentence = f"{weight.name} is never updated."
    else:
        result = row.result(formula)
        sentence = f"The new {weight.name}: the old value plus its adjustment."
    sides = row.worked(formula, result)
    whole = equation(Side.of(Next(weight.name)), sides)
    return Step(f"new {weight.name}", sentence, whole, result.text)
