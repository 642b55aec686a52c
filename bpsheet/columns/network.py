"""A network as columns: the inputs, the weights and the forward pass.

z^l = w^l a^(l−1) + b^l and a^l = g(z^l), neuron by neuron, then the loss. Each column has what the
backward pass needs: its derivative as a textbook writes it, and the names of the columns for
derivatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpsheet.columns.names import LayerNames
from bpsheet.formula.derivative import differentiate
from bpsheet.formula.filling import fill
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Call, Expr, Mul, Num, Ref, Sub, Sum, replace_refs, total
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Column
from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Network
from bpsheet.textbook.activations import Activation, JointActivation, activation_of
from bpsheet.textbook.losses import LOSSES, SIMPLIFIED

__all__ = ["forward_columns", "weight_columns"]


def weight_columns(
    layers: Sequence[LayerNames],
    values: Mapping[str, float],
    adjustments: Mapping[str, str],
    gradients: Mapping[str, str],
) -> list[Column]:
    """Biases and weights: typed in the first row, then the last value plus its adjustment."""
    columns = []
    for layer in layers:
        for index, neuron in enumerate(layer.neurons):
            for name in layer.of_neuron(index):
                adjustment = adjustments.get(name)
                last = Ref(name, lag=1)
                columns.append(
                    Column(
                        name=name,
                        phase=Phase.WEIGHT,
                        role=Role.WEIGHT,
                        formula=Sum((last, Ref(adjustment, lag=1))) if adjustment else last,
                        start=values[name],
                        layer=layer.number,
                        neuron=neuron,
                        adjoint_name=gradients.get(name),
                        meaning=_weight_meaning(layer, index, name, trained=bool(adjustment)),
                    )
                )
    return columns


def _weight_meaning(layer: LayerNames, index: int, name: str, *, trained: bool) -> str:
    neuron = layer.neurons[index]
    if name in layer.biases:
        what = f"bias of {neuron}"
    else:
        source = layer.inputs[layer.weights[index].index(name)]
        what = f"weight from {source} to {neuron}"
    if trained:
        return f"{what}; from the second row on, the last one plus its adjustment"
    return f"{what}; never updated"


def forward_columns(
    network: Network, layers: Sequence[LayerNames], notation: Notation
) -> list[Column]:
    """The weighted sums and outputs of every layer, then the loss if the network has one."""
    columns: list[Column] = []
    loss = notation.name("loss")
    for layer, spec in zip(layers, network.layers, strict=True):
        is_output = layer is layers[-1]
        activation = activation_of(spec.activation)
        if isinstance(activation, JointActivation):
            columns += _joint_layer(layer, activation, notation, loss, is_output=is_output)
        else:
            columns += _plain_layer(layer, activation, notation, loss, is_output=is_output)
    if network.loss is not None:
        columns.append(_loss_column(network, layers[-1], loss))
    return columns


def _sum_column(layer: LayerNames, index: int, notation: Notation, loss: str) -> Column:
    """The weighted sum z = 1·bias + Σ input·weight. The formula shows the bias's input, 1."""
    terms: list[Expr] = [Mul(Num(1.0), Ref(name)) for name in layer.biases[index : index + 1]]
    terms += [
        Mul(Ref(source), Ref(weight))
        for source, weight in zip(layer.inputs, layer.weights[index], strict=True)
    ]
    return Column(
        name=layer.sums[index],
        phase=Phase.FORWARD,
        role=Role.SUM,
        formula=total(terms),
        layer=layer.number,
        neuron=layer.neurons[index],
        adjoint_name=notation.name("error", **layer.parts(index), loss=loss),
        meaning=f"weighted sum of {layer.neurons[index]}: "
        + ("its bias, and " if layer.biases else "")
        + "each input times its weight",
    )


def _output_column(
    layer: LayerNames,
    index: int,
    notation: Notation,
    loss: str,
    *,
    is_output: bool,
    formula: Expr,
    partials: Mapping[str, Expr],
    meaning: str,
) -> Column:
    parts = layer.parts(index) | {"loss": loss}
    return Column(
        name=layer.outputs[index],
        phase=Phase.FORWARD,
        role=Role.OUTPUT,
        formula=formula,
        layer=layer.number,
        neuron=layer.neurons[index],
        partials=partials,
        slope_name=notation.name("output_derivative", **parts) if len(partials) == 1 else None,
        adjoint_name=notation.name("loss_derivative", **parts) if is_output else None,
        meaning=f"output of {layer.neurons[index]}: {meaning}",
    )


