"""Operations between layers: activations as functions, arithmetic, products, other shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bpsheet.models.imported import Part
from bpsheet.models.torch.layers import Value
from bpsheet.models.torch.walk import State, Walk

__all__ = ["RESHAPES", "Operations"]

# What changes nothing but the shape, or nothing at all.
RESHAPES = frozenset(
    "flatten view reshape squeeze unsqueeze contiguous transpose permute getitem select float double "
    "to clone unflatten movedim swapaxes identity t detach requires_grad_ view_as reshape_as".split()
)


class Operations(Walk):
    """The operations that are no modules."""

    def _part_of(self, node: Any, place: str, given: Sequence[Any]) -> Any:
        whole, index = given[0], given[1]
        if isinstance(whole, State):
            return self._last_state(node, place, whole)
        if isinstance(index, int) and whole[index] is not None:
            return whole[index]
        return self._refused(
            node, place, "the output and the last state are covered, and no other part"
        )

    def _last_state(self, node: Any, place: str, state: State) -> Any:
        """The last state of the last layer: the last step of the output."""
        import torch

        numbers, value = self.numbers[node], state.sequence
        steps = 1 - value.axis
        source = next(
            key for key, one in self.values.items() if isinstance(one, tuple) and one[0] is value
        )
        last = self.numbers[source][0].select(steps, -1)
        if not isinstance(numbers, torch.Tensor) or numbers.numel() != last.numel():
            if state.layers == 1:
                return state
            return self._refused(node, place, "the state of the last layer alone is covered: h[-1]")
        if not torch.equal(numbers.reshape(last.shape), last):
            return self._refused(node, place, "the state of the last layer alone is covered: h[-1]")
        if not self._is_current(place, value):
            return replace(value, layer=len(self.draft.layers))
        self.draft.layer("last")
        return Value(len(self.draft.layers), value.shape[1:], "plain", 0)

    def _elementwise(self, place: str, value: Value, text: str) -> Value:
        if not self._is_current(place, value):
            return replace(value, layer=len(self.draft.layers))
        self.draft.activation(text)
        return replace(value, layer=len(self.draft.layers))

    def _arithmetic(self, node: Any, place: str, word: str, given: Sequence[Any]) -> Any:
        signs = {"add": "+", "add_": "+", "iadd": "+", "radd": "+", "sub": "-", "rsub": "-", "mul": "*",
                 "rmul": "*", "truediv": "/", "div": "/", "pow": "^"}  # fmt: skip
        sign, (left, right) = signs[word], given[:2]
        if word == "rsub":
            left, right = right, left
        values = [one for one in (left, right) if isinstance(one, Value)]
        if len(values) == 2:
            return self._sum(node, place, sign, values)
        (value,) = values or (None,)
        other = right if isinstance(left, Value) else left
        if value is not None and isinstance(other, int | float) and not isinstance(other, bool):
            text = (
                f"z{sign}({float(other)!r})"
                if isinstance(left, Value)
                else f"{float(other)!r}{sign}z"
            )
            return self._elementwise(place, value, text)
        if value is not None and sign == "+" and hasattr(other, "shape"):
            return self._array(node, place, value, other)
        return self._refused(
            node,
            place,
            f"a sum with an earlier output, or with a number, is covered; {sign} of these is not",
        )

    def _sum(self, node: Any, place: str, sign: str, values: Sequence[Value]) -> Any:
        first, second = sorted(values, key=lambda one: one.layer)
        if first.layer == second.layer:
            texts = {"+": "2*z", "*": "z^2", "-": "0*z"}
            if sign in texts and first == second:
                return self._elementwise(place, first, texts[sign])
        if sign != "+" or first.shape != second.shape:
            return self._refused(node, place, "sums of two outputs of one shape are covered")
        if not self._is_current(place, second):
            return second
        site = self._site(place, None, second)
        name = site.name_of(first)
        site.add("residual", of=name)
        return site.now()

    def _array(self, node: Any, place: str, value: Value, numbers: Any) -> Any:
        """An array that is added: the bias of the layer before, or a code of positions."""
        if not self._is_current(place, value):
            return value
        name = self._attribute(node, numbers)
        last = self.draft.layers[-1] if self.draft.layers else {}
        is_open = (
            "kind" not in last and last.get("bias") is False and last["activation"] == "linear"
        )
        if is_open and name is not None and tuple(numbers.shape) == value.shape[-1:]:
            number = len(self.draft.layers)
            last["bias"] = self.state[name].tolist()
            self.draft.names[f"{number}.b"] = name
            if name in self.fixed:
                self.draft.frozen.append(f"{number}.b")
            return value
        shape = tuple(numbers.shape)
        if len(value.shape) == 2 and shape in (value.shape, (1, *value.shape)):
            # What the forward pass makes itself, or cuts out, has no name in the model.
            part = Part("", numbers) if name is None else Part(name, self.state[name])
            self.draft.layer("positions", {"P": part if len(shape) == 2 else _first(part)})
            if self.is_trained and name in dict(self.root.named_parameters()):
                return self._refused(node, place, "positions that are trained are not covered")
            return replace(value, layer=len(self.draft.layers))
        return self._refused(node, place, "a bias of the layer before is covered")

    def _product(
        self, node: Any, place: str, word: str, given: Sequence[Any], named: Mapping[str, Any]
    ) -> Any:
        """x @ W, or F.linear(x, W, b): a dense layer with an array of the model."""
        value = given[0]
        weight = given[1] if len(given) > 1 else named.get("weight")
        name = self._attribute(node, weight)
        if not isinstance(value, Value) or name is None:
            return self._refused(
                node, place, "a product with an array of the model is covered: x @ W"
            )
        if not self._is_current(place, value):
            return value
        site = self._site(place, None, value)
        part = Part(name, self.state[name])
        parameters = {"W": part if word == "linear" else part.turned}
        bias = given[2] if len(given) > 2 else named.get("bias")
        if bias is not None:
            bias_name = self._attribute(node, bias)
            if bias_name is None:
                return self._refused(node, place, "a bias that is an array of the model is covered")
            parameters["b"] = Part(bias_name, self.state[bias_name])
        units = len(parameters["W"].values)
        site.add("dense", parameters, units=units)
        return site.now((*value.shape[:-1], units))

    def _mean(self, node: Any, place: str, value: Value) -> Any:
        """The mean over the steps of a sequence, or over each channel."""
        import torch

        if not self._is_current(place, value):
            return value
        numbers = self.numbers[node]
        given = self.numbers[next(a for a in node.args if self.values.get(a) is value)]
        if value.layout == "channels":
            means = given.flatten(2).mean(dim=2)
            size = value.shape[1:]
            if (
                len(set(size)) == 1
                and numbers.numel() == means.numel()
                and torch.allclose(numbers.reshape(means.shape), means)
            ):
                self.draft.layer("mean_pool", kernel=size[0])
                if tuple(numbers.shape[1:]) == (value.shape[0],):
                    self.draft.layer("flatten")
                    return Value(len(self.draft.layers), (value.shape[0],))
                return Value(len(self.draft.layers), tuple(numbers.shape[1:]), "channels")
        elif len(value.shape) == 2:
            means = given.mean(dim=1 - value.axis)
            if numbers.shape == means.shape and torch.equal(numbers, means):
                self.draft.layer("mean")
                return Value(len(self.draft.layers), value.shape[1:])
        return self._refused(
            node,
            place,
            "the mean over the steps of a sequence, or over each square channel, is covered",
        )

    def _reshaped(self, node: Any, place: str, value: Value) -> Any:
        """What only has another shape, or is the last step. The numbers show which."""
        import torch

        source = next(a for a in node.args if self.values.get(a) is value)
        before, after = self.numbers[source], self.numbers[node]
        if not isinstance(after, torch.Tensor):
            return None
        if before.shape == after.shape and torch.equal(before, after):
            return value
        if len(value.shape) == 2 and value.layout == "plain":
            if torch.equal(before.transpose(0, 1), after):
                return replace(value, axis=1 - value.axis)
            last = before.select(1 - value.axis, -1)
            if after.numel() == last.numel() and torch.equal(after.reshape(last.shape), last):
                if not self._is_current(place, value):
                    return value
                self.draft.layer("last")
                return Value(len(self.draft.layers), value.shape[1:])
        if (
            before.numel() == after.numel()
            and value.axis == 0
            and torch.equal(before.flatten(), after.flatten())
        ):
            shape = tuple(after.shape[1:]) or (1,)
            if value.layer == 0:
                return self._input_as(value, shape)
            if len(shape) == 1 and len(value.shape) == 1:
                return value
            if len(shape) == 1 and self._is_current(place, value):
                self.draft.layer("flatten")
                return Value(len(self.draft.layers), shape)
        return self._refused(
            node,
            place,
            f"from {tuple(before.shape)} to {tuple(after.shape)}: a flat vector, or the last step, is covered",
        )

    def _input_as(self, value: Value, shape: tuple[int, ...]) -> Value:
        """The input in another shape: the numbers are the same."""
        layout = "channels" if len(shape) == 3 else value.layout if len(shape) > 1 else "plain"
        self.start = Value(0, shape, layout, value.axis)
        return self.start


def _first(part: Part) -> Part:
    """The only entry of an array's first axis."""
    return part[0] if part.name else Part("", part.values[0])
