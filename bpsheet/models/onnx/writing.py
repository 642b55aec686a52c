"""A network in the format ONNX: its forward pass, printed from the same formulas as the sheet's.

The first axis of the inputs and outputs counts examples. A quantity that depends on the inputs has it
too, one that does not has none, and NumPy's and ONNX's rules of repeating do the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpsheet.columns.layered import parameters_by_layer
from bpsheet.columns.model import GraphModel, LayeredModel, NetworkModel
from bpsheet.errors import ExperimentError, Problem
from bpsheet.files.whole import replacing
from bpsheet.formula.arrays import shape_of
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Mul,
    Neg,
    Num,
    Operation,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    references,
    rewrite,
)
from bpsheet.models.onnx.nodes import TYPES, Nodes, Value, fresh, identifier
from bpsheet.plan.plan import Plan
from bpsheet.program.kinds import Role
from bpsheet.program.quantities import Quantity
from bpsheet.version import __version__
from bpsheet.words import among

__all__ = ["onnx_of", "write_onnx"]

# What other programs have read for years.
OPSET, FORMAT = 18, 9
FUNCTIONS = {
    "abs": "Abs",
    "cos": "Cos",
    "erf": "Erf",
    "exp": "Exp",
    "int": "Floor",
    "ln": "Log",
    "logistic": "Sigmoid",
    "max": "Max",
    "min": "Min",
    "relu": "Relu",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
}
SIGNS = {
    ">": "Greater",
    ">=": "GreaterOrEqual",
    "<": "Less",
    "<=": "LessOrEqual",
    "=": "Equal",
    "<>": "Equal",
}


def write_onnx(
    plan: Plan, path: Path, dtype: str = "float64", outputs: Sequence[str] | None = None
) -> None:
    """Write the forward pass of a plan to a file, which appears whole or not at all."""
    content = onnx_of(plan, dtype, outputs).SerializeToString(deterministic=True)
    with replacing(path) as stream:
        stream.write(content)


def onnx_of(plan: Plan, dtype: str = "float64", outputs: Sequence[str] | None = None) -> Any:
    """The forward pass of a plan as a model of the package onnx. Raises ExperimentError for what it cannot hold."""
    if dtype not in TYPES:
        raise _problem("dtype", f'"float64" or "float32" expected; got {dtype!r}')
    return _Writer(plan, dtype).model(outputs)


def _problem(place: str, said: str) -> ExperimentError:
    return ExperimentError([Problem(place, said)], "the model in the format ONNX")


class _Writer(Nodes):
    def __init__(self, plan: Plan, dtype: str) -> None:
        super().__init__(dtype, _own_names(plan))
        self.plan = plan
        forward = plan if plan.training.rule == "none" else plan.forward()
        self.model_ = forward.model
        bands, self.scope = forward._bands  # noqa: SLF001 - the quantities, which columns come from
        self.quantities = {q.name: q for band in bands for q in band.quantities}
        self.entries = {
            column.name: (q, index)
            for q in self.quantities.values()
            for index, column in np.ndenumerate(q.columns)
            if column is not None and q.shape
        }
        self.shapes = {name: q.shape for name, q in self.quantities.items() if q.shape}
        self.given = self.model_.given()[0]
        self.preparation = forward.preparation
        self.columns = {column.name: column for column in forward.columns}
        self.raw: list[str] = []
        self.values: dict[str, Value] = {}

    def model(self, outputs: Sequence[str] | None) -> Any:
        chosen = list(outputs) if outputs is not None else self._outputs()
        # The steps of a sequence are one output, a row for each.
        is_sequence = outputs is None and len(chosen) > 1 and "[" in chosen[0]
        for name in chosen:
            if name not in self.quantities:
                known = [n for n, q in self.quantities.items() if q.formula is not None]
                raise _problem(f"outputs {name}", f"no such quantity; {among(name, known)}")
        needed = self._needed(chosen)
        for name, quantity in self.quantities.items():
            if name in needed:
                self._quantity(name, quantity)
        helper = self.onnx.helper
        results = []
        values = {name: self.lively(self.values[name]) for name in chosen}
        if is_sequence:
            values = {"output": self.stacked(list(values.values()))}
        for name, value in values.items():
            own = fresh(name if len(values) > 1 else "output", self.used)
            self.emit("Identity", [value], value.shape, live=True, name=own)
            results.append(helper.make_tensor_value_info(own, self.kind, ["batch", *value.shape]))
        nodes = self.kept([r.name for r in results])
        arrays = [
            self.onnx.numpy_helper.from_array(array, name)
            for name, array in self.arrays.items()
            if any(name in node.input for node in nodes)
        ]
        graph = helper.make_graph(
            nodes, identifier(self.plan.title or "network"), self.inputs, results, arrays
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=FORMAT,
            producer_name="bpsheet",
            producer_version=__version__,
        )
        self.onnx.checker.check_model(model)
        return model

    def _outputs(self) -> list[str]:
        """What a model gives: the last layer's outputs; of formulas what the loss takes, or nobody."""
        if isinstance(self.model_, NetworkModel):
            return [self.model_.output]
        formulas = {
            name: q
            for name, q in self.quantities.items()
            if q.formula is not None
            and str(q.phase) == "forward"
            and q.first.role is not Role.PREPARED
        }
        known = self.plan.model
        if (
            isinstance(known, GraphModel)
            and not isinstance(known, LayeredModel)
            and known.loss is not None
        ):
            loss = self.quantities[known.loss]
            assert loss.formula is not None
            taken = [ref.name for ref in references(loss.formula) if ref.name in formulas]
            if taken:
                return list(dict.fromkeys(taken))
        used = {ref.name for q in formulas.values() for ref in references(q.formula)}  # type: ignore[arg-type]
        ends = [name for name in formulas if name not in used]
        stem, bracket, _ = ends[-1].partition("[")
        if bracket and isinstance(self.model_, LayeredModel):
            return [name for name in formulas if name.startswith(f"{stem}[")]
        # Of a model that was read the last formula is the output; what a gate leaves is none.
        return (
            ends[-1:]
            if self.plan.origin is not None and not isinstance(self.model_, LayeredModel)
            else ends
        )

    def _needed(self, outputs: Sequence[str]) -> set[str]:
        needed, ahead = set(outputs), list(outputs)
        while ahead:
            quantity = self.quantities[ahead.pop()]
            if quantity.name in self.given or self._is_first(quantity):
                continue
            assert quantity.formula is not None
            for ref in references(quantity.formula):
                name = ref.name if ref.name in self.quantities else self.entries[ref.name][0].name
                if name not in needed:
                    needed.add(name)
                    ahead.append(name)
        return needed

    @staticmethod
    def _is_first(quantity: Quantity) -> bool:
        """Whether a quantity is a parameter or a constant, with a first value."""
        return (
            quantity.first.start is not None
            and quantity.formula is not None
            and any(ref.lag for ref in references(quantity.formula))
        )

    # Quantities

    def _quantity(self, name: str, quantity: Quantity) -> None:
        shape = quantity.shape
        if name in self.given and not self._is_raw(self.given[name]):
            self.values[name] = self._prepared(name)
            return
        if name in self.given:
            own = fresh(identifier(name), self.used)
            self.inputs.append(
                self.onnx.helper.make_tensor_value_info(own, self.kind, ["batch", *shape])
            )
            self.values[name] = Value(own, shape, live=True)
            return
        if name in self.model_.masks:
            # After a training nothing is left out: the mask takes back what the others were enlarged by.
            share = self.model_.masks[name][1]
            self.values[name] = self.array(np.full(shape, 1 - share), name)
            return
        if self._is_first(quantity):
            values = quantity.each(lambda column: column.start)
            whole = np.array(values.tolist(), float).reshape(shape)
            self.values[name] = self.array(whole, name)
            return
        softmax = self._softmax(quantity)
        self.values[name] = softmax or self.expr(quantity.formula)

    def _prepared(self, name: str) -> Value:
        """An input as the raw inputs, the columns of one array, make it."""
        parts = []
        for entry in self.given[name].ravel():
            value = self._entry(entry)
            parts.append(self.emit("Unsqueeze", [value, self.whole([1])], (1,), live=True))
        shape = self.given[name].shape
        whole = self.emit("Concat", parts, (len(parts),), live=True, axis=1)
        return self.emit("Reshape", [whole, self.whole([0, *shape])], shape, live=True)

    def _entry(self, name: str) -> Value:
        """A prepared input, or a raw one."""
        if name in self.values:
            return self.values[name]
        column = self.columns[name]
        if column.role is not Role.PREPARED:
            place = self.constant(np.asarray(self._raw_names().index(name), np.int64))
            value = self.emit("Gather", [self.raw[0], place], (), live=True, axis=1)
        else:
            assert column.formula is not None
            for ref in column.references:
                self._entry(ref.name)
            value = self.expr(rewrite(column.formula, self._with_number))
        self.values[name] = value
        return value

    def _raw_names(self) -> list[str]:
        """The columns of the array of raw inputs, which is an input of the model."""
        taken = {
            str(n)
            for array in self.given.values()
            if not self._is_raw(array)
            for n in array.ravel()
        }
        alone = {
            str(n) for array in self.given.values() if self._is_raw(array) for n in array.ravel()
        }
        own = [n for n in self.preparation.raw if n in taken or n not in alone]
        if not self.raw:
            self.raw = [fresh("data", self.used)]
            shape = ["batch", len(own)]
            self.inputs.append(
                self.onnx.helper.make_tensor_value_info(self.raw[0], self.kind, shape)
            )
        return own

    def _is_raw(self, names: Any) -> bool:
        """Whether an array is taken as the data have it."""
        return all(entry in self.preparation.raw for entry in names.ravel())

    def _with_number(self, node: Expr) -> Expr:
        """A constant's number in the place of its cell."""
        if not isinstance(node, Param):
            return node
        settings = self.preparation.settings
        if node.name not in settings:
            raise _problem(node.name, "it follows from examples, and there are none")
        return Num(settings[node.name])

    def _softmax(self, quantity: Quantity) -> Value | None:
        """The four formulas of softmax, as one node."""
        if not isinstance(quantity.formula, Div):
            return None
        above, below = quantity.formula.left, quantity.formula.right
        is_matrix = isinstance(below, Operation) and below.kind == "as column"
        below = below.operands[0] if is_matrix else below  # type: ignore[union-attr]
        if not (isinstance(above, Ref) and isinstance(below, Ref)):
            return None
        power, total = (self.quantities.get(ref.name) for ref in (above, below))
        word = "sum across" if is_matrix else "sum"
        if power is None or total is None or total.formula != Operation(word, (above,)):
            return None
        match power.formula:
            case Call("exp", (Sub(x, _),)):
                value = self.expr(x)
                return self.emit("Softmax", [value], value.shape, live=value.live, axis=-1)
        return None

    # Nodes

    # Formulas

    def expr(self, node: Expr | None) -> Value:
        match node:
            case Num(value):
                return self.number(value)
            case Ref(name, 0):
                return self._ref(name)
            case Neg(operand):
                return self.apply("Neg", self.expr(operand))
            case Sum(terms):
                return self._sum(terms)
            case Sub(left, right):
                return self.apply("Sub", self.expr(left), self.expr(right))
            case Mul(Num(1.0), right):
                return self.expr(right)
            case Mul(left, right):
                return self.apply("Mul", self.expr(left), self.expr(right))
            case Div(left, right):
                return self.apply("Div", self.expr(left), self.expr(right))
            case Pow(base, exponent):
                return self.apply("Pow", self.expr(base), self.expr(exponent))
            case Call("max", (Num(0.0), x)):
                return self.apply("Relu", self.expr(x))
            case Call(function, arguments):
                return self._call(function, [self.expr(one) for one in arguments])
            case If(test, then, otherwise):
                return self.apply("Where", self._test(test), self.expr(then), self.expr(otherwise))
            case Operation():
                return self._operation(node)
        raise _problem("", f"a formula with {type(node).__name__} cannot be written")

    def _ref(self, name: str) -> Value:
        if name in self.values:
            return self.values[name]
        quantity, index = self.entries[name]
        value = self.values[quantity.name]
        for place in index:
            axis = 1 if value.live else 0
            value = self.emit(
                "Gather",
                [value, self.constant(np.asarray(place, np.int64))],
                value.shape[1:],
                live=value.live,
                axis=axis,
            )
        return value

    def _test(self, test: Expr) -> Value:
        assert isinstance(test, Compare)
        made = self.apply(SIGNS[test.operator], self.expr(test.left), self.expr(test.right))
        return made if test.operator != "<>" else self.apply("Not", made)

    def _sum(self, terms: Sequence[Expr]) -> Value:
        if (dense := self._dense(terms)) is not None:
            return dense
        whole = self.expr(terms[0])
        for term in terms[1:]:
            whole = self.apply("Add", whole, self.expr(term))
        return whole

    def _dense(self, terms: Sequence[Expr]) -> Value | None:
        """b + W x, as one node."""
        match terms:
            case (Mul(Num(1.0), Ref(b, 0)) | Ref(b, 0), Operation("product", (Ref(w, 0), x))):
                weights, bias = self.values.get(w), self.values.get(b)
            case _:
                return None
        if (
            weights is None
            or bias is None
            or weights.live
            or bias.live
            or len(bias.shape) != 1
            or len(weights.shape) != 2
        ):
            return None
        value = self.expr(x)
        if not value.live or len(value.shape) != 1:
            return None
        kept = self.untransposed(weights)
        return self.emit(
            "Gemm", [value, kept or weights, bias], bias.shape, live=True, transB=0 if kept else 1
        )

    def _call(self, function: str, values: list[Value]) -> Value:
        if function == "pi":
            return self.number(np.pi)
        if function == "mod":
            a, b = values
            times = self.apply("Floor", self.apply("Div", a, b))
            return self.apply("Sub", a, self.apply("Mul", b, times))
        if function in ("sinh", "cosh"):
            (a,) = values
            up, down = self.apply("Exp", a), self.apply("Exp", self.apply("Neg", a))
            both = self.apply("Sub" if function == "sinh" else "Add", up, down)
            return self.apply("Div", both, self.number(2.0))
        return self.apply(FUNCTIONS[function], *values)

    # Operations on arrays

    def _operation(self, node: Operation) -> Value:
        shape = shape_of(node, self.shapes)
        make = OPERATIONS.get(node.kind)
        if make is None:
            raise _problem("", f"a formula with the operation {node.kind} cannot be written")
        return make(self, node, shape)

    def product(self, node: Operation, shape: tuple[int, ...]) -> Value:
        left, right = (self.expr(one) for one in node.operands)
        live = left.live or right.live
        sizes = len(left.shape), len(right.shape)
        if sizes == (1, 1):
            both = self.apply("Mul", left, right)
            return self.reduced("ReduceSum", both, [-1], ())
        if sizes == (2, 1) and not left.live:
            if not right.live:
                return self.emit("MatMul", [left, right], shape, live=False)
            kept = self.untransposed(left)
            turned = kept or self.emit(
                "Transpose", [left], left.shape[::-1], live=False, perm=[1, 0]
            )
            return self.emit("MatMul", [right, turned], shape, live=True)
        if sizes == (2, 1) and right.live:
            column = self.emit("Unsqueeze", [right, self.whole([-1])], (*right.shape, 1), live=True)
            made = self.emit("MatMul", [left, column], (*shape, 1), live=True)
            return self.emit("Squeeze", [made, self.whole([-1])], shape, live=True)
        if sizes == (1, 2) and right.live:
            row = self.emit("Unsqueeze", [left, self.whole([-2])], (1, *left.shape), live=left.live)
            made = self.emit("MatMul", [row, right], (1, *shape), live=True)
            return self.emit("Squeeze", [made, self.whole([-2])], shape, live=True)
        return self.emit("MatMul", [left, right], shape, live=live)

    def transposed(self, node: Operation, shape: tuple[int, ...]) -> Value:
        value = self.expr(node.operands[0])
        return self.emit(
            "Transpose", [value], shape, live=value.live, perm=[0, 2, 1] if value.live else [1, 0]
        )

    def as_column(self, node: Operation, shape: tuple[int, ...]) -> Value:
        value = self.expr(node.operands[0])
        return self.emit("Unsqueeze", [value, self.whole([-1])], shape, live=value.live)

    def reduced(self, op: str, value: Value, axes: Sequence[int], shape: tuple[int, ...]) -> Value:
        return self.emit(op, [value, self.whole(axes)], shape, live=value.live, keepdims=0)

    def row(self, node: Operation, shape: tuple[int, ...]) -> Value:
        value, place = self.expr(node.operands[0]), node.operands[1]
        assert isinstance(place, Num)
        index = self.constant(np.asarray(int(place.value) - 1, np.int64))
        return self.emit(
            "Gather", [value, index], shape, live=value.live, axis=1 if value.live else 0
        )

    def _alike(self, node: Operation) -> tuple[list[Value], bool]:
        values = [self.expr(one) for one in node.operands]
        live = any(value.live for value in values)
        return [self.lively(value) for value in values] if live else values, live

    def rows(self, node: Operation, shape: tuple[int, ...]) -> Value:
        del shape
        return self.stacked(self._alike(node)[0])

    def flat(self, node: Operation, shape: tuple[int, ...]) -> Value:
        values, live = self._alike(node)
        to = self.whole([0, -1] if live else [-1])
        # A number has no second axis that could be kept.
        parts = [
            self.emit(
                "Reshape",
                [v, to if v.shape or not live else self.whole([-1, 1])],
                (int(np.prod(v.shape, dtype=int)),),
                live=live,
            )
            for v in values
        ]
        return self.emit("Concat", parts, shape, live=live, axis=1 if live else 0)

    def one_hot(self, node: Operation, shape: tuple[int, ...]) -> Value:
        value = self.expr(node.operands[0])
        numbers = self.array(np.arange(1.0, shape[-1] + 1), "kinds")
        wide = self.emit("Unsqueeze", [value, self.whole([-1])], (*value.shape, 1), live=value.live)
        same = self.apply("Equal", wide, numbers)
        return self.emit("Cast", [same], shape, live=value.live, to=self.kind)

    def causal(self, node: Operation, shape: tuple[int, ...]) -> Value:
        value, fill = self.expr(node.operands[0]), self.expr(node.operands[1])
        seen = self.constant(np.tril(np.ones(shape, bool)))
        return self.emit("Where", [seen, value, fill], shape, live=value.live)

    def _as_picture(self, node: Operation) -> Value:
        value = self.lively(self.expr(node.operands[0]))
        return self.emit("Unsqueeze", [value, self.whole([1])], (1, *value.shape), live=True)

    def convolved(self, node: Operation, shape: tuple[int, ...]) -> Value:
        picture, kernel = self._as_picture(node), self.expr(node.operands[1])
        stride, padding, dilation = (int(n.value) for n in node.operands[2:] if isinstance(n, Num))
        axes = len(kernel.shape)
        four = self.emit(
            "Unsqueeze", [kernel, self.whole([0, 1])], (1, 1, *kernel.shape), live=False
        )
        made = self.emit(
            "Conv",
            [picture, four],
            (1, *shape),
            live=True,
            kernel_shape=list(kernel.shape),
            strides=[stride] * axes,
            pads=[padding] * 2 * axes,
            dilations=[dilation] * axes,
        )
        return self.emit("Squeeze", [made, self.whole([1])], shape, live=True)

    def pool(self, node: Operation, shape: tuple[int, ...]) -> Value:
        picture = self._as_picture(node)
        size, stride = (int(n.value) for n in node.operands[1:] if isinstance(n, Num))
        axes = len(shape)
        op = "MaxPool" if node.kind == "window largest" else "AveragePool"
        made = self.emit(
            op,
            [picture],
            (1, *shape),
            live=True,
            kernel_shape=[size] * axes,
            strides=[stride] * axes,
        )
        made = self.emit("Squeeze", [made, self.whole([1])], shape, live=True)
        return made if op == "MaxPool" else self.apply("Mul", made, self.number(float(size**axes)))


