"""A network as quantities: the weights and the forward pass, layer by layer.

z^l = b^l + W^l a^(l−1) and a^l = g(z^l), then the loss. Each quantity has what the backward pass
needs: its derivative as a textbook writes it, and the names of the columns for derivatives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from bpsheet.columns.names import LayerNames
from bpsheet.columns.presentation import INPUTS, TARGETS
from bpsheet.formula.arrays import along, as_column, largest, product, sum_of
from bpsheet.formula.derivative import differentiate
from bpsheet.formula.filling import fill
from bpsheet.formula.parse import OwnFunctions, parse_formula
from bpsheet.formula.tree import (
    Call,
    Expr,
    Mul,
    Neg,
    Num,
    Param,
    Ref,
    Sub,
    Sum,
    replace_refs,
    total,
)
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.quantities import Band, Make, Quantity, Scope
from bpsheet.tables.network import Network
from bpsheet.tables.notation import Notation
from bpsheet.textbook.activations import Activation, JointActivation, activation_of
from bpsheet.textbook.losses import PENALTIES, SIMPLIFIED, loss_of, smoothed

__all__ = ["TURNED", "biases_of", "forward_bands", "loss_quantity", "weight_bands"]

# The array of the numbers by which the outputs' parts of the loss are multiplied.
CLASS_WEIGHTS = "class weights"
# The form of the output's error in which all that is passed back has the opposite sign.
TURNED = "target_minus_output"


def weight_bands(
    layers: Sequence[LayerNames],
    values: Mapping[str, float],
    adjustments: Mapping[str, str],
    gradients: Mapping[str, str],
    scope: Scope,
) -> list[Band]:
    """Biases and weights: typed in the first row, then the last value plus its adjustment."""
    bands = []
    for layer in layers:
        own = []
        for name, entries in _parameters(layer):
            adjusted = np.vectorize(adjustments.get, otypes=[object])(entries)
            moved = f"Δ{name}" if entries.shape else str(adjusted)
            scope.announce(moved, adjusted)
            last, adjustment = Ref(name, lag=1), Ref(moved, lag=1)
            formula = Sum((last, adjustment)) if any(adjusted.ravel()) else last
            make = _weight(layer, entries, values, adjustments, gradients)
            own.append(scope.quantity(name, entries, formula, make))
        bands.append(Band(tuple(own)))
    return bands


def _parameters(layer: LayerNames) -> list[tuple[str, np.ndarray]]:
    """A layer's biases, if it has any (a vector, or the shared one), and the matrix of weights."""
    biases = (
        np.array(layer.biases[0] if layer.is_bias_shared else layer.biases, object)
        if layer.biases
        else None
    )
    named = [] if biases is None else [(biases_of(layer), biases)]
    return [*named, (f"W{layer.number}", np.array(layer.weights, object))]


def biases_of(layer: LayerNames) -> str:
    """The name of the quantity of a layer's biases."""
    return layer.biases[0] if layer.is_bias_shared else f"b{layer.number}"


def _weight(
    layer: LayerNames,
    entries: np.ndarray,
    values: Mapping[str, float],
    adjustments: Mapping[str, str],
    gradients: Mapping[str, str],
) -> Make:
    def make(index: tuple[int, ...], formula: Expr, _: object) -> Column:
        name = entries[index]
        neuron = layer.neurons[index[0]] if index else None
        source = layer.inputs[index[1]] if len(index) == 2 else None
        what = f"bias of {neuron or 'all neurons of its layer'}"
        if source is not None:
            what = f"weight from {source} to {neuron}"
        follows = "from the second row on, the last one plus its adjustment"
        return Column(
            name=name,
            phase=Phase.WEIGHT,
            role=Role.WEIGHT,
            formula=formula,
            start=values[name],
            layer=layer.number,
            neuron=neuron,
            input=source,
            adjoint_name=gradients.get(name),
            meaning=f"{what}; {follows if name in adjustments else 'never updated'}",
        )

    return make


def forward_bands(
    network: Network,
    layers: Sequence[LayerNames],
    notation: Notation,
    scope: Scope,
    own: OwnFunctions | None = None,
    *,
    weight: str | None = None,
    penalties: Collection[str] = (),
) -> list[Band]:
    """The weighted sums and outputs of every layer, then the loss if the network has one.

    `own` are the functions that the user defines, `weight` is the column with the weight of the
    example, `penalties` the names of what the weights add to the loss.
    """
    bands: list[Band] = []
    loss = notation.name("loss")
    for names, spec in zip(layers, network.layers, strict=True):
        layer = _Layer(names, notation, loss, scope, is_output=names is layers[-1])
        # A function of the user's own is an activation by its name, or in a formula of z.
        is_own = spec.activation in (own or {})
        activation = activation_of(f"{spec.activation}(z)" if is_own else spec.activation)
        if isinstance(activation, JointActivation):
            bands += layer.joint(activation)
        else:
            bands.append(layer.plain(activation, own))
    if network.loss is not None:
        whole = loss_quantity(network, layers, loss, scope, weight=weight, penalties=penalties)
        bands.append(Band((whole,)))
    return bands


