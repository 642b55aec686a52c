"""The backward pass of a program: reverse-mode differentiation of its forward quantities.

The derivative of the loss with respect to a quantity (its *adjoint*) is a sum over the quantities
that use it: their adjoint times their partial derivative. The forward pass is walked in
reverse, so every adjoint is ready when it is needed. An adjoint or a partial derivative becomes
a quantity with columns where the notation names it (`MSE'`, `f'`, `f_error`, `dMSE / dw_gf1`). The others are
written into the formulas that use them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from bpsheet.formula.arrays import product, shape_of, transposed
from bpsheet.formula.derivative import derivatives, times
from bpsheet.formula.opposite import opposite
from bpsheet.formula.pullback import pulled_back
from bpsheet.formula.tree import ONE, ZERO, Expr, Num, Ref, references, total
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.quantities import Band, Quantity, Scope

__all__ = ["ADDED_UP", "backward", "local_derivatives"]


# The phases of the columns that the forward pass begins with.
LEAVES = (Phase.INPUT, Phase.WEIGHT)


ADDED_UP = "by the chain rule, one term for each formula that uses it"


def local_derivatives(column: Column, only: Collection[str] | None = None) -> Mapping[str, Expr]:
    """The partial derivatives of a column with respect to the columns it uses (or `only` some).

    They are the local factors of the chain rule. They have the form that the source gives; where
    it gives none, the formula is differentiated.

    >>> from bpsheet.formula.tree import Mul
    >>> local_derivatives(Column("p", Phase.FORWARD, Role.SUM, Mul(Ref("x"), Ref("w"))))
    {'x': Ref(name='w', lag=0), 'w': Ref(name='x', lag=0)}
    """
    if column.partials is not None:
        return column.partials
    if column.formula is None:
        return {}
    return derivatives(column.formula, only)


def backward(bands: Sequence[Band], objective: str, scope: Scope | None = None) -> list[Band]:
    """The backward pass of a forward pass, in reverse order, then the gradients.

    `bands` has every quantity from the weights to the loss, `objective` names the loss, and
    `scope` has the arrays among the quantities.
    Equation: ∂L/∂q = Σ over the users u of q of ∂L/∂u · ∂u/∂q. For a loss that is `turned`, all
    of them are minus that.

    A quantity whose columns have an `adjoint_name` gets a quantity for its adjoint, and one whose
    columns have a `slope_name` a quantity for its partial derivative. The adjoints of weights and
    inputs are the gradients and come last.
    """
    return _Backward(bands, objective, scope or Scope()).bands()


class _Backward:
    def __init__(self, bands: Sequence[Band], objective: str, scope: Scope) -> None:
        self.forward = bands
        self.scope = scope
        self.wanted = {quantity.name for band in bands for quantity in band.quantities}
        self.shares: dict[str, list[Expr]] = {objective: [ONE]}
        self.error_terms: set[str] = set()
        losses = [q for band in bands for q in band.quantities if q.name == objective]
        self.turned = any(loss.first.turned for loss in losses)

    def bands(self) -> list[Band]:
        passed: list[Band] = []
        gradients: list[Band] = []
        for band in reversed(self.forward):
            made = [new for quantity in reversed(band.quantities) for new in self._of(quantity)]
            if made and made[0].phase is Phase.GRADIENT:
                gradients.append(Band(tuple(reversed(made))))
            elif made:
                passed.append(Band(tuple(made), backwards=True))
        return [*passed, *reversed(gradients)]

    def _of(self, quantity: Quantity) -> Iterator[Quantity]:
        """What the backward pass computes for a quantity of the forward pass."""
        first = quantity.first
        is_leaf = first.phase in LEAVES
        collected = self.shares.get(quantity.name)
        if collected is None:
            if is_leaf and first.adjoint_name:
                # The loss does not depend on it, for example behind a step.
                yield self._adjoint(quantity, Num(0.0))
            return
        adjoint = total(collected[::-1])
        if first.adjoint_name:
            derivative = self._adjoint(quantity, adjoint)
            if derivative.first.role is Role.ERROR:
                self.error_terms.add(derivative.name)
            yield derivative
            adjoint = Ref(derivative.name)
        if is_leaf:
            return
        if quantity.partials is None and self.scope.has_arrays(quantity.formula):
            found = pulled_back(quantity.formula, adjoint, self.scope.shapes, self.wanted)
            for name, share in found.items():
                self.shares.setdefault(name, []).append(share)
            return
        is_turned = quantity.first.turned
        for name, partial in self._partials(quantity).items():
            if partial == ZERO or name not in self.wanted:
                continue
            if first.slope_name:
                slope = self._slope(quantity, partial)
                yield slope
                partial = Ref(slope.name)  # noqa: PLW2901
            if is_turned:
                partial = opposite(partial)  # noqa: PLW2901
            self.shares.setdefault(name, []).append(self._share(quantity, adjoint, partial))

    def _partials(self, quantity: Quantity) -> Mapping[str, Expr]:
        if quantity.partials is not None:
            return quantity.partials
        return {} if quantity.formula is None else derivatives(quantity.formula, self.wanted)

    def _share(self, quantity: Quantity, adjoint: Expr, partial: Expr) -> Expr:
        """What the loss's derivative passes on through one partial derivative."""
        if quantity.shape and len(shape_of(partial, self.scope.shapes)) > len(quantity.shape):
            # Each entry depends on all entries of the other: a row of the matrix for each.
            return product(transposed(partial), adjoint)
        return times(adjoint, partial)

    def _adjoint(self, quantity: Quantity, adjoint: Expr) -> Quantity:
        is_fed_back = any(ref.name in self.error_terms for ref in references(adjoint))
        return self.scope.quantity(
            quantity.adjoint,
            quantity.each(lambda column: column.adjoint_name),
            adjoint,
            lambda index, formula, _: _adjoint_column(
                quantity.columns[index], formula, is_fed_back=is_fed_back, turned=self.turned
            ),
        )

    def _slope(self, quantity: Quantity, partial: Expr) -> Quantity:
        return self.scope.quantity(
            quantity.slope,
            quantity.each(lambda column: column.slope_name),
            partial,
            lambda index, formula, _: _slope_column(quantity.columns[index], formula),
        )


