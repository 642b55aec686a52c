"""A formula of arrays as lines of NumPy, with the bits of its cells' formulas."""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import Any

import numpy as np

from bpsheet.engine.places import place_of
from bpsheet.engine.recording import Values
from bpsheet.formula.arrays import Array, Shape, shape_of
from bpsheet.formula.tree import (
    ONE,
    Div,
    Expr,
    If,
    Mul,
    Neg,
    Num,
    Operation,
    Ref,
    Sub,
    Sum,
    children,
    rebuild,
    references,
)
from bpsheet.printers.python import PythonPrinter
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity

__all__ = ["Vectors", "Views"]

INFIX = {Sub: "subtract", Mul: "multiply", Div: "divide"}


class _Unlike(Exception):  # noqa: N818 - no error: the array is computed column by column
    """A formula that NumPy cannot compute with the same bits."""


class Views:
    """The arrays of a program as views of the row, and of the row before."""

    def __init__(
        self, program: Program, cells: Mapping[str, Array], now: Values, last: Values
    ) -> None:
        self.program = program
        self.rows = (now, last)
        self.cells = cells
        self.shapes = {name: cells.shape for name, cells in self.cells.items()}

    def has_arrays(self, quantity: Quantity, least: int) -> bool:
        """Whether a quantity has, or uses, an array of so many entries."""
        if quantity.formula is None or any(c is None for c in quantity.columns.ravel()):
            return False
        if quantity.shape:
            return int(quantity.columns.size) >= least
        used = (self.cells.get(ref.name) for ref in references(quantity.formula))
        return any(bool(cells.size >= least) for cells in used if cells is not None)

    def of(self, name: str, lag: int) -> Values:
        """An array's view. Raises _Unlike where its cells do not lie in equal distances."""
        cells = self.cells[name]
        if all(isinstance(cell, Num) for cell in cells.ravel()):
            return np.array([cell.value for cell in cells.ravel()]).reshape(cells.shape)
        place = place_of(cells, self.program.position)
        if place is None:
            raise _Unlike
        start, steps = place
        row = self.rows[1 if lag else 0]
        strides = tuple(8 * step for step in steps)
        return np.lib.stride_tricks.as_strided(row[start:], cells.shape, strides)


Printers = Callable[[Callable[[Ref], str]], PythonPrinter]


