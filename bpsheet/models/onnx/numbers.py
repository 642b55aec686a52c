"""Operators that compute number by number, and sums, means and largest numbers along axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpsheet.models.onnx.at import At, as_text
from bpsheet.models.onnx.cells import Array, Aside, Known, Live, Uncovered, Value

__all__ = [
    "ARITHMETIC",
    "FUNCTIONS",
    "LENGTH",
    "MEANS",
    "REDUCTIONS",
    "SIZES",
    "axes_of",
    "softmax",
]

Made = Callable[..., Any]
Table = Mapping[str, tuple[str, Made]]


def _known(function: Callable[..., Array], values: tuple[Value, ...]) -> Known | None:
    """What a function makes of numbers that the model has; None where one is computed."""
    arrays = [value.values for value in values if isinstance(value, Known)]
    if len(arrays) < len(values):
        return None
    try:
        with np.errstate(all="ignore"):
            made = np.asarray(function(*arrays))
    except (ValueError, TypeError) as error:
        raise Uncovered(f"numbers that do not fit: {error}") from None
    # NumPy widens some types; the operators keep them.
    same = {array.dtype for array in arrays}
    if len(same) == 1 and made.dtype.kind == next(iter(same)).kind:
        made = made.astype(next(iter(same)))
    return Known(made)


def _function(template: str, of_known: Callable[..., Array] | None = None) -> Made:
    def make(at: At, x: Value) -> Value:
        ready = _known(of_known, (x,)) if of_known else None
        return ready or at.pointwise(template, x)

    return make


def _leaky(at: At, x: Value) -> Value:
    return at.pointwise(f"if({{0}} > 0, {{0}}, {as_text(at.get('alpha', 0.01))}*{{0}})", x)


def _elu(at: At, x: Value) -> Value:
    alpha = at.get("alpha", 1.0)
    below = "exp({0}) - 1" if alpha == 1 else f"{as_text(alpha)}*(exp({{0}}) - 1)"
    return at.pointwise(f"if({{0}} > 0, {{0}}, {below})", x)


def _celu(at: At, x: Value) -> Value:
    alpha = as_text(at.get("alpha", 1.0))
    return at.pointwise(f"if({{0}} > 0, {{0}}, {alpha}*(exp({{0}}/{alpha}) - 1))", x)


def _selu(at: At, x: Value) -> Value:
    alpha = as_text(at.get("alpha", 1.6732632423543772))
    gamma = as_text(at.get("gamma", 1.0507009873554805))
    return at.pointwise(f"{gamma}*if({{0}} > 0, {{0}}, {alpha}*(exp({{0}}) - 1))", x)


def _hard_sigmoid(at: At, x: Value) -> Value:
    alpha, beta = as_text(at.get("alpha", 0.2)), as_text(at.get("beta", 0.5))
    return at.pointwise(f"max(0, min(1, {alpha}*{{0}} + {beta}))", x)


def _gelu(at: At, x: Value) -> Value:
    if at.get("approximate", "none") == "tanh":
        return at.pointwise("{0}*(1 + tanh(sqrt(2/pi())*({0} + 0.044715*{0}^3)))/2", x)
    return at.pointwise("{0}*(1 + erf({0}/sqrt(2)))/2", x)


def _swish(at: At, x: Value) -> Value:
    alpha = at.get("alpha", 1.0)
    inner = "{0}" if alpha == 1 else f"{as_text(alpha)}*{{0}}"
    return at.pointwise(f"{{0}}*logistic({inner})", x)


def _thresholded(at: At, x: Value) -> Value:
    return at.pointwise(f"if({{0}} > {as_text(at.get('alpha', 1.0))}, {{0}}, 0)", x)


def _shrink(at: At, x: Value) -> Value:
    bias, edge = as_text(at.get("bias", 0.0)), as_text(at.get("lambd", 0.5))
    return at.pointwise(
        f"if({{0}} < -{edge}, {{0}} + {bias}, if({{0}} > {edge}, {{0}} - {bias}, 0))", x
    )


def _clip(at: At, x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    if at.opset < 11:
        low = None if at.get("min") is None else Known(np.array(at.get("min")))
        high = None if at.get("max") is None else Known(np.array(at.get("max")))
    ends = [None if v is None else at.known(v, "min and max").numbers.item() for v in (low, high)]
    if isinstance(x, Known):
        return Known(np.clip(x.values, *ends))
    text = "{0}"
    if ends[1] is not None and abs(ends[1]) < 1e30:
        text = f"min({as_text(ends[1])}, {text})"
    if ends[0] is not None and abs(ends[0]) < 1e30:
        text = f"max({as_text(ends[0])}, {text})"
    return x if text == "{0}" else at.pointwise(text, x)


SOFTPLUS = "max({0}, 0) + ln(1 + exp(-abs({0})))"
FUNCTIONS: Table = {
    "Relu": ("max(0, x)", _function("max(0, {0})")),
    "Sigmoid": ("logistic(x)", _function("logistic({0})")),
    "Tanh": ("tanh(x)", _function("tanh({0})", np.tanh)),
    "LeakyRelu": ("x, or alpha x below 0", _leaky),
    "PRelu": (
        "relu whose slope below 0 is trained",
        lambda at, x, slope: at.pointwise("max(0, {0}) + {1}*min(0, {0})", x, slope),
    ),
    "Elu": ("x, or alpha (e^x - 1) below 0", _elu),
    "Celu": ("x, or alpha (e^(x/alpha) - 1) below 0", _celu),
    "Selu": ("elu, scaled", _selu),
    "Gelu": ("x times the normal distribution; also its form with tanh", _gelu),
    "Softplus": ("ln(1 + e^x)", _function(SOFTPLUS)),
    "Softsign": ("x/(1 + |x|)", _function("{0}/(1 + abs({0}))")),
    "HardSigmoid": ("a straight line from 0 to 1", _hard_sigmoid),
    "HardSwish": (
        "x times a straight line from 0 to 1",
        _function("{0}*max(0, min(1, {0}/6 + 0.5))"),
    ),
    "Mish": ("x tanh(softplus(x))", _function("{0}*tanh(" + SOFTPLUS + ")")),
    "Swish": ("x logistic(x)", _swish),
    "ThresholdedRelu": ("x above alpha, else 0", _thresholded),
    "Shrink": ("x nearer to 0", _shrink),
    "Clip": ("x, cut at two numbers", _clip),
    "Abs": ("|x|", _function("abs({0})", np.abs)),
    "Neg": ("-x", _function("-{0}", np.negative)),
    "Exp": ("e^x", _function("exp({0})", np.exp)),
    "Log": ("ln(x)", _function("ln({0})", np.log)),
    "Sqrt": ("the square root", _function("sqrt({0})", np.sqrt)),
    "Reciprocal": ("1/x", _function("1/{0}", np.reciprocal)),
    "Erf": ("the error function", _function("erf({0})", np.vectorize(math.erf, otypes=[float]))),
    # No operator of the format, but Keras' gelu exported by tf2onnx has it.
    "Erfc": ("1 - erf(x)", _function("1 - erf({0})")),
    "Sin": ("sin(x)", _function("sin({0})", np.sin)),
    "Cos": ("cos(x)", _function("cos({0})", np.cos)),
    "Sinh": ("sinh(x)", _function("sinh({0})", np.sinh)),
    "Cosh": ("cosh(x)", _function("cosh({0})", np.cosh)),
    "Sign": ("the sign", _function("sign({0})", np.sign)),
    "Floor": ("the next whole number below", _function("int({0})", np.floor)),
    "Ceil": ("the next whole number above", _function("-int(-{0})", np.ceil)),
    "Not": ("1 for 0, and 0 for 1", _function("1 - {0}", np.logical_not)),
}


def _aligned(at: At, a: Value, b: Value) -> Value:
    """The second array as versions before 7 repeat it: from an axis on, not up to the last one."""
    axis = at.get("axis")
    if at.opset >= 7 or axis is None or isinstance(a, Aside) or isinstance(b, Aside):
        return b
    behind = len(a.shape) - axis - len(b.shape)
    return at.moved(b, lambda v: v.reshape(*v.shape, *(1,) * max(behind, 0)), keeps=True)


def _pair(template: str, of_known: Callable[[Array, Array], Array]) -> Made:
    def make(at: At, a: Value, b: Value) -> Value:
        b = _aligned(at, a, b)
        ready = _known(of_known, (a, b))
        return ready or at.pointwise(template, a, b)

    return make


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu" and b.dtype.kind in "iu":
        # Whole numbers are cut, not rounded down.
        return (np.sign(a) * np.sign(b) * (abs(a) // np.maximum(abs(b), 1))).astype(a.dtype)
    return a / b


def _many(template: Callable[[int], str], of_known: Callable[[Array, Array], Array]) -> Made:
    def make(at: At, *values: Value) -> Value:
        if all(isinstance(value, Known) for value in values):
            whole: Array = values[0].values  # type: ignore[union-attr]
            for value in values[1:]:
                whole = of_known(whole, value.values)  # type: ignore[union-attr]
            return Known(whole)
        if len(values) == 1:
            return values[0]
        return at.pointwise(template(len(values)), *values)

    return make


def _joined(by: str) -> Callable[[int], str]:
    return lambda count: by.join(f"{{{k}}}" for k in range(count))


def _called(word: str) -> Callable[[int], str]:
    def text(count: int) -> str:
        whole = "{0}"
        for k in range(1, count):
            whole = f"{word}({whole}, {{{k}}})"
        return whole

    return text


def _power(at: At, a: Value, b: Value) -> Value:
    ready = _known(np.power, (a, b))
    return ready or at.pointwise("{0}^{1}", a, b)


def _compared(sign: str, of_known: Callable[[Array, Array], Array]) -> Made:
    return _pair(f"if({{0}} {sign} {{1}}, 1, 0)", of_known)


def _where(at: At, condition: Value, a: Value, b: Value) -> Value:
    if ready := _known(np.where, (condition, a, b)):
        return ready
    if isinstance(condition, Known):
        first, second = (
            at.cells.plain(v.values) if isinstance(v, Known) and v.values.size == 1 else at.live(v)
            for v in (a, b)
        )
        shape = np.broadcast_shapes(condition.shape, first.shape, second.shape)
        at.check(shape)
        return Live(np.where(condition.values.astype(bool), first.ids, second.ids))
    return at.pointwise("if({0} > 0.5, {1}, {2})", condition, a, b)


ARITHMETIC: Table = {
    "Add": ("a + b; after a product: biases", _pair("{0} + {1}", np.add)),
    "Sub": ("a - b", _pair("{0} - {1}", np.subtract)),
    "Mul": ("a b", _pair("{0}*{1}", np.multiply)),
    "Div": ("a/b", _pair("{0}/{1}", _divide)),
    "Pow": ("a^b", _power),
    "Mod": ("the remainder", _pair("mod({0}, {1})", np.mod)),
    "Sum": ("a + b + …", _many(_joined(" + "), np.add)),
    "Max": ("the largest of some", _many(_called("max"), np.maximum)),
    "Min": ("the smallest of some", _many(_called("min"), np.minimum)),
    "Mean": (
        "the mean of some",
        lambda at, *v: at.pointwise(f"({_joined(' + ')(len(v))})/{len(v)}", *v),
    ),
    "Greater": ("1 where a > b, else 0", _compared(">", np.greater)),
    "GreaterOrEqual": ("1 where a >= b, else 0", _compared(">=", np.greater_equal)),
    "Less": ("1 where a < b, else 0", _compared("<", np.less)),
    "LessOrEqual": ("1 where a <= b, else 0", _compared("<=", np.less_equal)),
    "Equal": ("1 where a = b, else 0", _compared("=", np.equal)),
    "And": ("1 where both are", _pair("{0}*{1}", np.logical_and)),
    "Or": ("1 where one is", _pair("max({0}, {1})", np.logical_or)),
    "Where": ("a choice by a condition", _where),
}


def axes_of(at: At, count: int, given: Value | None, default: list[int] | None = None) -> list[int]:
    """The axes of a node: an attribute in older versions, an input in newer ones."""
    axes = at.get("axes")
    if axes is None and given is not None:
        axes = at.whole_numbers(given, "axes")
    if axes is None or not len(axes):
        axes = default
    if axes is None:
        axes = list(range(count))
    found = [axis + count if axis < 0 else axis for axis in axes]
    if any(not 0 <= axis < count for axis in found):
        raise Uncovered(f"an axis from {-count} to {count - 1} expected")
    return found


@dataclass(frozen=True)
class Reduction:
    """What becomes of axes.

    whole, down, across: formulas for a vector or a matrix as a whole, and for its columns and rows
    inner, after:        what is done with each number first, and with the result
    """

    whole: str
    down: str
    across: str
    inner: str = "{0}"
    after: str = "{0}"


def _reduced(words: Reduction | None, of_known: Callable[..., Array]) -> Made:
    """An operator that reduces axes; without words only of numbers that the model has."""

    def make(at: At, x: Value, axes: Value | None = None) -> Value:
        if isinstance(x, Known):
            all_along = tuple(axes_of(at, len(x.shape), axes))
            keep = bool(at.get("keepdims", 1))
            return Known(np.asarray(of_known(x.values, axis=all_along, keepdims=keep)))
        live = at.live(x)
        if words is None:
            raise Uncovered("numbers of the model's own expected, not computed ones")
        if axes is None and at.get("axes") is None and at.get("noop_with_empty_axes", 0):
            return x
        along = axes_of(at, live.ids.ndim, axes)
        return reduced(at, live, along, words, keep=bool(at.get("keepdims", 1)))

    return make


def reduced(at: At, x: Live, along: list[int], words: Reduction, *, keep: bool) -> Live:
    """The sum, mean or another of the entries along some axes."""
    ids = x.ids
    kept = [axis for axis in range(ids.ndim) if axis not in along]
    wide = [axis for axis in along if ids.shape[axis] > 1]
    outer = [axis for axis in kept if ids.shape[axis] > 1]
    sizes = [ids.shape[axis] for axis in kept]
    if not wide:
        # Of one number each: nothing to add up.
        each = words.after.replace("{0}", words.inner)
        made = (x if each == "{0}" else at.pointwise(each, x)).ids
        return Live(made if keep else made.reshape(sizes))
    order = ids.transpose(*outer, *wide, *(a for a in range(ids.ndim) if a not in (*outer, *wide)))
    order = order.reshape(order.shape[: len(outer) + len(wide)])
    length = math.prod(order.shape[len(outer) :])
    pages: list[Array]
    shape: tuple[int, ...] = ()
    if len(outer) == 1 and len(wide) == 1:
        is_below = wide[0] < outer[0]
        pages = [order.T if is_below else order]
        template, shape = (words.down if is_below else words.across), (order.shape[0],)
    elif len(wide) <= 2:
        pages = list(order.reshape(-1, *order.shape[len(outer) :]))
        template = words.whole
    else:
        pages = list(order.reshape(-1, length))
        template = words.whole
    template = words.after.replace("{0}", template.replace("{0}", words.inner))
    blocks = [at.cells.block(shape, "m") for _ in pages]
    at.add("", [pages], blocks, template=template, meaning=f"{at.node.op} along {length} numbers")
    made = np.concatenate([block.ids.ravel() for block in blocks])
    if not keep:
        return Live(made.reshape(sizes))
    return Live(made.reshape([1 if a in along else n for a, n in enumerate(ids.shape)]))


SUMS = Reduction("sum({0})", "sum_down({0})", "sum_across({0})")
MEANS = Reduction("mean({0})", "mean_down({0})", "mean_across({0})")
SQUARES = replace(SUMS, inner="{0}^2")
SIZES = replace(SUMS, inner="abs({0})")
LENGTH = replace(SQUARES, after="sqrt({0})")


def _largest(at: At, x: Value, axes: Value | None = None) -> Value:
    """The largest along axes: the only window that fits."""
    if isinstance(x, Known):
        along = tuple(axes_of(at, len(x.shape), axes))
        return Known(x.values.max(axis=along, keepdims=bool(at.get("keepdims", 1))))
    live = at.live(x)
    sign = -1 if at.node.op == "ReduceMin" else 1
    return largest(
        at, live, axes_of(at, live.ids.ndim, axes), sign, keep=bool(at.get("keepdims", 1))
    )


def largest(at: At, x: Live, along: list[int], sign: int, *, keep: bool) -> Live:
    ids = x.ids
    kept = [axis for axis in range(ids.ndim) if axis not in along]
    rows = ids.transpose(*kept, *along).reshape(math.prod(ids.shape[a] for a in kept), -1)
    length = rows.shape[1]
    template = f"max_pool({{0}}, {length})" if sign > 0 else f"-max_pool(-{{0}}, {length})"
    blocks = [at.cells.block((1,), "m") for _ in rows]
    at.add("", [list(rows)], blocks, template=template, meaning=f"the largest of {length} numbers")
    made = np.concatenate([block.ids for block in blocks])
    shape = (
        [1 if a in along else n for a, n in enumerate(ids.shape)]
        if keep
        else [ids.shape[a] for a in kept]
    )
    return Live(made.reshape(shape))


REDUCTIONS: Table = {
    "ReduceMean": ("the mean along axes", _reduced(MEANS, np.mean)),
    "ReduceSum": ("the sum along axes", _reduced(SUMS, np.sum)),
    "ReduceMax": ("the largest along axes", _largest),
    "ReduceMin": ("the smallest along axes", _largest),
    "ReduceProd": ("the product of numbers that the model has", _reduced(None, np.prod)),
    "ReduceSumSquare": (
        "the sum of squares along axes",
        _reduced(SQUARES, lambda a, **k: np.sum(a * a, **k)),
    ),
    "ReduceL1": (
        "the sum of sizes along axes",
        _reduced(SIZES, lambda a, **k: np.sum(abs(a), **k)),
    ),
    "ReduceL2": (
        "the root of the sum of squares along axes",
        _reduced(LENGTH, lambda a, **k: np.sqrt(np.sum(a * a, **k))),
    ),
}


def softmax(at: At, x: Value, *, log: bool = False) -> Value:
    """softmax along an axis; before version 13 along all axes from one on."""
    live = at.live(x)
    count = live.ids.ndim
    axis = at.get("axis", 1 if at.opset < 13 else -1)
    axis = axis + count if axis < 0 else axis
    if not 0 <= axis < count:
        raise Uncovered("an axis that the array has expected")
    if at.opset < 13:
        rows = live.ids.reshape(math.prod(live.shape[:axis]), -1)
        return Live(_shares(at, rows, log=log).reshape(live.shape))
    turned = np.moveaxis(live.ids, axis, -1)
    made = _shares(at, turned, log=log)
    return Live(np.moveaxis(made, -1, axis))


def _shares(at: At, ids: Array, *, log: bool) -> Array:
    """softmax of the last axis, page by page; its logarithm without a share that is 0."""
    n = ids.shape[-1]
    matrix = ids.reshape(-1, *ids.shape[-2:]) if ids.ndim > 2 else ids.reshape(1, -1, n)
    pages = [page[0] if len(page) == 1 else page for page in matrix]
    if log:
        pages = [row for page in pages for row in page.reshape(-1, n)]
        top = [at.cells.block((1,), "m") for _ in pages]
        at.add("", [pages], top, template=f"max_pool({{0}}, {n})", meaning="the largest")
        less = [at.cells.block((n,), "d") for _ in pages]
        at.add(
            "",
            [pages, [b.ids for b in top]],
            less,
            template="{0} - {1}",
            meaning="less the largest",
        )
        out = [at.cells.block((n,), "y") for _ in pages]
        at.add(
            "log_softmax",
            [[b.ids for b in less]],
            out,
            template="{0} - ln(sum(exp({0})))",
            meaning="the logarithm of softmax",
        )
    else:
        out = [at.cells.block(page.shape, "s") for page in pages]
        at.add("", [pages], out, template="softmax({0})", meaning="shares that add up to 1")
    return np.concatenate([block.ids.ravel() for block in out]).reshape(ids.shape)