def _adjoint_column(
    column: Column, adjoint: Expr, *, is_fed_back: bool = False, turned: bool = False
) -> Column:
    """The column for the derivative of the loss with respect to a column.

    `is_fed_back` says that the derivative collects the error terms of other neurons, `turned` that
    it is minus the derivative.
    """
    phase = Phase.GRADIENT if column.phase in LEAVES else Phase.BACKWARD
    of_loss = f"{'opposite of the ' * turned}derivative of the loss with respect to"
    what = f"{of_loss} {column.name}"
    match column.role:
        case Role.WEIGHT if column.neuron is not None:
            role = Role.GRADIENT
            meaning = f"{what}: the neuron's error term times the input to the weight"
        case Role.WEIGHT:
            role = Role.GRADIENT
            meaning = f"{what}: {ADDED_UP}"
        case Role.OUTPUT:
            role = Role.LOSS_DERIVATIVE
            meaning = f"{of_loss} the output {column.name}"
        case Role.SUM:
            role = Role.ERROR
            meaning = f"error term of {column.neuron}, the {of_loss} its weighted sum: "
            meaning += (
                "the error terms of the neurons it feeds, each times the weight between, times "
                "the derivative of its output"
                if is_fed_back
                else "what a change of its output does to the loss, times the derivative of its "
                "output"
            )
        case _:
            role = Role.DERIVATIVE
            meaning = f"{what}: {ADDED_UP}"
    return Column(
        name=str(column.adjoint_name),
        phase=phase,
        role=role,
        formula=adjoint,
        layer=column.layer,
        neuron=column.neuron,
        input=column.input,
        weight=column.name if column.role is Role.WEIGHT else None,
        labels=column.labels,
        meaning=meaning,
    )


def _slope_column(column: Column, partial: Expr) -> Column:
    return Column(
        name=str(column.slope_name),
        phase=Phase.BACKWARD,
        role=Role.OUTPUT_DERIVATIVE,
        formula=partial,
        layer=column.layer,
        neuron=column.neuron,
        meaning=f"derivative of the output {column.name} with respect to its weighted sum",
    )