class Vectors:
    """Writes the lines for a quantity. `names` gets the views and the arrays that they use."""

    def __init__(
        self,
        views: Views,
        printer: Printers,
        variable: Callable[[Ref], str],
        names: dict[str, Any],
        least: int,
    ) -> None:
        self.views = views
        self.printer = printer
        self.variable = variable
        self.names = names
        self.names |= FUNCTIONS
        self.least = least
        self.found: list[str] = []
        self.indent = ""

    def lines(self, quantity: Quantity) -> list[str] | None:
        """The lines that compute a quantity; None where they would not have its cells' bits."""
        assert quantity.formula is not None
        before = dict(self.names)
        try:
            if quantity.shape:
                out = self.views.of(quantity.name, 0)
                # NumPy takes its time over an output among whose entries others stand.
                is_spread = out.ndim == 1 and not out.flags.c_contiguous
                value = self._value(quantity.formula, None if is_spread else self._name(out))
                if is_spread:
                    self._line(f"copyto({self._name(out)}, {value})")
            else:
                index = self.views.program.position[quantity.first.name]
                self._line(f"m[{index}] = {self._number(quantity.formula)}")
        except _Unlike:
            self.names.clear()
            self.names |= before
            return None
        return self.found

    def _line(self, text: str) -> None:
        self.found.append(self.indent + text)

    def _name(self, array: Any) -> str:
        """A name for an array in the code."""
        name = f"a{len(self.names)}"
        self.names[name] = array
        return name

    def _shape(self, node: Expr) -> Shape:
        return shape_of(node, self.views.shapes)

    def _new(self, shape: Shape) -> str:
        return self._name(np.empty(shape))

    def _number(self, node: Expr) -> str:
        """The Python of a formula whose value is a number; arrays in it are summed before."""
        sums: dict[str, str] = {}

        def without(node: Expr) -> Expr:
            is_long = isinstance(node, Sum) and any(isinstance(t, Operation) for t in node.terms)
            if is_long or isinstance(node, Operation):
                name = f"s{len(self.names)}"
                self.names[name] = 0.0
                sums[name] = name
                self._line(f"{name} = {self._joined(node) if is_long else self._summed(node)}")
                return Ref(name)
            parts = children(node)
            return rebuild(node, tuple(map(without, parts))) if parts else node

        plain = without(node)
        text = self.printer(lambda ref: sums.get(ref.name) or self.variable(ref)).text(plain)
        return f"({text})"

    def _joined(self, node: Expr) -> str:
        """A sum of sums, whose terms are added one after another."""
        sizes = []
        for term in children(node):
            if isinstance(term, Operation) and term.kind != "sum":
                raise _Unlike
            sizes.append(self._size(term))
        whole = np.empty(sum(sizes))
        at = 0
        for term, size in zip(children(node), sizes, strict=True):
            part = self._name(whole[at : at + size])
            if isinstance(term, Operation):
                self._line(f"copyto({part}, {self._value(term.operands[0])}.ravel())")
            else:
                self._line(f"{part}[0] = {self._number(term)}")
            at += size
        return f"in_order({self._name(whole)})"

    def _size(self, term: Expr) -> int:
        if isinstance(term, Operation):
            return int(np.prod(self._shape(term.operands[0])))
        return 1

    def _summed(self, node: Expr) -> str:
        match node:
            case Operation("sum", (array,)) if self._is_each(array):
                return f"summed({self._list(array)})"
            case Operation("sum", (array,)):
                return f"in_order({self._value(array)}.ravel())"
            case Operation("largest", (vector,)):
                return f"max({self._value(vector)}.tolist())"
            case Operation("product", (left, right)):
                return f"in_order({self._value(Mul(left, right))})"
        raise _Unlike

    def _value(self, node: Expr, out: str | None = None) -> str:
        """The name of an array with the value of a formula; `out` names it, if given."""
        name = self._computed(node, out)
        if out is not None and name != out:
            self._line(f"copyto({out}, {name})")
            return out
        return name

    def _computed(self, node: Expr, out: str | None) -> str:
        if not self._shape(node):
            return self._scalar(node)
        match node:
            case Ref(name, lag):
                return self._name(self.views.of(name, lag))
            case Neg(operand):
                return self._call("negative", node, out, operand)
            case Mul(left, right) if ONE in (left, right):
                return self._value(right if left == ONE else left, out)
            case Sub() | Mul() | Div():
                return self._call(INFIX[type(node)], node, out, *children(node))
            case Sum():
                return self._sum(self._shape(node), node.terms, out)
            case If(test, then, otherwise) if not self._shape(test):
                return self._choice(test, then, otherwise, out or self._new(self._shape(node)))
            case Operation():
                return self._operation(node, out)
        return self._each(node, out)

    def _scalar(self, node: Expr) -> str:
        """The Python of a number that NumPy is given; a number that is written out is an array."""
        text = self._number(node)
        try:
            return self._name(np.array(float(text[1:-1])))
        except ValueError:
            return text

    def _call(self, operation: str, node: Expr, out: str | None, *operands: Expr) -> str:
        names = [self._value(operand) for operand in operands]
        out = out or self._new(self._shape(node))
        self._line(f"{operation}({', '.join(names)}, {out})")
        return out

    def _choice(self, test: Expr, then: Expr, otherwise: Expr, out: str) -> str:
        """One of two values. Only the chosen one is computed."""
        self._line(f"if {self._number(test)}:")
        outer = self.indent
        self.indent = outer + " "
        self._value(then, out)
        self._line("pass")
        self.indent = outer
        self._line("else:")
        self.indent = outer + " "
        self._value(otherwise, out)
        self._line("pass")
        self.indent = outer
        return out

    def _is_each(self, node: Expr) -> bool:
        """Whether Python computes each entry of an array."""
        if isinstance(node, If):
            return bool(self._shape(node.test))
        return not isinstance(node, Ref | Neg | Sub | Mul | Div | Sum | Operation)

    def _each(self, node: Expr, out: str | None) -> str:
        """An array whose entries Python computes."""
        entries = self._list(node)
        out = out or self._new(self._shape(node))
        array = self.names[out]
        if not array.flags.c_contiguous:
            self._line(f"{out}.flat = {entries}")
            return out
        store = self._name(struct.Struct(f"{array.size}d").pack_into)
        memory = self._name(memoryview(array).cast("B"))
        self._line(f"{store}({memory}, 0, *{entries})")
        return out

    def _list(self, node: Expr) -> str:
        """The Python of the entries, with the numbers of the arrays in the formula."""
        arrays: dict[Ref, str] = {}
        numbers: set[Ref] = set()

        def without(node: Expr) -> Expr:
            if self._shape(node) and isinstance(node, Ref | Operation):
                placed = Ref(f"x{len(arrays)}")
                arrays[placed] = self._value(node)
                return placed
            if isinstance(node, Operation):
                # A number that is summed from an array is computed once, before the entries.
                number = Ref(f"s{len(self.names)}")
                self.names[number.name] = 0.0
                numbers.add(number)
                self._line(f"{number.name} = {self._number(node)}")
                return number
            parts = children(node)
            return rebuild(node, tuple(map(without, parts))) if parts else node

        plain = without(node)
        own = {*arrays, *numbers}
        text = self.printer(lambda ref: ref.name if ref in own else self.variable(ref)).text(plain)
        lists = [self._entries(name, self._shape(node)) for name in arrays.values()]
        if len(lists) > 1:
            return (
                f"[{text} for {', '.join(ref.name for ref in arrays)} in zip({', '.join(lists)})]"
            )
        function, _, given = text.partition("(")
        if given == "x0)" and function.isidentifier():
            return f"map({function}, {lists[0]})"
        return f"[{text} for x0 in {lists[0]}]"

    def _entries(self, name: str, shape: Shape) -> str:
        """The Python of an array's numbers, in a list."""
        spread = self._spread(name, shape)
        return f"{spread}.tolist()" if len(shape) == 1 else f"{spread}.ravel().tolist()"

    def _spread(self, name: str, shape: Shape) -> str:
        array = self.names[name]
        return name if array.shape == shape else self._name(np.broadcast_to(array, shape))

    def _operation(self, node: Operation, out: str | None) -> str:
        match node:
            case Operation("transposed", (matrix,)):
                return self._name(self.names[self._value(matrix)].T)
            case Operation("as column", (vector,)):
                return self._name(self.names[self._value(vector)][:, np.newaxis])
            case Operation("shaped as", (array, like)):
                shape = self._shape(like)
                if self._shape(array):
                    return self._spread(self._value(array), shape)
                out = out or self._new(shape)
                self._line(f"{out}.fill({self._number(array)})")
                return out
            case Operation("beside", (column, matrix)):
                whole = np.empty(self._shape(node))
                self._value(column, self._name(whole[:, 0]))
                self._value(matrix, self._name(whole[:, 1:]))
                return self._name(whole)
            case Operation("product" | "sum down" | "sum across"):
                return self._sum(self._shape(node), (node,), out)
        raise _Unlike

    def _sum(self, shape: Shape, terms: tuple[Expr, ...], out: str | None) -> str:
        """Terms added from left to right, those of a product one after another."""
        if int(np.prod(shape)) < 2:
            # The only axis left is the one along which NumPy adds in another order.
            raise _Unlike
        if not any(map(_is_sum, terms)):
            return self._chain(shape, terms, out)
        counts = [self._count(term) for term in terms]
        whole = np.empty((sum(counts), *shape))
        at = 0
        for term, count in zip(terms, counts, strict=True):
            if _is_sum(term):
                self._fill(term, whole[at : at + count])
            else:
                self._value(term, self._name(whole[at]))
            at += count
        out = out or self._new(shape)
        # The arguments are those of `np.add.reduce`: it takes longer over named ones.
        self._line(f"total({self._name(whole)}, 0, None, {out}, False, None)")
        return out

    def _chain(self, shape: Shape, terms: tuple[Expr, ...], out: str | None) -> str:
        total = self._value(terms[0])
        for number, term in enumerate(terms[1:], start=2):
            value = self._value(term)
            last = out if number == len(terms) else None
            last = last or self._new(shape)
            self._line(f"add({total}, {value}, {last})")
            total = last
        return total

    def _count(self, term: Expr) -> int:
        """How many terms of a sum a part of it is."""
        match term:
            case Operation("product", (left, _)):
                return self._shape(left)[-1]
            case Operation("sum down", (matrix,)):
                return self._shape(matrix)[0]
            case Operation("sum across", (matrix,)):
                return self._shape(matrix)[1]
        return 1

    def _fill(self, node: Expr, whole: Values) -> None:
        """Write the terms of an operation, along the first axis.

        Terms of a smaller array than the sum are repeated as NumPy repeats it.
        """
        more = whole.ndim - 1 - len(self._shape(node))

        def spread(terms: Values) -> str:
            return self._name(terms[(slice(None), *(np.newaxis,) * more)])

        match node:
            case Operation("product", (left, right)):
                first, second = (self.names[self._value(part)] for part in (left, right))
                if second.ndim == 2 and first.ndim == 2:
                    first, second = first.T[:, :, np.newaxis], second[:, np.newaxis, :]
                elif second.ndim == 2:
                    first = first[:, np.newaxis]
                elif first.ndim == 2:
                    first, second = first.T, second[:, np.newaxis]
                names = ", ".join((spread(first), spread(second), self._name(whole)))
                self._line(f"multiply({names})")
            case Operation("sum down" | "sum across" as kind, (matrix,)):
                value = self.names[self._value(matrix)]
                turned = value if kind == "sum down" else value.T
                self._line(f"copyto({self._name(whole)}, {spread(turned)})")


def _is_sum(node: Expr) -> bool:
    """Whether a formula's value is a sum, whose terms join the sum in which it stands."""
    return isinstance(node, Operation) and node.kind in ("product", "sum down", "sum across")


def _in_order(terms: Values) -> float:
    """The sum of all terms, from the first to the last."""
    return float(np.add.accumulate(terms)[-1])


FUNCTIONS: Mapping[str, Any] = {
    # NumPy adds from the first element to the last along every axis but the one whose elements
    # adjoin in memory.
    "total": np.add.reduce,
    "in_order": _in_order,
    "summed": partial(reduce, operator.add),
    "copyto": np.copyto,
    "negative": np.negative,
    **{name: getattr(np, name) for name in ("add", "subtract", "multiply", "divide")},
}
