"""A module's forward pass as a list of operations, traced by `torch.fx` while it computes.

Every operation is computed as soon as it is traced, for some random examples. So a forward pass may
ask for shapes, `torch.zeros(2, x.size(0), 3)` or `if x.dim() == 4`; what depends on the numbers
themselves cannot be followed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["Traced", "first_line", "trace"]


class Traced:
    """The operations of a forward pass in order, and what each of them gave.

    nodes:   the nodes of the graph of `torch.fx`
    numbers: by node its tensor, or whatever else it gave
    modules: by path the modules, with the modes that they have
    """

    def __init__(
        self, nodes: Sequence[Any], numbers: dict[Any, Any], modules: dict[str, Any]
    ) -> None:
        self.nodes = nodes
        self.numbers = numbers
        self.modules = modules


def trace(root: Any, x: Any) -> Traced:
    """The operations of a module for an input. The module itself stays as it is.

    Raises whatever the forward pass raises.
    """
    import torch

    module = copy.deepcopy(root).cpu()
    steady = copy.deepcopy(module).double().eval()
    tracer = _tracer(steady, x)
    with torch.no_grad(), torch.random.fork_rng(devices=[]), _in_float64(torch):
        graph = tracer.trace(module)
    graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output"))
    return Traced(list(graph.nodes), tracer.numbers, dict(module.named_modules()))


def first_line(error: Exception) -> str:
    """What an error of somebody else's says, in a line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _in_float64(torch: Any) -> Iterator[None]:
    """What a forward pass makes anew, such as a first state of zeros, has the type of the rest."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _tracer(steady: Any, x: Any) -> Any:
    """A tracer that computes. Its classes are made here, so that PyTorch is imported only now."""
    from torch import fx

    class Known(fx.Proxy):
        """An operation's result, whose shape and type are known."""

        @property
        def value(self) -> Any:
            computing: Any = self.tracer
            return computing.numbers[self.node]

        @property
        def shape(self) -> Any:
            return self.value.shape

        @property
        def ndim(self) -> int:
            return int(self.value.ndim)

        @property
        def device(self) -> Any:
            return self.value.device

        @property
        def dtype(self) -> Any:
            return self.value.dtype

        def size(self, axis: int | None = None) -> Any:
            return self.value.shape if axis is None else self.value.shape[axis]

        def dim(self) -> int:
            return int(self.value.dim())

        def __len__(self) -> int:
            return len(self.value)

    class Tracer(fx.Tracer):
        def __init__(self) -> None:
            super().__init__()
            self.numbers: dict[Any, Any] = {}
            self.is_computing = False

        def call_module(self, m: Any, forward: Any, args: Any, kwargs: Any) -> Any:
            """Trace a call, but not those within what is being computed."""
            if self.is_computing:
                return forward(*args, **kwargs)
            return super().call_module(m, forward, args, kwargs)

        def proxy(self, node: Any) -> Any:
            return Known(node, self)

        def create_node(self, *what: Any, **named: Any) -> Any:
            node = super().create_node(*what, **named)
            self.is_computing = True
            try:
                self.numbers[node] = self._result(node)
            finally:
                self.is_computing = False
            return node

        def _result(self, node: Any) -> Any:
            if node.op == "placeholder":
                return node.args[0] if node.args else x
            if node.op == "output":
                return None
            args, named = fx.map_arg((node.args, node.kwargs), self.numbers.__getitem__)
            if node.op == "get_attr":
                return self._attribute(node.target)
            if node.op == "call_module":
                return steady.get_submodule(node.target)(*args, **named)
            if node.op == "call_method":
                # Single precision would not go with the weights, which are all in double here.
                method = "double" if node.target == "float" else node.target
                return getattr(args[0], method)(*args[1:], **named)
            return node.target(*args, **named)

        def _attribute(self, path: str) -> Any:
            """An array of the model, or one that the forward pass made itself."""
            for at in (steady, self.root):
                found: Any = at
                for name in path.split("."):
                    found = getattr(found, name, None)
                if found is not None:
                    return found
            raise AttributeError(path)

        def path_of_module(self, mod: Any) -> str:
            """The module's path. One that the forward pass makes, `nn.ReLU()(x)`, is put in."""
            try:
                return super().path_of_module(mod)
            except NameError:
                path = f"made{sum(1 for _ in self.root.children())}"
                self.root.add_module(path, mod)
                steady.add_module(path, copy.deepcopy(mod).double().eval())
                self.submodule_paths = None
                return path

        def iter(self, obj: Any) -> Any:
            value = self.numbers[obj.node]
            return iter([obj[place] for place in range(len(value))])

    return Tracer()
