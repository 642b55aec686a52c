"""Random formulas of arrays, and their values by NumPy."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from bpsheet.formula.arrays import as_column, named, product, sum_of, transposed
from bpsheet.formula.tree import Call, Mul, Neg, Num, Operation, Ref, Sub, Sum

SHAPES = {"A": (3, 2), "B": (2, 3), "C": (3, 3), "u": (3,), "v": (2,), "s": ()}


def windows(array, size, stride, padding=0):
    """Each window of an array of one or two axes, by NumPy's own view of them."""
    padded = np.pad(array, padding)
    views = np.lib.stride_tricks.sliding_window_view(padded, size)
    return views[(slice(None, None, int(stride)),) * array.ndim]


def convolved(array, kernel, stride, padding, dilation):
    axes, apart = tuple(range(-kernel.ndim, 0)), int(dilation)
    size = tuple(apart * (n - 1) + 1 for n in kernel.shape)
    met = windows(array, size, stride, int(padding))[
        (..., *(slice(None, None, apart) for _ in size))
    ]
    return (met * kernel).sum(axis=axes)


def pooled(array, size, stride, by):
    axes = tuple(range(-array.ndim, 0))
    return by(windows(array, (int(size),) * array.ndim, stride), axis=axes)


NUMPY = {
    "rows": lambda *rows: np.stack(rows),
    "flat": lambda *parts: np.concatenate([np.ravel(part) for part in parts]),
    "causal": lambda square, fill: np.where(np.tri(len(square)), square, fill),
    "convolved": convolved,
    "window sums": lambda array, size, stride: pooled(array, size, stride, np.sum),
    "window largest": lambda array, size, stride: pooled(array, size, stride, np.max),
    "product": np.matmul,
    "transposed": np.transpose,
    "as column": lambda vector: vector[:, np.newaxis],
    "sum": np.sum,
    "sum down": lambda matrix: matrix.sum(axis=0),
    "sum across": lambda matrix: matrix.sum(axis=1),
}


def cells():
    """The cells A_1_2, u_1, …; s is a number."""
    every = {}
    for name, shape in SHAPES.items():
        if shape:
            entries = np.empty(shape, object)
            for index in np.ndindex(*shape):
                entries[index] = "_".join([name, *(str(n + 1) for n in index)])
            every[name] = named(entries)
    return every


def by_numpy(node, values):
    """The value of a formula of arrays, by NumPy."""
    match node:
        case Ref(name):
            return values[name]
        case Num(number):
            return number
        case Neg(operand):
            return -by_numpy(operand, values)
        case Sub(left, right):
            return by_numpy(left, values) - by_numpy(right, values)
        case Mul(left, right):
            return by_numpy(left, values) * by_numpy(right, values)
        case Sum(terms):
            return sum(by_numpy(term, values) for term in terms)
        case Call("tanh", (argument,)):
            return np.tanh(by_numpy(argument, values))
        case Operation(kind, operands):
            return NUMPY[kind](*(by_numpy(operand, values) for operand in operands))
    raise AssertionError(node)


@st.composite
def formulas(draw, shape, depth=3):
    """A formula whose value has a shape, with every operation and every way to repeat an array."""
    ways = [Ref(name) for name, own in SHAPES.items() if own == shape]
    if depth:
        below = formulas(shape, depth - 1)
        ways += ["entry by entry", "repeated", "tanh"]
        inner = draw(st.sampled_from([2, 3]))
        if shape == ():
            ways += ["sum", "inner"]
        if len(shape) == 1:
            ways += ["vector", "down", "across", "row", "convolved", "pooled"]
            ways += ["flat"] if shape == (3,) else []
        if len(shape) == 2:
            ways += ["matrix", "transposed", "outer", "row by row", "rows", "convolved", "pooled"]
        if shape == (3, 3):
            ways.append("causal")
    if shape == (2, 2):
        ways.append(product(Ref("B"), Ref("A")))
    way = draw(st.sampled_from(ways))

    def part(*of):
        return draw(formulas(of, depth - 1))

    match way:
        case Ref() | Operation():
            return way
        case "entry by entry":
            make = draw(st.sampled_from([Mul, Sub, lambda a, b: Sum((a, b))]))
            return make(draw(below), draw(below))
        case "repeated":
            return draw(st.sampled_from([Mul, Sub]))(part(), draw(below))
        case "tanh":
            return Call("tanh", (Neg(draw(below)),))
        case "sum":
            return sum_of(part(*draw(st.sampled_from([(2,), (3, 2)]))))
        case "inner":
            return product(part(inner), part(inner))
        case "vector":
            return product(part(shape[0], inner), part(inner))
        case "row":
            return product(part(inner), part(inner, shape[0]))
        case "down":
            return Operation("sum down", (part(inner, shape[0]),))
        case "across":
            return Operation("sum across", (part(shape[0], inner),))
        case "matrix":
            return product(part(shape[0], inner), part(inner, shape[1]))
        case "transposed":
            return transposed(part(*shape[::-1]))
        case "outer":
            return Mul(as_column(part(shape[0])), part(shape[1]))
        case "rows":
            return Operation("rows", tuple(part(shape[1]) for _ in range(shape[0])))
        case "flat":
            return Operation("flat", (part(2), part()))
        case "causal":
            return Operation("causal", (part(*shape), Num(0.25)))
        case "convolved":
            # A kernel as long, its gaps counted in, as the padding adds.
            kernel, apart = part(*(3 for _ in shape)), Num(float(draw(st.sampled_from([1, 2]))))
            return Operation("convolved", (part(*shape), kernel, Num(1.0), apart, apart))
        case "pooled":
            kind = draw(st.sampled_from(["window sums", "window largest"]))
            larger = part(*(n + 1 for n in shape)) if set(shape) == {2} else None
            if larger is None:
                return Operation(kind, (part(*shape), Num(1.0), Num(1.0)))
            return Operation(kind, (larger, Num(2.0), Num(1.0)))
        case "row by row":
            return Sum((part(*shape), part(shape[1])))
    raise AssertionError(way)
