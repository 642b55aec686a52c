"""A module's forward pass, followed from operation to operation, as layers of ours.

It is traced and computed for some random examples, so that for every operation its shapes are known,
and what a change of shape does is seen and not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bpsheet.errors import ModelError, Problem
from bpsheet.models.imported import Draft
from bpsheet.models.torch.activations import ACTIVATIONS, ELEMENTWISE
from bpsheet.models.torch.calls import FUNCTIONS, Calls, DropoutCall
from bpsheet.models.torch.layers import Value
from bpsheet.models.torch.operations import RESHAPES
from bpsheet.models.torch.tracing import Traced, first_line, trace
from bpsheet.models.torch.walk import COVERED, State, holds_values, word_of
from bpsheet.words import listing

__all__ = ["Followed", "follow"]

# The examples of the pass that is followed: a number that no layer is likely to have.
EXAMPLES = 5
# Layers that take inputs of any size; what comes after them tells nothing of an example's shape.
SHAPELESS = ("Conv1d", "Conv2d", "RNN", "LSTM", "GRU", "Embedding", "MultiheadAttention",
             "TransformerEncoderLayer", "MaxPool2d", "AvgPool2d")  # fmt: skip


@dataclass(frozen=True)
class Followed:
    """What a module was found to be.

    inputs, outputs: the shapes of one example
    channels:        how many channels the input has; 0 for one array
    is_tokens:       whether the inputs are numbers of tokens
    axis:            the axis of the examples in the input
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    channels: int
    is_tokens: bool
    axis: int
    used: frozenset[str]


def _problem(source: str, place: str, said: str) -> ModelError:
    return ModelError([Problem(place, said)], source)


def follow(module: Any, shape: Sequence[int] | None, draft: Draft, *, is_trained: bool) -> Followed:
    """Add a module's layers to a draft.

    shape:    that of one example; None where the module itself says it

    Raises ModelError where the forward pass cannot be followed. What is not covered is noted.
    """
    from torch import nn

    root = module if not _is_leaf(module) else nn.Sequential(module)
    prefix = "" if root is module else "0"
    return _Reader(root, draft, is_trained=is_trained, prefix=prefix).follow(shape)


def _trace_error() -> type[Exception]:
    from torch.fx.proxy import TraceError

    return TraceError


def _is_leaf(module: Any) -> bool:
    from torch import fx

    return bool(fx.Tracer().is_leaf_module(module, ""))