class _Layer:
    """The forward pass of one layer."""

    def __init__(
        self, names: LayerNames, notation: Notation, loss: str, scope: Scope, *, is_output: bool
    ) -> None:
        self.names = names
        self.notation = notation
        self.loss = loss
        self.scope = scope
        self.is_output = is_output
        l = names.number  # noqa: E741 - the layer's letter
        self.input = f"a{l - 1}" if l > 1 else INPUTS
        self.z, self.a = f"z{l}", f"a{l}"

    def _sums(self) -> Quantity:
        """The weighted sums z = 1·b + W a. The formula shows the biases' input, 1."""
        names = self.names
        whole: Expr = product(Ref(f"W{names.number}"), Ref(self.input))
        if names.biases:
            whole = Sum((Mul(Num(1.0), Ref(biases_of(names))), whole))

        def make(index: tuple[int, ...], formula: Expr, _: object) -> Column:
            parts = names.parts(index[0]) | {"loss": self.loss}
            return Column(
                name=names.sums[index[0]],
                phase=Phase.FORWARD,
                role=Role.SUM,
                formula=formula,
                layer=names.number,
                neuron=names.neurons[index[0]],
                adjoint_name=self.notation.name("error", **parts),
                meaning=f"weighted sum of {names.neurons[index[0]]}: "
                + ("its bias, and " if names.biases else "")
                + "each input times its weight",
            )

        return self.scope.quantity(self.z, names.sums, whole, make)

    def _outputs(self, formula: Expr, partial: Expr, meaning: str, *, has_slope: bool) -> Quantity:
        names = self.names

        def make(
            index: tuple[int, ...], formula: Expr, partials: Mapping[str, Expr] | None
        ) -> Column:
            parts = names.parts(index[0]) | {"loss": self.loss}
            return Column(
                name=names.outputs[index[0]],
                phase=Phase.FORWARD,
                role=Role.OUTPUT,
                formula=formula,
                layer=names.number,
                neuron=names.neurons[index[0]],
                partials=partials,
                slope_name=self.notation.name("output_derivative", **parts) if has_slope else None,
                adjoint_name=self.notation.name("loss_derivative", **parts)
                if self.is_output
                else None,
                meaning=f"output of {names.neurons[index[0]]}: {meaning}",
            )

        return self.scope.quantity(self.a, names.outputs, formula, make, {self.z: partial})

    def plain(self, activation: Activation, own: OwnFunctions | None) -> Band:
        """A layer in which each output depends on its own weighted sum: a = g(z)."""
        formula = parse_formula(activation.formula, {"z"}, own=own)
        if activation.derivative:
            slope = fill(activation.derivative, z=Ref(self.z), y=Ref(self.a))
        else:
            slope = fill_z(differentiate(formula, "z"), self.z)
        sums = self._sums()
        self.scope.announce(self.a, self.names.outputs)
        outputs = self._outputs(fill_z(formula, self.z), slope, activation.meaning, has_slope=True)
        return Band((sums, outputs))

    def joint(self, activation: JointActivation) -> list[Band]:
        """Softmax: y_i = exp(s_i) / Σ_k exp(s_k), with all sums shifted by the largest of them.

        The shift leaves the outputs as they are and keeps exp from overflowing. Each output
        depends on every weighted sum: ∂y_k/∂s_i = y_k (δ_ik − y_i).
        """
        names = self.names
        shift, whole = _joint_names(names.number)
        powers = f"e{names.number}"
        y = Ref(self.a)
        quantities = [
            self._sums(),
            self._part(
                shift,
                shift,
                largest(Ref(self.z)),
                "the largest weighted sum, subtracted from all so that exp cannot overflow",
            ),
            self._part(
                powers,
                [f"exp_{neuron}" for neuron in names.neurons],
                Call("exp", (Sub(Ref(self.z), Ref(shift)),)),
                "exponential of the weighted sum minus the largest one",
            ),
            self._part(whole, whole, sum_of(Ref(powers)), "sum of the exponentials"),
        ]
        self.scope.announce(self.a, names.outputs)
        slopes = own = fill(activation.derivative, y=y)
        is_single = len(names.neurons) == 1
        if not is_single:
            slopes = along(own, fill(activation.across, y=as_column(y), other=y))
        outputs = self._outputs(
            fill(activation.formula, power=Ref(powers), whole=Ref(whole)),
            slopes,
            activation.meaning,
            has_slope=is_single,
        )
        return [Band((quantity,)) for quantity in (*quantities, outputs)]

    def _part(self, name: str, entries: object, formula: Expr, meaning: str) -> Quantity:
        entries = np.asarray(entries, object)

        # No partials: the outputs have their derivatives with respect to the weighted sums directly.
        def make(index: tuple[int, ...], formula: Expr, _: object) -> Column:
            return Column(
                name=entries[index],
                phase=Phase.FORWARD,
                role=Role.PART,
                formula=formula,
                layer=self.names.number,
                partials={},
                meaning=meaning,
            )

        return self.scope.quantity(name, entries, formula, make, {})