def _reduction(
    op: str, axes: Callable[[Value], Sequence[int]]
) -> Callable[[_Writer, Operation, tuple[int, ...]], Value]:
    def make(writer: _Writer, node: Operation, shape: tuple[int, ...]) -> Value:
        value = writer.expr(node.operands[0])
        return writer.reduced(op, value, axes(value), shape)

    return make


def _all(value: Value) -> list[int]:
    return [-1 - k for k in range(len(value.shape))]


OPERATIONS: Mapping[str, Callable[[_Writer, Operation, tuple[int, ...]], Value]] = {
    "product": _Writer.product,
    "transposed": _Writer.transposed,
    "as column": _Writer.as_column,
    "sum": _reduction("ReduceSum", _all),
    "largest": _reduction("ReduceMax", _all),
    "sum down": _reduction("ReduceSum", lambda _: [-2]),
    "sum across": _reduction("ReduceSum", lambda _: [-1]),
    "largest across": _reduction("ReduceMax", lambda _: [-1]),
    "row": _Writer.row,
    "rows": _Writer.rows,
    "flat": _Writer.flat,
    "one hot": _Writer.one_hot,
    "causal": _Writer.causal,
    "convolved": _Writer.convolved,
    "window largest": _Writer.pool,
    "window sums": _Writer.pool,
}


def _own_names(plan: Plan) -> dict[str, tuple[str, bool]]:
    """By our parameter the name of the model that it came from, and whether it is turned there.

    Only whole arrays keep their names: a gate is a part of one.
    """
    origin = plan.origin
    if origin is None:
        return {}
    by_layer: list[dict[str, str]] = []
    if plan.network is not None and not plan.network.is_dense:
        by_layer = parameters_by_layer(plan.network, plan.initial)
    found: dict[str, tuple[str, bool]] = {}
    for key, theirs in origin.names.items():
        number, dot, own = key.partition(".")
        ours = key
        if dot and plan.network is not None:
            ours = by_layer[int(number) - 1].get(own, "") if by_layer else f"{own}{number}"
        whole, turned = theirs.removesuffix("[:].T"), theirs.endswith("[:].T")
        if not whole.endswith("]") and not whole.endswith(".T"):
            found[ours] = whole, turned
    return found