class _Reader(Calls):
    """Reads a module: its input, its operations one after another, its output."""

    def follow(self, shape: Sequence[int] | None) -> Followed:
        self.is_tokens = any(type(one).__name__ == "Embedding" for one in self.modules.values())
        shape = tuple(shape if shape is not None else self._shape_told())
        self.axis = self._axis()
        traced = self._traced(shape)
        self.numbers, self.modules = traced.numbers, traced.modules
        inputs = [node for node in traced.nodes if node.op == "placeholder"]
        first = self._first_modules(inputs[0])
        self.is_tokens = any(type(module).__name__ == "Embedding" for module in first)
        channels = self._has_channels(first, len(shape))
        start = Value(0, shape, "channels" if channels else "plain", self.axis)
        self.start = start
        self.values = dict.fromkeys(inputs) | {inputs[0]: start}
        result: Any = None
        for node in traced.nodes:
            if node.op == "output":
                result = self._given(node.args[0])
            elif node.op != "placeholder":
                self.values[node] = self._node(node)
        if self.draft.problems:
            self.draft.refuse("", COVERED)
        return self._ended(result)

    def _first_modules(self, start: Any) -> list[Any]:
        """The modules that take the input itself, or what only reshapes or cuts it."""
        found, waiting = [], list(start.users)
        while waiting:
            node = waiting.pop()
            if node.op == "call_module":
                module = self.modules[node.target]
                name = type(module).__name__
                passes = name in ACTIVATIONS or name.startswith(("Dropout", "BatchNorm"))
                found.append(module)
                if passes:
                    waiting += node.users
            elif word_of(node) in RESHAPES and word_of(node) not in ("flatten", "view", "reshape"):
                waiting += node.users
        return found

    def _shape_told(self) -> tuple[int, ...]:
        """The shape of an example, where the first layer tells it."""
        for module in self.modules.values():
            name = type(module).__name__
            if name in ("Linear", "BatchNorm1d"):
                return (int(module.in_features if name == "Linear" else module.num_features),)
            if name in SHAPELESS:
                break
        said = "the shape of one example is needed, which the model does not tell"
        raise _problem(self.draft.source, "shape", said)

    def _axis(self) -> int:
        """The axis of the examples: recurrent layers without batch_first have the steps first."""
        return int(
            any(getattr(module, "batch_first", True) is False for module in self.modules.values())
        )

    def _has_channels(self, first: Sequence[Any], axes: int) -> bool:
        names = {type(module).__name__ for module in first}
        return axes == 3 or (axes == 2 and any(name.endswith(("1d", "2d")) for name in names))

    def _traced(self, shape: Sequence[int]) -> Traced:
        """The operations for some random examples, with the module as in use."""
        import inspect

        import torch

        named = inspect.signature(self.root.forward).parameters.values()
        needed = [
            one.name for one in named if one.default is one.empty and one.kind < one.VAR_KEYWORD
        ]
        if len(needed) > 1:
            said = f"one input is covered; it takes {listing(needed)}"
            raise _problem(self.draft.source, "forward", said)
        whole = list(shape)
        whole.insert(self.axis, EXAMPLES)
        generator = torch.Generator().manual_seed(0)
        if self.is_tokens:
            counts = [
                module.num_embeddings
                for module in self.modules.values()
                if type(module).__name__ == "Embedding"
            ]
            x = torch.randint(0, min(counts), whole, generator=generator)
        else:
            x = torch.randn(whole, generator=generator, dtype=torch.float64)
        try:
            return trace(self.root, x)
        except _trace_error() as error:
            said = (
                f"its forward pass cannot be followed ({first_line(error)}); one whose steps do not "
                "depend on the numbers is covered"
            )
            raise _problem(self.draft.source, type(self.root).__name__, said) from None
        except Exception as error:  # noqa: BLE001 - whatever a forward pass raises
            said = (
                f"the model does not take examples of the shape {tuple(shape)}: {first_line(error)}"
            )
            raise _problem(self.draft.source, "shape", said) from None

    def _node(self, node: Any) -> Any:
        """What an operation gives: a value of ours, a state, or None for anything else."""
        given = [self._given(argument) for argument in node.args]
        named = {key: self._given(argument) for key, argument in node.kwargs.items()}
        if node.op == "get_attr" or not holds_values((*given, *named.values())):
            return None
        place = self._own(str(node.target)) if node.op == "call_module" else node.name
        result = self._operation(node, place, given, named)
        if isinstance(result, Value):
            result = self._checked(node, result)
            if result.layer and self._consumers(node) > 1:
                self._site(place, None, result).name_of(result)
        return result

    def _operation(self, node: Any, place: str, given: list[Any], named: dict[str, Any]) -> Any:
        value = next((one for one in given if isinstance(one, Value)), None)
        word = word_of(node)
        if node.op == "call_module":
            module = self.modules[node.target]
            if value is None:
                return self._refused(node, place, "what it is given is not covered")
            return self._module(node, place, module, value, given, named)
        if word == "getitem" and (isinstance(given[0], tuple | State)):
            return self._part_of(node, place, given)
        if isinstance(given[0], State):
            return self._last_state(node, place, given[0])
        if word in ("size", "shape", "dim", "getattr", "len", "device", "dtype", "numel"):
            return None
        if word == "dropout":
            rate = named.get("p", given[1] if len(given) > 1 else 0.5)
            is_on = named.get("training", given[2] if len(given) > 2 else True)
            module = DropoutCall(rate, training=bool(is_on))
            return self._module(node, place, module, value, given, {})
        if word in FUNCTIONS and value is not None:
            return self._function(node, place, word, given, named)
        if word in ELEMENTWISE and value is not None:
            return self._elementwise(place, value, ELEMENTWISE[word])
        if word in (
            "add",
            "add_",
            "iadd",
            "sub",
            "mul",
            "truediv",
            "div",
            "pow",
            "radd",
            "rsub",
            "rmul",
        ):
            return self._arithmetic(node, place, word, given)
        if word in ("matmul", "linear", "mm"):
            return self._product(node, place, word, given, named)
        if word == "mean" and value is not None:
            return self._mean(node, place, value)
        if value is not None and word in RESHAPES:
            return self._reshaped(node, place, value)
        return self._refused(node, place, f"{word} is not covered")

    def _ended(self, result: Any) -> Followed:
        # A recurrent layer gives its state, too.
        is_pair = isinstance(result, tuple) and len(result) == 2
        value: Any = result[0] if is_pair and not isinstance(result[1], Value) else result
        if not isinstance(value, Value):
            self.draft.refuse("output", "one array is covered")
            self.draft.check()
        if value.layer != len(self.draft.layers):
            self.draft.refuse("output", "the output of the last operation is covered")
        if not self.draft.layers:
            self.draft.refuse("output", "the model has no layers")
        if value.layout == "channels":
            self.draft.refuse("output", "channels come out; an nn.Flatten after them is covered")
        shape, channels = self.start.shape, 0
        if self.start.layout == "channels":
            channels, *rest = shape
            shape = tuple(rest)
        return Followed(
            shape, value.shape, 0 if channels == 1 else channels, self.is_tokens, self.axis,
            frozenset(self.state.used),
        )  # fmt: skip