def fill_z(formula: Expr, name: str) -> Expr:
    """An activation's formula with the weighted sum instead of z."""
    return replace_refs(formula, {Ref("z"): Ref(name)})


def _joint_names(layer: int) -> tuple[str, str]:
    return f"max_z{layer}", f"sum_exp{layer}"


def loss_quantity(
    network: Network,
    layers: Sequence[LayerNames],
    name: str,
    scope: Scope,
    *,
    weight: str | None,
    penalties: Collection[str],
) -> Quantity:
    """The loss of an example with the column of its weight, and with the penalties of the weights."""
    kind, last = str(network.loss), layers[-1].number
    loss = loss_of(kind)
    y, t, z = Ref(f"a{last}"), Ref(TARGETS), Ref(f"z{last}")
    count = len(network.targets)
    target: Expr = t if network.label_smoothing is None else smoothed(t, count)
    if network.output_error == "simplified":
        # A formula of the weighted sums, and its derivatives with respect to them.
        form = SIMPLIFIED[kind]
        shift, whole = _joint_names(last)
        operands: dict[str, Expr] = {"z": z, "t": target}
        if "largest" in form.term:
            operands |= {"largest": Ref(shift), "total": Ref(whole)}
        formula: Expr = sum_of(fill(form.term, **operands))
        partials = {z.name: fill(form.derivative, y=y, t=target)}
    else:
        part, slope = loss.part(target, y), loss.slope(target, y, count)
        if network.class_weights is not None:
            scope.put(CLASS_WEIGHTS, [Num(value) for value in network.class_weights])
            part, slope = Mul(Ref(CLASS_WEIGHTS), part), Mul(Ref(CLASS_WEIGHTS), slope)
        formula = loss.formula(sum_of(part), count)
        partials = {y.name: slope}
    meaning = loss.meaning
    if weight is not None:
        formula = Mul(Ref(weight), formula)
        partials = {of: Mul(Ref(weight), slope) for of, slope in partials.items()}
        meaning += ", times the weight of the example"
    if penalties:
        formula, slopes = _penalised(formula, layers, penalties, uphill=loss.maximised)
        partials |= slopes
        meaning += f", {'minus' if loss.maximised else 'plus'} what the weights add"

    def make(_: tuple[int, ...], formula: Expr, partials: Mapping[str, Expr] | None) -> Column:
        return Column(
            name=name,
            phase=Phase.FORWARD,
            role=Role.LOSS,
            formula=formula,
            partials=partials,
            turned=network.output_error == TURNED,
            meaning=meaning + ("; to be maximised" if loss.maximised else ""),
        )

    return scope.quantity(name, name, formula, make, partials)


def _penalised(
    loss: Expr, layers: Sequence[LayerNames], penalties: Collection[str], *, uphill: bool
) -> tuple[Expr, dict[str, Expr]]:
    """The loss with the penalties of all weights, and what they add to each gradient.

    Equation: L + l1 Σ|w| + ½ l2 Σw². Biases have no part in it.
    """
    matrices = [Ref(f"W{layer.number}") for layer in layers]
    for name in penalties:
        form = PENALTIES[name]
        parts = total([sum_of(fill(form.term, w=matrix)) for matrix in matrices])
        added = Mul(fill(form.factor, **{name: Param(name)}), parts)
        loss = Sub(loss, added) if uphill else _plus(loss, added)
    slopes = {}
    for matrix in matrices:
        each = [
            fill(PENALTIES[name].derivative, w=matrix, **{name: Param(name)}) for name in penalties
        ]
        slopes[matrix.name] = Neg(total(each)) if uphill else total(each)
    return loss, slopes


def _plus(loss: Expr, added: Expr) -> Expr:
    return Sum((*loss.terms, added)) if isinstance(loss, Sum) else Sum((loss, added))
