"""The four equations of backpropagation for a network's layers, with their shapes."""

from __future__ import annotations

from collections.abc import Iterable

from bpsheet.columns.model import NetworkModel
from bpsheet.columns.names import LayerNames
from bpsheet.paper.blocks import Block, Heading, Prose
from bpsheet.paper.matrices import (
    Entries,
    Fraction,
    Gradient,
    Letter,
    Matrices,
    Name,
    Piece,
    Sign,
)
from bpsheet.textbook.activations import is_joint

__all__ = ["layer_blocks"]

# A matrix of more rows or columns than this is described by its shape alone.
WIDEST = 8
EQUALS, PLUS, TIMES = Sign("="), Sign("+"), Sign("∘")
OPEN, CLOSE = Sign("("), Sign(")")


def _at(name: str, layer: int | str, *, transposed: bool = False) -> Letter:
    return Letter(name, str(layer), transposed)


def _slope(layer: int | str) -> tuple[Piece, ...]:
    """g'(z) of a layer."""
    return (Letter("g", str(layer), prime=True), OPEN, _at("z", layer), CLOSE)


def layer_blocks(model: NetworkModel, *, uphill: bool) -> Iterable[Block]:
    """The vectors and matrices of each layer, then the four equations for each."""
    network, layers, loss = model.network, model.layers, str(model.loss)
    last = layers[-1].number
    turned = ", with the opposite sign" if model.turned else ""
    sign = (Sign("−"),) * model.turned
    yield Heading("In matrix form")
    yield Prose(
        f"The inputs are a^0, a column of {_count(len(network.inputs), 'number')}. In layer l, "
        "W^l has a row for each neuron and a column for each input, b^l are the biases, z^l the "
        "weighted sums, a^l = g^l(z^l) the outputs and δ^l the error terms, the derivatives "
        f"of {loss} with respect to z^l{turned}. The sign ∘ multiplies entry by entry."
    )
    for names, layer in zip(layers, network.layers, strict=True):
        yield Heading(f"Layer {names.number}: {', '.join(names.neurons)}", 2)
        yield Prose(_shapes(names, layer.activation))
        yield from _written_out(names)
        biased = (PLUS, _at("b", names.number)) if names.biases else ()
        weighed = (_at("W", names.number), _at("a", names.number - 1), *biased)
        yield Matrices((_at("z", names.number), EQUALS, *weighed))
    yield Heading("The four equations", 2)
    yield from _output_error(model, loss, uphill=uphill)
    for names, layer in reversed(list(zip(layers[:-1], network.layers[:-1], strict=True))):
        above = names.number + 1
        fed = (_at("W", above, transposed=True), _at("δ", above))
        yield Prose(
            f"The error terms of layer {names.number} ({len(names.neurons)} × 1), from the error "
            f"terms of layer {above}:"
        )
        if is_joint(layer.activation):
            yield Matrices((_at("δ", names.number), EQUALS, _at("J", names.number, transposed=True), OPEN, *fed, CLOSE))  # fmt: skip
            yield Prose(_jacobian(names))
        else:
            yield Matrices(
                (_at("δ", names.number), EQUALS, OPEN, *fed, CLOSE, TIMES, *_slope(names.number))
            )
    for names in reversed(layers):
        below = _at("a", names.number - 1, transposed=True)
        shape = f"{len(names.neurons)} × {len(names.inputs)}"
        yield Prose(
            f"The gradient of layer {names.number}; W^{names.number} has the shape {shape}:"
        )
        if names.biases:
            of_bias = Fraction(loss, _at("b", names.number))
            added_up = (Sign("Σ"),) * names.is_bias_shared
            yield Matrices((*sign, of_bias, EQUALS, *added_up, _at("δ", names.number)))
        of_weights = Fraction(loss, _at("W", names.number))
        added = _penalties(model, _at("W", names.number), uphill=uphill != model.turned)
        yield Matrices((*sign, of_weights, EQUALS, _at("δ", names.number), below, *added))
    if last == 1:
        yield Prose("With one layer of neurons, no error term is fed back.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _shapes(names: LayerNames, activation: str) -> str:
    rows, columns = len(names.neurons), len(names.inputs)
    l = names.number  # noqa: E741 the layer's letter
    is_own = names.biases and not names.is_bias_shared
    vectors = f"b^{l}, z^{l}, a^{l} and δ^{l}" if is_own else f"z^{l}, a^{l} and δ^{l}"
    shapes = f"W^{l} is {rows} × {columns}; {vectors} are {rows} × 1."
    sentence = f"{shapes} The activation is {activation}."
    if names.is_bias_shared:
        return f"{sentence} b^{l} is one number, which all its neurons share."
    return sentence if names.biases else f"{sentence} There are no biases."


def _written_out(names: LayerNames) -> Iterable[Block]:
    if max(len(names.neurons), len(names.inputs)) > WIDEST:
        return
    yield Matrices((_at("W", names.number), EQUALS, Entries(names.weights)))
    for letter, column in (("b", names.biases), ("z", names.sums), ("a", names.outputs)):
        if column:
            entries = Entries(tuple((name,) for name in column))
            yield Matrices((_at(letter, names.number), EQUALS, entries))


def _penalties(model: NetworkModel, weights: Letter, *, uphill: bool) -> Iterable[Piece]:
    """What the penalties of the weights add to their gradient."""
    derivatives: dict[str, tuple[Piece, ...]] = {
        "l1": (Sign("sign"), OPEN, weights, CLOSE),
        "l2": (weights,),
    }
    for name in model.penalties:
        yield from (Sign("−") if uphill else PLUS, Name(name), *derivatives[name])


def _output_error(model: NetworkModel, loss: str, *, uphill: bool) -> Iterable[Block]:
    """Equation 1, in the form for the network's loss and activation."""
    network, names = model.network, model.layers[-1]
    last = names.number
    yield Prose(f"The error terms of the output layer ({len(names.neurons)} × 1):")
    gradient = (Sign("−"),) * model.turned + (Gradient(loss, _at("a", last)),)
    if network.output_error == "simplified":
        targets = Entries(tuple((name,) for name in network.targets))
        outputs = _at("a", last)
        sides = (targets, Sign("−"), outputs) if uphill else (outputs, Sign("−"), targets)
        if model.example_weight is not None:
            sides = (Name(model.example_weight), OPEN, *sides, CLOSE)
        yield Matrices((_at("δ", last), EQUALS, *sides))
        if network.label_smoothing is not None:
            count = len(network.targets)
            yield Prose(
                "Label smoothing makes each target t into "
                f"(1 − label_smoothing) t + label_smoothing/{count}."
            )
        yield Prose(
            "The derivative of the loss times the derivative of the activation simplifies to this."
        )
    elif is_joint(network.output_activation):
        yield Matrices((_at("δ", last), EQUALS, _at("J", last, transposed=True), *gradient))
        yield Prose(_jacobian(names))
    else:
        yield Matrices((_at("δ", last), EQUALS, *gradient, TIMES, *_slope(last)))


def _jacobian(names: LayerNames) -> str:
    size = len(names.neurons)
    return (
        f"J^{names.number} is the {size} × {size} matrix of the softmax's derivatives: "
        "y_k (1 − y_k) on the diagonal, −y_k y_i in row k and column i off the diagonal."
    )
