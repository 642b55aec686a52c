"""What following a forward pass keeps: the numbers of each operation, and the layers so far."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bpsheet.models.imported import Draft
from bpsheet.models.torch.layers import Site, Value

__all__ = ["COVERED", "State", "Walk", "holds_values", "word_of"]

COVERED = (
    "nn.Linear, convolutions, pools, norms, RNN, LSTM, GRU, MultiheadAttention, TransformerEncoder, "
    "Embedding, Dropout, Flatten, activations, and sums with an earlier output are covered. Branches, "
    "concatenations, both directions and weights that are used twice come by way of ONNX: "
    "torch.onnx.export, then bp.from_onnx"
)


@dataclass(frozen=True)
class State:
    """The last state of a recurrent layer, as PyTorch returns it beside the output."""

    sequence: Value
    layers: int


class Walk:
    """One module: its traced operations, their numbers for some examples, and the layers so far."""

    def __init__(self, root: Any, draft: Draft, *, is_trained: bool, prefix: str) -> None:
        self.root = root
        self.draft = draft
        self.is_trained = is_trained
        self.prefix = prefix
        self.state = Noted(
            {self._own(name): _exact(value) for name, value in root.state_dict().items()}
        )
        self.fixed = frozenset(
            self._own(name) for name, value in root.named_parameters() if not value.requires_grad
        )
        self.values: dict[Any, Any] = {}
        self.numbers: dict[Any, Any] = {}
        self.start = Value(0, ())
        self.modules = dict(root.named_modules())

    def _own(self, name: str) -> str:
        """A name as the user's own module has it; a layer by itself has none."""
        if name == self.prefix:
            return ""
        return name.removeprefix(f"{self.prefix}.") if self.prefix else name

    def _given(self, argument: Any) -> Any:
        """What an argument stands for: a value of ours, or the number that it is."""
        from torch import fx

        def one(node: Any) -> Any:
            value = self.values.get(node)
            return self.numbers.get(node) if value is None else value

        return fx.map_arg(argument, one)

    def _site(self, place: str, module: Any, value: Value) -> Site:
        return Site(
            place, module, value, self.draft, self.state, self.fixed,
            self.is_trained, self.start,
        )  # fmt: skip

    def _attribute(self, node: Any, numbers: Any) -> str | None:
        """The name of the array of the model that is an operand."""
        for argument in node.args:
            if getattr(argument, "op", "") == "get_attr" and self.numbers.get(argument) is numbers:
                name = self._own(str(argument.target))
                return name if name in self.state else None
        return None

    def _is_current(self, place: str, value: Value) -> bool:
        """Whether a value is what the last layer gives; another one begins a branch."""
        if value.layer == len(self.draft.layers):
            return True
        self.draft.refuse(
            place, "a second branch begins here; one path, with sums of earlier outputs, is covered"
        )
        return False

    def _checked(self, node: Any, value: Value) -> Value:
        """The value, with the shape that the numbers have."""
        numbers = self.numbers[node]
        numbers = numbers[0] if isinstance(numbers, tuple) else numbers
        shape = list(numbers.shape)
        if len(shape) > value.axis:
            shape.pop(value.axis)
        return replace(value, shape=tuple(shape) or (1,))

    def _refused(self, node: Any, place: str, said: str) -> Any:
        """Note what is not covered, and go on with something of the right shape."""
        import torch

        self.draft.refuse(place, said)
        numbers = self.numbers[node]
        if not isinstance(numbers, torch.Tensor) or not numbers.dim():
            return None
        shape = tuple(numbers.shape[1:]) or (1,)
        return Value(len(self.draft.layers), shape, "channels" if len(shape) == 3 else "plain")

    def _consumers(self, node: Any) -> int:
        """How many operations take a value; those that hand it on, or ask for its size, do not."""
        import torch

        count = 0
        for user in node.users:
            numbers = self.numbers.get(user)
            if user.op != "output" and not isinstance(numbers, torch.Tensor | tuple):
                continue
            is_same = isinstance(numbers, torch.Tensor) and numbers is self.numbers.get(node)
            count += self._consumers(user) if is_same else 1
        return count


class Noted(UserDict[str, Any]):
    """The arrays of a model; each that is taken is noted."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        super().__init__(arrays)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.used.add(name)
        return super().__getitem__(name)


def _exact(value: Any) -> Any:
    """The numbers of a tensor; those of lesser types are exact in float64."""
    return value.detach().cpu().double().numpy()


def word_of(node: Any) -> str:
    """The name of an operation: of a method, or of a function."""
    if node.op == "call_method":
        return str(node.target)
    return str(getattr(node.target, "__name__", node.target)) if node.op == "call_function" else ""


def holds_values(whole: Sequence[Any]) -> bool:
    """Whether any of these is a value of ours, or holds one."""
    return any(
        isinstance(one, Value | State) or (isinstance(one, tuple | list) and holds_values(one))
        for one in whole
    )
