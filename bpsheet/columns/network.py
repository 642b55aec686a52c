"""A network as quantities: the weights and the forward pass, layer by layer.

z^l = b^l + W^l a^(l−1) and a^l = g(z^l), then the loss. Each quantity has what the backward pass
needs: its derivative as a textbook writes it, and the names of the columns for derivatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bpsheet.columns.names import LayerNames
from bpsheet.columns.presentation import INPUTS, TARGETS
from bpsheet.formula.arrays import along, as_column, largest, product, sum_of
from bpsheet.formula.derivative import differentiate
from bpsheet.formula.filling import fill
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Call, Expr, Mul, Num, Ref, Sub, Sum, replace_refs
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.quantities import Band, Make, Quantity, Scope
from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Network
from bpsheet.textbook.activations import Activation, JointActivation, activation_of
from bpsheet.textbook.losses import LOSSES, SIMPLIFIED

__all__ = ["forward_bands", "weight_bands"]


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
            scope.announce(f"Δ{name}", adjusted)
            last, adjustment = Ref(name, lag=1), Ref(f"Δ{name}", lag=1)
            formula = Sum((last, adjustment)) if any(adjusted.ravel()) else last
            make = _weight(layer, entries, values, adjustments, gradients)
            own.append(scope.quantity(name, entries, formula, make))
        bands.append(Band(tuple(own)))
    return bands


def _parameters(layer: LayerNames) -> list[tuple[str, np.ndarray]]:
    """The vector of a layer's biases, if it has any, and the matrix of its weights."""
    biases = [(f"b{layer.number}", np.array(layer.biases, object))] if layer.biases else []
    return [*biases, (f"W{layer.number}", np.array(layer.weights, object))]


def _weight(
    layer: LayerNames,
    entries: np.ndarray,
    values: Mapping[str, float],
    adjustments: Mapping[str, str],
    gradients: Mapping[str, str],
) -> Make:
    def make(index: tuple[int, ...], formula: Expr, _: object) -> Column:
        neuron, name = layer.neurons[index[0]], entries[index]
        what = f"bias of {neuron}"
        if len(index) == 2:
            what = f"weight from {layer.inputs[index[1]]} to {neuron}"
        follows = "from the second row on, the last one plus its adjustment"
        return Column(
            name=name,
            phase=Phase.WEIGHT,
            role=Role.WEIGHT,
            formula=formula,
            start=values[name],
            layer=layer.number,
            neuron=neuron,
            adjoint_name=gradients.get(name),
            meaning=f"{what}; {follows if name in adjustments else 'never updated'}",
        )

    return make


def forward_bands(
    network: Network, layers: Sequence[LayerNames], notation: Notation, scope: Scope
) -> list[Band]:
    """The weighted sums and outputs of every layer, then the loss if the network has one."""
    bands: list[Band] = []
    loss = notation.name("loss")
    for names, spec in zip(layers, network.layers, strict=True):
        layer = _Layer(names, notation, loss, scope, is_output=names is layers[-1])
        activation = activation_of(spec.activation)
        if isinstance(activation, JointActivation):
            bands += layer.joint(activation)
        else:
            bands.append(layer.plain(activation))
    if network.loss is not None:
        bands.append(Band((_loss(network, layers[-1].number, loss, scope),)))
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
            whole = Sum((Mul(Num(1.0), Ref(f"b{names.number}")), whole))

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

    def plain(self, activation: Activation) -> Band:
        """A layer in which each output depends on its own weighted sum: a = g(z)."""
        formula = parse_formula(activation.formula, {"z"})
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
                "e to the power of the weighted sum minus the largest one",
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


def _loss(network: Network, last: int, name: str, scope: Scope) -> Quantity:
    kind = str(network.loss)
    loss = LOSSES[kind]
    y, t, z = Ref(f"a{last}"), Ref(TARGETS), Ref(f"z{last}")
    count = len(network.targets)
    if network.output_error == "simplified":
        # A formula of the weighted sums, and its derivatives with respect to them.
        form = SIMPLIFIED[kind]
        shift, whole = _joint_names(last)
        operands: dict[str, Expr] = {"z": z, "t": t}
        if "largest" in form.term:
            operands |= {"largest": Ref(shift), "total": Ref(whole)}
        formula: Expr = sum_of(fill(form.term, **operands))
        partials = {z.name: fill(form.derivative, y=y, t=t)}
    else:
        formula = loss.formula(sum_of(fill(loss.term, t=t, y=y)), count)
        partials = {y.name: loss.slope(t, y, count)}

    def make(_: tuple[int, ...], formula: Expr, partials: Mapping[str, Expr] | None) -> Column:
        return Column(
            name=name,
            phase=Phase.FORWARD,
            role=Role.LOSS,
            formula=formula,
            partials=partials,
            meaning=loss.meaning + ("; to be maximised" if loss.maximised else ""),
        )

    return scope.quantity(name, name, formula, make, partials)
