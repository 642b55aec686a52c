"""One iteration, worked out as in a textbook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bpsheet.columns.presentation import BATCH_END, BATCH_ROW, EPOCH
from bpsheet.errors import ExperimentError, Problem
from bpsheet.explain.chain import Chain, chain_of
from bpsheet.explain.matrices import matrix_blocks
from bpsheet.explain.row import Row
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

__all__ = ["Explanation", "Step", "explain", "spelled_logistic"]

ENTRIES, MATRIX = "entries", "matrix"
FORMS = (ENTRIES, MATRIX)
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
    ) -> None:
        super().__init__(title, subtitle, blocks)
        self.steps = tuple(steps)
        self.chains = tuple(chains)


def explain(
    trace: Run,
    iteration: int,
    only: Iterable[str] | None = None,
    digits: int = 4,
    form: str = "entries",
) -> Explanation:
    """The worked solution of an iteration: each quantity with symbols, with numbers, its result.

    `form` is "entries", or "matrix" for whole vectors and matrices. `only` names quantities. For a weight (or its gradient) among them the chain rule is written
    out: ∂e/∂w = ∂e/∂f · ∂f/∂z_f · … Every number is computed from exact values and printed with
    `digits` significant digits.
    Raises ExperimentError for an iteration that was not run and for unknown names, LimitError for the
    matrix form of an experiment without layers.

    >>> import bpsheet as bp
    >>> print(explain(bp.load("two-neuron").run(1), 1, only=["g"]).steps[0].result)
    -0.2449
    """
    row = Row(trace, iteration, digits)
    if form not in FORMS:
        problem = Problem("form", f"{' or '.join(FORMS)} expected; got {shown(form)}")
        raise ExperimentError([problem], trace.experiment.name)
    if form == MATRIX:
        return _in_matrices(row, only)
    program = trace.program
    wanted = None if only is None else _known([only] if isinstance(only, str) else only, row)
    weights = [column for column in program if column.phase is Phase.WEIGHT]
    named = set() if wanted is None else wanted
    blocks: list[Block] = [
        Prose(
            f"Printed numbers are rounded to {digits} significant digit{'s' if digits > 1 else ''}; "
            "every result is computed from exact numbers."
        ),
        *_given(row, wanted),
    ]
    steps: list[Step] = []
    chains: list[Chain] = []
    shown_names = None if wanted is None else wanted | _of_weights(program, wanted)

    def add(title: str, more: Sequence[Step], *before: Block) -> None:
        if more:
            blocks.extend([Heading(title), *before])
            for step in more:
                blocks.extend([Prose(step.sentence), step.equation])
            steps.extend(more)

    for part, phases in STEPS.items():
        columns = [
            c for c in program.phase(*phases) if shown_names is None or c.name in shown_names
        ]
        extra = spelled_logistic(columns) if Phase.FORWARD in phases else []
        add(HEADINGS[part], [_step(column, row) for column in columns], *extra)
        if Phase.BACKWARD in phases:
            asked = [
                w for w in program.leaves if w.adjoint_name and {w.name, w.adjoint_name} & named
            ]
            for weight in asked:
                chain = chain_of(program, weight.name)
                chains.append(chain)
                blocks.append(Heading(f"The chain rule for {weight.name}"))
                blocks.extend(chain.worked(row))
    moved = [w for w in weights if wanted is None or w.name in wanted]
    add("New weights", [_next_step(weight, row) for weight in moved])
    tests = [c for c in program.phase(Phase.TEST) if wanted is None or c.name in wanted]
    add("Tests", [_step(column, row) for column in tests])
    title = trace.experiment.title or trace.experiment.name
    return Explanation(title, _subtitle(row), blocks, steps, chains)


def _in_matrices(row: Row, only: Iterable[str] | None) -> Explanation:
    """The worked solution in matrix form."""
    if only is not None:
        said = "single quantities are for the form entries; the matrix form shows whole arrays"
        raise ExperimentError([Problem("only", said)], row.trace.experiment.name)
    rounded = Prose(
        f"Printed numbers are rounded to {row.digits} significant digit{'s' if row.digits > 1 else ''}; "
        "every result is computed from exact numbers."
    )
    title = row.trace.experiment.title or row.trace.experiment.name
    return Explanation(title, _subtitle(row), [rounded, *matrix_blocks(row)], [], [])


def _known(only: Iterable[str], row: Row) -> set[str]:
    """The names asked for. Raises ExperimentError for an unknown name, with the nearest name."""
    names = [name.strip() for name in only]
    known = row.program.names
    problems = [
        Problem("only", f"no quantity {shown(name)}; {nearest(name, known)}")
        for name in names
        if name not in row.program.position
    ]
    if not names:
        problems.append(Problem("only", "at least one name expected"))
    if problems:
        raise ExperimentError(problems, row.trace.experiment.name)
    return set(names)


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
    if BATCH_ROW in program.position:
        number = row.shown(Ref(BATCH_ROW)).text
        ends = row.value(Ref(BATCH_END)) == 1
        sentences += f" It is presentation {number} of its batch" + (
            " and the last: the weights are adjusted."
            if ends
            else ": the gradients are added up, and the weights are not adjusted yet."
        )
    return sentences


def _given(row: Row, wanted: set[str] | None) -> Iterable[Block]:
    """The numbers with which an iteration begins: example, weights and hyper-parameters."""
    groups: list[tuple[str, list[Equation]]] = []
    for label, roles in (
        ("Inputs", (Role.DATA,)),
        ("Targets", (Role.TARGET,)),
        ("Weights", (Role.WEIGHT,)),
        ("Place", (Role.ITERATION, Role.EPOCH, Role.EXAMPLE, Role.BATCH_ROW, Role.BATCH_END)),
    ):
        columns = [
            column
            for column in row.program
            if column.role in roles
            and (label != "Place" if wanted is None else column.name in wanted)
        ]
        groups.append((label, [_assigned(Ref(column.name), row) for column in columns]))
    if wanted is None:
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
