"""The gradient in symbols, without numbers, and the four equations of backpropagation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bpsheet.columns.model import NetworkModel
from bpsheet.explain.chain import Chain, Factor, Graph, chain_of, factors
from bpsheet.explain.layers import layer_blocks
from bpsheet.explain.steps import spelled_logistic
from bpsheet.formula.tree import Call, Expr, Ref, Symbol
from bpsheet.paper.blocks import Block, Heading, Prose, Side, equation
from bpsheet.paper.document import Document
from bpsheet.printers.atoms import Partial, Prime
from bpsheet.program.backward import local_derivatives
from bpsheet.program.column import Column, sentence_of
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan

__all__ = ["Derivation", "derive"]

# Nobody wants to read more equations than this.
MOST_WEIGHTS = 100


class Derivation(Document):
    """All partial derivatives of the loss, in symbols and as matrices."""


def derive(experiment: Plan) -> Derivation:
    """The gradient of an experiment's loss, weight by weight, and in matrix form.

    Weight by weight: ∂e/∂w = ∂e/∂f · ∂f/∂z_f · … = −(y − f) · S'(z_f) · …, Equation 3-1 of the
    book. In matrix form, with the shapes of the network: δ^L = ∇_a e ∘ g'(z^L),
    δ^l = ((W^(l+1))ᵀ δ^(l+1)) ∘ g'(z^l), ∂e/∂b^l = δ^l and ∂e/∂W^l = δ^l (a^(l−1))ᵀ.

    >>> import bpsheet as bp
    >>> print(derive(bp.load("two-neuron")).subtitle)
    The derivatives of MSE with respect to 5 weights and biases.
    """
    program = experiment.program()
    forward = program.phase(Phase.FORWARD)
    weights = program.leaves
    loss = program.loss.name if program.loss is not None else None
    title = experiment.title or experiment.name
    blocks: list[Block] = [
        Heading(
            "The network, forwards"
            if isinstance(experiment.model, NetworkModel)
            else "The formulas, forwards"
        )
    ]
    for column in forward:
        assert column.formula is not None
        blocks.append(equation(Side(Ref(column.name)), [Side(column.formula)]))
    blocks += spelled_logistic(forward)
    if loss is None:
        if program.phase(Phase.UPDATE):
            blocks += _without_loss(program)
        what = "This network has" if experiment.network else "These formulas have"
        return Derivation(title, f"{what} no loss, and so no gradient.", blocks)
    primes = _primes(forward)
    blocks += _activations(forward, primes)
    blocks.append(Heading(f"The gradient of {loss}"))
    graph = Graph(program)
    written = weights
    if len(weights) > MOST_WEIGHTS:
        written = tuple(_of_first_neurons(weights))[:MOST_WEIGHTS]
        count = f"{len(weights):,} weights and biases are too many to write out. "
        blocks.append(Prose(f"{count}{len(written)} of the first neurons stand for the others."))
    for weight in written:
        blocks.append(_derivative(chain_of(program, weight.name, graph), primes))
    model = experiment.model
    if isinstance(model, NetworkModel):
        blocks += layer_blocks(model, uphill=model.uphill)
        what = "weight" if len(weights) == 1 else "weights and biases"
    else:
        what = "quantity" if len(weights) == 1 else "quantities"
    subtitle = f"The derivatives of {loss} with respect to {len(weights):,} {what}."
    return Derivation(title, subtitle, blocks)


def _of_first_neurons(weights: Sequence[Column]) -> Iterator[Column]:
    """The weights of each layer's first neuron."""
    first: dict[int | None, str | None] = {}
    for weight in weights:
        # A bias that the layer shares has no neuron.
        if weight.neuron is None or first.setdefault(weight.layer, weight.neuron) == weight.neuron:
            yield weight


def _derivative(chain: Chain, primes: Mapping[str, Prime]) -> Block:
    """∂e/∂w as a product of partial derivatives, then with their formulas."""
    left, *partials = chain.symbols()
    if chain.product is None:
        return Prose(chain.words())
    if chain.product.length == 1:
        partials = []  # ∂e/∂w = ∂e/∂w says nothing

    def derivative(one: Factor) -> list[Expr]:
        prime = primes.get(one.upper)
        return factors(one.formula) if prime is None else [Symbol(prime)]

    return equation(left, [*partials, Side(chain.product.expr(derivative))])


def _primes(forward: Sequence[Column]) -> dict[str, Prime]:
    """The outputs whose derivative has its own symbol, such as tanh'(z_g)."""
    primes = {}
    for column in forward:
        match column.formula:
            case Call(function, (Ref(name),)) if column.role is Role.OUTPUT:
                primes[column.name] = Prime(function, name)
    return primes


def _activations(forward: Sequence[Column], primes: Mapping[str, Prime]) -> list[Block]:
    """The derivative of each activation, in the form that the book uses."""
    blocks: list[Block] = []
    for column in forward:
        if column.role is not Role.OUTPUT:
            continue
        for name, partial in local_derivatives(column).items():
            sides = [Side(partial)]
            if column.name in primes:
                sides.insert(0, Side.of(primes[column.name]))
            blocks.append(equation(Side.of(Partial(column.name, name)), sides))
    return [Heading("The activations' derivatives"), *blocks] if blocks else []


def _without_loss(program: Program) -> Iterable[Block]:
    """The perceptron's rule, which has no derivatives: the adjustments are the rule."""
    yield Prose(
        "The perceptron rule adjusts the weights by the target and the input where the output "
        "is wrong. Nothing is differentiated."
    )
    yield Heading("The rule")
    for column in program.phase(Phase.UPDATE):
        assert column.formula is not None
        yield Prose(sentence_of(column))
        yield equation(Side(Ref(column.name)), [Side(column.formula)])
