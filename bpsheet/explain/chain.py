"""The chain rule for one weight: the product of factors along every path to the loss.

∂e/∂w = Σ over the paths Π over their steps ∂(next)/∂(this). Factors that all paths share stand
outside the brackets: 8 · (0.5 · 1.5 + 1 · 0.5) · 4. The product uses only the forward columns
and their partial derivatives, so it is a second way to the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from bpsheet.explain.row import Row
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import ZERO, Expr, Mul, Num, Ref, Symbol, total
from bpsheet.paper.blocks import Block, Prose, Side, equation
from bpsheet.printers.atoms import Atom, Partial
from bpsheet.program.backward import local_derivatives
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Program

__all__ = ["MOST_PATHS", "Bracket", "Chain", "Factor", "Graph", "Product", "chain_of"]

# Nobody wants to read more paths, or longer ones, than this.
MOST_PATHS = 32
MOST_FACTORS = 60
# The relative difference that rounding may cause between a gradient and its chain rule, which
# are summed in different orders.
HAIR = 1e-9


@dataclass(frozen=True)
class Factor:
    """One step of a path: ∂upper/∂lower and its formula."""

    upper: str
    lower: str
    formula: Expr


@dataclass(frozen=True)
class Bracket:
    """The sum of the paths between two columns."""

    terms: tuple[Product, ...]


@dataclass(frozen=True)
class Product:
    """A product of factors and of sums of products."""

    parts: tuple[Factor | Bracket, ...]

    @cached_property
    def length(self) -> int:
        """The number of factors along the longest path."""
        return sum(
            1 if isinstance(part, Factor) else max(term.length for term in part.terms)
            for part in self.parts
        )

    def expr(self, leaf: Callable[[Factor], list[Expr]]) -> Expr:
        """The product as a formula, each factor as `leaf` writes it."""
        factors: list[Expr] = []
        for part in self.parts:
            if isinstance(part, Factor):
                factors += leaf(part)
            else:
                factors.append(total([term.expr(leaf) for term in part.terms]))
        whole = factors[0]
        for factor in factors[1:]:
            whole = Mul(whole, factor)
        return whole


class Graph:
    """The columns from the weights to the loss: which one uses which, and with what derivative."""

    def __init__(self, program: Program) -> None:
        forward = (*program.leaves, *program.phase(Phase.FORWARD))
        names = {column.name for column in forward}
        self.loss = program.loss.name if program.loss is not None else None
        self.edges: dict[str, Mapping[str, Expr]] = {
            column.name: {
                name: partial
                for name, partial in local_derivatives(column).items()
                if partial != ZERO and name in names
            }
            if column.phase is Phase.FORWARD
            else {}
            for column in forward
        }
        self._down: dict[str, dict[str, int]] = {}
        self._up: dict[str, dict[str, int]] = {}

    def down(self, top: str) -> Mapping[str, int]:
        """How many paths lead from a column down to each other (1 to itself)."""
        if top not in self._down:
            counts = dict.fromkeys(self.edges, 0) | {top: 1}
            for name in reversed(self.edges):
                for below in self.edges[name]:
                    counts[below] += counts[name]
            self._down[top] = counts
        return self._down[top]

    def up(self, bottom: str) -> Mapping[str, int]:
        """How many paths lead to a column from each other (1 from itself)."""
        if bottom not in self._up:
            counts = dict.fromkeys(self.edges, 0) | {bottom: 1}
            for name, partials in self.edges.items():
                counts[name] += sum(counts[below] for below in partials)
            self._up = {bottom: counts}  # one weight after the other is asked for
        return self._up[bottom]

    def paths(self, top: str, bottom: str) -> int:
        """The number of paths between two columns (1 from a column to itself)."""
        return self.down(top)[bottom]

    def longest(self, top: str, bottom: str) -> int:
        """How many factors the longest path between two columns has; 0 where there is none."""
        lengths = {bottom: 0}
        for name, partials in self.edges.items():
            below = [lengths[lower] for lower in partials if lower in lengths]
            if below:
                lengths[name] = 1 + max(below)
        return lengths.get(top, 0)

    def product(self, top: str, bottom: str) -> Product:
        """All paths between two columns, with the shared factors outside the brackets."""
        whole = self.paths(top, bottom)
        down, up = self.down(top), self.up(bottom)
        shared = [name for name in reversed(self.edges) if down[name] * up[name] == whole]
        parts: list[Factor | Bracket] = []
        for upper, lower in pairwise(shared):
            if self.paths(upper, lower) == 1 and lower in self.edges[upper]:
                parts.append(Factor(upper, lower, self.edges[upper][lower]))
                continue
            parts.append(
                Bracket(
                    tuple(
                        Product((Factor(upper, below, partial), *self.product(below, lower).parts))
                        for below, partial in self.edges[upper].items()
                        if self.paths(below, lower)
                    )
                )
            )
        return Product(tuple(parts))


@dataclass(frozen=True)
class Chain:
    """The chain rule for a weight. `product` is None for no paths or too many to write out.

    `sign` is −1 where the column `gradient` holds minus the derivative of the loss.
    """

    weight: str
    loss: str
    gradient: str
    paths: int
    product: Product | None
    sign: float = 1.0

    @cached_property
    def formula(self) -> Expr | None:
        """The product in the symbols of the columns."""
        return None if self.product is None else self.product.expr(lambda one: factors(one.formula))

    def symbols(self) -> list[Side]:
        """∂e/∂w, and the product of partial derivatives that it equals."""
        left = Side.of(Partial(self.loss, self.weight))
        if self.product is None:
            return [left]
        product = self.product.expr(lambda one: [Symbol(Partial(one.upper, one.lower))])
        return [left, Side(product)]

    def words(self) -> str:
        """A sentence on the number of paths."""
        if self.paths == 0:
            return f"No path leads from {self.weight} to {self.loss}: the derivative is 0."
        if self.paths <= MOST_PATHS and self.product is None:
            return (
                f"The path from {self.weight} to {self.loss} has more than {MOST_FACTORS} factors, "
                f"too many to write out. The backward pass multiplies them one by one and ends "
                f"with {self.gradient}."
            )
        if self.paths == 1:
            return f"One path leads from {self.weight} to {self.loss}; its factors are multiplied."
        paths = f"{self.paths:,} paths lead from {self.weight} to {self.loss}"
        if self.product is None:
            return (
                f"{paths}, too many to write out ({MOST_PATHS} at the most). The backward pass "
                "gathers them: each error term is a sum over the neurons that follow. The sum is "
                "computed once, and all paths through the neuron use it. The backward pass ends "
                f"with {self.gradient}."
            )
        return (
            f"{paths}. The factors along each path are multiplied; factors that all paths share "
            "stand outside the brackets."
        )

    def worked(self, row: Row) -> list[Block]:
        """The chain rule with symbols, formulas, numbers and the result."""
        words = Prose(self.words())
        formula = self.formula
        if self.product is None or formula is None:
            return [words]
        chosen, reasons = row.resolved(formula)
        numbers = self.product.expr(lambda one: [Symbol(row.result(one.formula))])
        left, symbols = self.symbols()
        sides = [symbols, Side(formula)]
        if chosen != formula:
            sides.append(Side(chosen, reasons=reasons))
        sides += [Side(chosen, row.shown), Side(numbers), Side.of(self._result(row, formula))]
        return [words, equation(left, sides)]

    def scale(self, row: Row) -> float:
        """The sum of the paths' absolute values: the scale for judging a rounding error."""
        if self.product is None:
            return 0.0
        return row.evaluate(self.product.expr(lambda one: [Num(abs(row.evaluate(one.formula)))]))

    def _result(self, row: Row, formula: Expr) -> Atom:
        """The product. The gradient's digits are shown where both are equal but for rounding."""
        try:
            exact, gradient = row.evaluate(formula), self.sign * row.value(Ref(self.gradient))
            same = abs(exact - gradient) <= HAIR * self.scale(row)
        except CellError:
            return row.result(formula)
        return row.number(gradient if same else exact)


def factors(expr: Expr) -> list[Expr]:
    """A product's factors, from left to right.

    >>> [one.name for one in factors(Mul(Mul(Ref("a"), Ref("b")), Ref("c")))]
    ['a', 'b', 'c']
    """
    return [*factors(expr.left), expr.right] if isinstance(expr, Mul) else [expr]


def chain_of(program: Program, weight: str, graph: Graph | None = None) -> Chain:
    """The chain rule for a weight of a program that has a loss.

    ∂e/∂w = ∂e/∂f · ∂f/∂z_f · ∂z_f/∂g · …

    >>> import bpsheet as bp
    >>> chain_of(bp.load("one-weight").program(), "xh_1").paths
    2
    """
    graph = graph or Graph(program)
    loss = str(graph.loss)
    count = graph.paths(loss, weight)
    product = None
    if 1 <= count <= MOST_PATHS and graph.longest(loss, weight) <= MOST_FACTORS:
        product = graph.product(loss, weight)
    gradient = str(program[weight].adjoint_name)
    return Chain(weight, loss, gradient, count, product, program.slope_sign)