def _plain_layer(
    layer: LayerNames, activation: Activation, notation: Notation, loss: str, *, is_output: bool
) -> list[Column]:
    """A layer in which each output depends on its own weighted sum: a = g(z)."""
    formula = parse_formula(activation.formula, {"z"})
    columns = []
    for index, (z, y) in enumerate(zip(layer.sums, layer.outputs, strict=True)):
        if activation.derivative:
            slope = fill(activation.derivative, z=Ref(z), y=Ref(y))
        else:
            slope = fill_z(differentiate(formula, "z"), z)
        columns.append(_sum_column(layer, index, notation, loss))
        columns.append(
            _output_column(
                layer,
                index,
                notation,
                loss,
                is_output=is_output,
                formula=fill_z(formula, z),
                partials={z: slope},
                meaning=activation.meaning,
            )
        )
    return columns


def fill_z(formula: Expr, name: str) -> Expr:
    """An activation's formula with the neuron's weighted sum instead of z."""
    return replace_refs(formula, {Ref("z"): Ref(name)})


def _joint_names(layer: LayerNames) -> tuple[str, str]:
    return f"max_z{layer.number}", f"sum_exp{layer.number}"


def _joint_layer(
    layer: LayerNames,
    activation: JointActivation,
    notation: Notation,
    loss: str,
    *,
    is_output: bool,
) -> list[Column]:
    """Softmax: y_i = exp(s_i) / Σ_k exp(s_k), with all sums shifted by the largest of them.

    The shift leaves the outputs as they are and keeps exp from overflowing. Each output
    depends on every weighted sum: ∂y_k/∂s_i = y_k (δ_ik − y_i).
    """
    largest, whole = _joint_names(layer)
    columns = [_sum_column(layer, index, notation, loss) for index in range(len(layer.neurons))]
    powers = [f"exp_{neuron}" for neuron in layer.neurons]
    columns.append(
        _part(
            layer,
            largest,
            Call("max", tuple(Ref(z) for z in layer.sums)),
            "the largest weighted sum, subtracted from all so that exp cannot overflow",
        )
    )
    columns += [
        _part(
            layer,
            name,
            Call("exp", (Sub(Ref(z), Ref(largest)),)),
            "e to the power of the weighted sum minus the largest one",
        )
        for name, z in zip(powers, layer.sums, strict=True)
    ]
    columns.append(
        _part(layer, whole, total([Ref(name) for name in powers]), "sum of the exponentials")
    )
    for k, y in enumerate(layer.outputs):
        columns.append(
            _output_column(
                layer,
                k,
                notation,
                loss,
                is_output=is_output,
                formula=fill(activation.formula, power=Ref(powers[k]), whole=Ref(whole)),
                partials={
                    z: fill(activation.derivative, y=Ref(y))
                    if i == k
                    else fill(activation.across, y=Ref(y), other=Ref(layer.outputs[i]))
                    for i, z in enumerate(layer.sums)
                },
                meaning=activation.meaning,
            )
        )
    return columns


def _part(layer: LayerNames, name: str, formula: Expr, meaning: str) -> Column:
    # No partials: the outputs have their derivatives with respect to the weighted sums directly.
    return Column(
        name=name,
        phase=Phase.FORWARD,
        role=Role.PART,
        formula=formula,
        layer=layer.number,
        partials={},
        meaning=meaning,
    )


def _loss_column(network: Network, output: LayerNames, name: str) -> Column:
    kind = str(network.loss)
    loss = LOSSES[kind]
    targets = [Ref(target) for target in network.targets]
    if network.output_error == "simplified":
        formula, partials = _simplified(kind, output, targets)
    else:
        outputs = [Ref(y) for y in output.outputs]
        formula = loss.formula(list(targets), list(outputs))
        partials = {
            y.name: loss.slope(t, y, len(outputs)) for t, y in zip(targets, outputs, strict=True)
        }
    return Column(
        name=name,
        phase=Phase.FORWARD,
        role=Role.LOSS,
        formula=formula,
        partials=partials,
        meaning=loss.meaning + ("; to be maximised" if loss.maximised else ""),
    )


def _simplified(
    kind: str, output: LayerNames, targets: Sequence[Ref]
) -> tuple[Expr, dict[str, Expr]]:
    """The loss as a formula of the weighted sums, and its derivatives with respect to them."""
    form = SIMPLIFIED[kind]
    largest, whole = _joint_names(output)
    terms, partials = [], {}
    for t, y, z in zip(targets, output.outputs, output.sums, strict=True):
        operands: dict[str, Expr] = {"z": Ref(z), "t": t}
        if "largest" in form.term:
            operands |= {"largest": Ref(largest), "total": Ref(whole)}
        terms.append(fill(form.term, **operands))
        partials[z] = fill(form.derivative, y=Ref(y), t=t)
    return total(terms), partials
