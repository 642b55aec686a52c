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
from bpsheet.formula.tree import ZERO, Expr, Mul, Num, Ref, total
from bpsheet.paper.blocks import Block, Prose, Side, equation
from bpsheet.printers.atoms import Atom, Leaf, Partial
from bpsheet.program.backward import local_derivatives
from bpsheet.program.kinds import Phase, Role
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
        self.loss = next((c.name for c in forward if c.role is Role.LOSS), None)
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
        self._counts: dict[str, dict[str, int]] = {}

    def paths(self, top: str, bottom: str) -> int:
        """The number of paths between two columns (1 from a column to itself)."""
        if top not in self._counts:
            counts = dict.fromkeys(self.edges, 0) | {top: 1}
            for name in reversed(self.edges):
                for below in self.edges[name]:
                    counts[below] += counts[name]
            self._counts[top] = counts
        return self._counts[top][bottom]

    def product(self, top: str, bottom: str) -> Product:
        """All paths between two columns, with the shared factors outside the brackets."""
        whole = self.paths(top, bottom)
        shared = [
            name
            for name in reversed(self.edges)
            if self.paths(top, name) * self.paths(name, bottom) == whole
        ]
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
    """The chain rule for a weight. `product` is None for no paths or too many to write out."""

    weight: str
    loss: str
    gradient: str
    paths: int
    product: Product | None

    @cached_property
    def formula(self) -> Expr | None:
        """The product in the symbols of the columns."""
        return None if self.product is None else self.product.expr(lambda one: factors(one.formula))

    def symbols(self) -> list[Side]:
        """∂e/∂w, and the product of partial derivatives that it equals."""
        left = Side.of(Partial(self.loss, self.weight))
        if self.product is None:
            return [left]
        partials: dict[Ref, Partial] = {}

        def leaf(one: Factor) -> list[Expr]:
            ref = Ref(f"{one.upper}\0{one.lower}")
            partials[ref] = Partial(one.upper, one.lower)
            return [ref]

        expr = self.product.expr(leaf)

        def atoms(node: Leaf) -> Atom | None:
            return partials.get(node) if isinstance(node, Ref) else None

        return [left, Side(expr, atoms)]

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
        values: dict[Ref, Atom] = {}

        def leaf(one: Factor) -> list[Expr]:
            ref = Ref(f"{one.upper}\0{one.lower}")
            values[ref] = row.result(one.formula)
            return [ref]

        numbers = self.product.expr(leaf)

        def atoms(node: Leaf) -> Atom | None:
            return values.get(node) if isinstance(node, Ref) else None

        left, symbols = self.symbols()
        sides = [symbols, Side(formula)]
        if chosen != formula:
            sides.append(Side(chosen, reasons=reasons))
        sides += [Side(chosen, row.shown), Side(numbers, atoms)]
        sides.append(Side.of(self._result(row, formula)))
        return [words, equation(left, sides)]

    def scale(self, row: Row) -> float:
        """The sum of the paths' absolute values: the scale for judging a rounding error."""
        if self.product is None:
            return 0.0
        return row.evaluate(self.product.expr(lambda one: [Num(abs(row.evaluate(one.formula)))]))

    def _result(self, row: Row, formula: Expr) -> Atom:
        """The product. The gradient's digits are shown where both are equal but for rounding."""
        try:
            exact, gradient = row.evaluate(formula), row.value(Ref(self.gradient))
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
    product = graph.product(loss, weight) if 1 <= count <= MOST_PATHS else None
    if product is not None and product.length > MOST_FACTORS:
        product = None
    return Chain(weight, loss, str(program[weight].adjoint_name), count, product)
