"""A program as text for LLVM: loops over arrays, in the order in which their cells are written.

Every value is a double, and every operation is the one that Python does, one after another: nothing is
reordered, contracted or approximated. Functions are those of the C library, as in Python's `math`. A
row in which anything becomes infinite is left to the engine.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

from bpsheet.engine.places import place_of
from bpsheet.formula.arithmetic import LOWEST_SUM
from bpsheet.formula.arrays import Array, Shape, shape_of
from bpsheet.formula.tree import (
    ONE,
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
    Text,
    children,
)
from bpsheet.program.column import Column
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity, alone

__all__ = ["C_FUNCTIONS", "OWN", "Machine", "Unsupported"]

# The functions of the C library, by their names in formulas.
C_FUNCTIONS = {
    "cos": "cos", "cosh": "cosh", "exp": "exp", "ln": "log", "sin": "sin", "sinh": "sinh",
    "tanh": "tanh",
}  # fmt: skip
# LLVM would compute functions whose names it knows in a way of its own: pow(x, 2) as x * x.
OWN = "bpsheet_"
COMPARISONS = {"=": "oeq", "<>": "une", "<": "olt", "<=": "ole", ">": "ogt", ">=": "oge"}
INFINITE = 0x7FF0000000000000

# An index along one axis: the name of an i64 in the code, or a number.
Index = tuple[str | int, ...]


class Unsupported(Exception):  # noqa: N818 - no error: Python computes the program
    """A program that is not turned into machine code."""


class Machine:
    """The text of `i64 @run(rows, count, before)`: computes rows, and returns how many it could."""

    def __init__(self, program: Program, ahead: Sequence[int]) -> None:
        self.program = program
        self.width = len(program)
        self.ahead = frozenset(ahead)
        self.cells = program.arrays
        self.shapes = {name: cells.shape for name, cells in self.cells.items()}
        self.values = {parameter.name: parameter.value for parameter in program.parameters}
        self.body: list[str] = []
        self.slots: list[str] = []
        self.count = 0
        self.places: dict[str, tuple[int, tuple[int, ...]]] = {}
        # Products of a matrix and a vector that are computed for all rows together, by their nodes.
        self.summed: dict[int, str] = {}

    # The text

    def text(self) -> str:
        """The module. Raises Unsupported."""
        # Weights and other states are known as soon as the row before is.
        for of_states in (True, False):
            for quantity in self._units():
                columns = [c for c in quantity.columns.ravel() if c is not None]
                if any(self.program.position[c.name] in self.ahead for c in columns):
                    continue
                if columns[0].is_state is of_states:
                    self._quantity(quantity.name, quantity.formula, quantity.columns)
        declared = [
            f"declare double @{OWN}{name}(double)" for name in sorted(set(C_FUNCTIONS.values()))
        ]
        declared += [
            f"declare double @{OWN}pow(double, double)",
            "declare double @llvm.fabs.f64(double)",
        ]
        declared += ["declare double @llvm.sqrt.f64(double)"]
        return "\n".join(
            [
                *declared,
                "define i64 @run(ptr noalias %rows, i64 %rows.count, ptr noalias %before) {",
                "entry:",
                " %flag = alloca i64",
                " %row.number = alloca i64",
                *self.slots,
                " store i64 0, ptr %row.number",
                " br label %rows.test",
                "rows.test:",
                " %number = load i64, ptr %row.number",
                " %more = icmp slt i64 %number, %rows.count",
                " br i1 %more, label %row.begin, label %done",
                "row.begin:",
                " store i64 0, ptr %flag",
                f" %row.at = mul i64 %number, {self.width}",
                " %row = getelementptr double, ptr %rows, i64 %row.at",
                f" %row.before = getelementptr double, ptr %row, i64 -{self.width}",
                " %is.first = icmp eq i64 %number, 0",
                " %last = select i1 %is.first, ptr %before, ptr %row.before",
                " br label %work",
                "work:",
                *self.body,
                *self._check(),
                "row.end:",
                " %next = add i64 %number, 1",
                " store i64 %next, ptr %row.number",
                " br label %rows.test",
                "failed:",
                " ret i64 %number",
                "done:",
                " ret i64 %rows.count",
                "}",
            ]
        )

    def _check(self) -> list[str]:
        """Whether every value of the row is finite, and every number that a function was given."""
        return [
            " %flag.is = load i64, ptr %flag",
            " %flag.ok = icmp eq i64 %flag.is, 0",
            " br i1 %flag.ok, label %row.end, label %failed",
        ]

    # Quantities

    def _units(self) -> Sequence[Quantity]:
        if self.program.is_of_quantities:
            return self.program.quantities
        return [band.quantities[0] for band in alone(self.program.columns)]

    def _quantity(self, name: str, formula: Expr | None, columns: Array) -> None:
        if formula is None:
            raise Unsupported
        whole = list(columns.ravel())
        is_whole = columns.shape and all(column is not None for column in whole)
        try:
            self._store(formula, columns.shape, self._place(name) if is_whole else None)
        except Unsupported:
            for column in whole:
                if column is not None:
                    self._column(column)

    def _column(self, column: Column) -> None:
        """A column by itself, from its own formula."""
        if column.formula is None:
            raise Unsupported
        value = self._emit(column.formula, ())
        self._put(
            self._watch(value), self._address("row", self.program.position[column.name], (), ())
        )

    def _store(
        self, formula: Expr, shape: Shape, place: tuple[int, tuple[int, ...]] | None
    ) -> None:
        """A loop that computes an array. Raises Unsupported, and leaves no code behind."""
        if place is None:
            raise Unsupported
        before = len(self.body)
        try:
            self._sum_ahead(formula)
            with self._loops(shape) as indices:
                own = shape_of(formula, self.shapes)
                value = self._emit(formula, indices[len(indices) - len(own) :])
                self._put(self._watch(value), self._address("row", *place, indices))
        except Unsupported:
            del self.body[before:]
            raise

    def _place(self, name: str) -> tuple[int, tuple[int, ...]]:
        """Where an array lies in the row: its first column, and the steps along its axes."""
        if name not in self.places:
            place = place_of(self.cells[name], self.program.position)
            if place is None:
                raise Unsupported
            self.places[name] = place
        return self.places[name]

    def _sum_ahead(self, formula: Expr) -> None:
        """Compute the weighted sums in a formula, each term for all rows before the next one.

        So the processor need not wait for one addition after another. The order of the terms of each
        sum is the same.
        """
        waiting = [formula]
        while waiting:
            node = waiting.pop()
            terms = node.terms if isinstance(node, Sum) else (node,)
            products = [t for t in terms if isinstance(t, Operation) and t.kind == "product"]
            shape = shape_of(node, self.shapes)
            is_last = products == [terms[-1]] and shape_of(terms[-1], self.shapes) == shape
            if len(shape) != 1 or not is_last:
                waiting += children(node)
                continue
            slot = self._slot(f"[{shape[0]} x double]")
            self._sums(terms[:-1], products[0], shape, slot)
            self.summed[id(node)] = slot

    def _sums(self, before: Sequence[Expr], last: Operation, shape: Shape, slot: str) -> None:
        series = self._series(last, (0,))
        assert series is not None
        (count,), _ = series
        first = 0 if before else 1
        with self._loops(shape) as (row,):
            value = self._sum(before, (row,)) if before else self._entry_of(last, row, 0)
            self._put(value, self._in_slot(slot, row))
        if count > first:
            with self._loops((count,), first) as (term,), self._loops(shape) as (row,):
                address = self._in_slot(slot, row)
                so_far = self._op(f"load double, ptr {address}")
                value = self._entry_of(last, row, term)
                self._put(self._op(f"fadd double {so_far}, {value}"), address)

    def _entry_of(self, product: Operation, row: str | int, term: str | int) -> str:
        series = self._series(product, (row,))
        assert series is not None
        return series[1]((term,))

    def _in_slot(self, slot: str, index: str | int) -> str:
        return self._op(f"getelementptr double, ptr {slot}, i64 {index}")

    # Instructions

    def _new(self) -> str:
        self.count += 1
        return f"%v{self.count}"

    def _line(self, text: str) -> None:
        self.body.append(f" {text}")

    def _block(self, label: str) -> None:
        self.body.append(f"{label}:")

    def _op(self, text: str) -> str:
        name = self._new()
        self._line(f"{name} = {text}")
        return name

    def _slot(self, kind: str) -> str:
        """A variable of the function; a loop or a choice writes it."""
        self.count += 1
        name = f"%s{self.count}"
        self.slots.append(f" {name} = alloca {kind}")
        return name

    def _number(self, value: float) -> str:
        return f"0x{struct.pack('>d', value).hex().upper()}"

    def _address(self, base: str, start: int, steps: Sequence[int], indices: Index) -> str:
        offset = start
        at: list[str] = []
        for step, index in zip(steps, indices, strict=True):
            if isinstance(index, int):
                offset += step * index
            elif step:
                at.append(self._op(f"mul i64 {index}, {step}") if step != 1 else index)
        total = str(offset)
        for part in at:
            total = self._op(f"add i64 {part}, {total}")
        return self._op(f"getelementptr double, ptr %{base}, i64 {total}")

    def _put(self, value: str, address: str) -> None:
        self._line(f"store double {value}, ptr {address}")

    def _watch(self, value: str) -> str:
        """The value; a row in which it is infinite is computed again, with care."""
        bits = self._op(f"bitcast double {value} to i64")
        exponent = self._op(f"and i64 {bits}, {INFINITE}")
        is_bad = self._op(f"icmp eq i64 {exponent}, {INFINITE}")
        wide = self._op(f"zext i1 {is_bad} to i64")
        flag = self._op("load i64, ptr %flag")
        self._line(f"store i64 {self._op(f'or i64 {flag}, {wide}')}, ptr %flag")
        return value

    @contextmanager
    def _loops(self, shape: Shape, first: int = 0) -> Any:
        """A loop for each axis; gives the indices. The first axis begins at `first`."""
        ends = []
        indices: list[str | int] = []
        for axis, size in enumerate(shape):
            begin = first if axis == 0 else 0
            if size - begin == 1:
                indices.append(begin)
                continue
            self.count += 1
            number = self.count
            slot = self._slot("i64")
            self._line(f"store i64 {begin}, ptr {slot}")
            self._line(f"br label %loop{number}")
            self._block(f"loop{number}")
            index = self._op(f"load i64, ptr {slot}")
            indices.append(index)
            ends.append((number, slot, index, size))
        yield tuple(indices)
        for number, slot, index, size in reversed(ends):
            after = self._op(f"add i64 {index}, 1")
            self._line(f"store i64 {after}, ptr {slot}")
            more = self._op(f"icmp slt i64 {after}, {size}")
            self._line(f"br i1 {more}, label %loop{number}, label %end{number}")
            self._block(f"end{number}")

    # Formulas

    def _part(self, node: Expr, indices: Index) -> str:
        """An operand's value: a smaller array is repeated."""
        return self._emit(node, self._own(node, indices))

    def _own(self, node: Expr, indices: Index) -> Index:
        """The indices of an operand within a larger array."""
        shape = shape_of(node, self.shapes)
        own = indices[len(indices) - len(shape) :]
        return tuple(0 if size == 1 else i for size, i in zip(shape, own, strict=True))

    def _emit(self, node: Expr, indices: Index) -> str:
        if (slot := self.summed.get(id(node))) is not None:
            return self._op(f"load double, ptr {self._in_slot(slot, indices[0])}")
        match node:
            case Num(value):
                return self._number(value)
            case Param(name):
                given = self.values[name]
                if isinstance(given, str):
                    raise Unsupported
                return self._number(given)
            case Ref(name, lag):
                base = "last" if lag else "row"
                if name in self.cells:
                    return self._entry(name, base, indices)
                place = self.program.position[name]
                return self._op(f"load double, ptr {self._address(base, place, (), ())}")
            case Neg(operand):
                return self._op(f"fneg double {self._part(operand, indices)}")
            case Mul(left, right) if ONE in (left, right):
                return self._part(right if left == ONE else left, indices)
            case Sub(left, right):
                return self._binary("fsub", left, right, indices)
            case Mul(left, right):
                return self._binary("fmul", left, right, indices)
            case Div(left, right):
                top, bottom = self._part(left, indices), self._part(right, indices)
                return self._watch(
                    self._op(f"fdiv double {self._watch(top)}, {self._watch(bottom)}")
                )
            case Sum(terms):
                return self._sum(terms, indices)
            case Pow(base, Num(exponent)) if exponent in (1.0, 2.0, 3.0, 4.0):
                return self._power(self._part(base, indices), exponent)
            case Call(name, arguments):
                return self._call(name, [self._part(part, indices) for part in arguments])
            case Compare():
                return self._op(f"uitofp i1 {self._test(node, indices)} to double")
            case If(test, then, otherwise):
                return self._choice(test, then, otherwise, indices)
            case Operation():
                return self._operation(node, indices)
        raise Unsupported

    def _entry(self, name: str, base: str, indices: Index) -> str:
        cells = self.cells[name]
        if all(isinstance(cell, Num) for cell in cells.ravel()):
            if not all(isinstance(index, int) for index in indices):
                raise Unsupported
            return self._number(cells[indices].value)
        return self._op(f"load double, ptr {self._address(base, *self._place(name), indices)}")

    def _binary(self, operation: str, left: Expr, right: Expr, indices: Index) -> str:
        first = self._part(left, indices)
        return self._op(f"{operation} double {first}, {self._part(right, indices)}")

    def _power(self, base: str, exponent: float) -> str:
        if exponent == 1:
            return base
        size = self._op(f"call double @llvm.fabs.f64(double {self._watch(base)})")
        whole = self._op(f"call double @{OWN}pow(double {size}, double {self._number(exponent)})")
        self._watch(whole)
        if exponent != 3:
            return whole
        is_negative = self._op(f"fcmp olt double {base}, 0.0")
        turned = self._op(f"fneg double {whole}")
        return self._op(f"select i1 {is_negative}, double {turned}, double {whole}")

    def _call(self, name: str, given: list[str]) -> str:
        for value in given:
            self._watch(value)
        if name in C_FUNCTIONS:
            return self._watch(
                self._op(f"call double @{OWN}{C_FUNCTIONS[name]}(double {given[0]})")
            )
        zero = self._number(0.0)
        match name:
            case "sqrt":
                return self._watch(self._op(f"call double @llvm.sqrt.f64(double {given[0]})"))
            case "abs":
                return self._op(f"call double @llvm.fabs.f64(double {given[0]})")
            case "logistic":
                turned = self._op(f"fneg double {given[0]}")
                is_low = self._op(f"fcmp olt double {given[0]}, {self._number(LOWEST_SUM)}")
                # Where e^-z would overflow its value is not used.
                safe = self._op(f"select i1 {is_low}, double {zero}, double {turned}")
                power = self._op(f"call double @{OWN}exp(double {safe})")
                below = self._op(f"fadd double {self._number(1.0)}, {power}")
                whole = self._op(f"fdiv double {self._number(1.0)}, {below}")
                return self._op(f"select i1 {is_low}, double {zero}, double {whole}")
            case "relu":
                return self._largest(zero, given[0], "ogt")
            case "sign":
                above = self._op(f"fcmp ogt double {given[0]}, {zero}")
                below = self._op(f"fcmp olt double {given[0]}, {zero}")
                up, down = (self._op(f"uitofp i1 {side} to double") for side in (above, below))
                return self._op(f"fsub double {up}, {down}")
            case "max" | "min":
                whole = given[0]
                for value in given[1:]:
                    whole = self._largest(whole, value, "ogt" if name == "max" else "olt")
                return whole
        raise Unsupported

    def _largest(self, first: str, second: str, sign: str) -> str:
        """Of equal numbers, 0 and -0, the first one, as Python has it."""
        is_more = self._op(f"fcmp {sign} double {second}, {first}")
        return self._op(f"select i1 {is_more}, double {second}, double {first}")

    def _test(self, node: Expr, indices: Index) -> str:
        match node:
            case Compare("=", Param(name), Text(word)):
                return "true" if self.values[name] == word else "false"
            case Compare(sign, left, right):
                first = self._watch(self._part(left, indices))
                second = self._watch(self._part(right, indices))
                return self._op(f"fcmp {COMPARISONS[sign]} double {first}, {second}")
        raise Unsupported

    def _choice(self, test: Expr, then: Expr, otherwise: Expr, indices: Index) -> str:
        slot = self._slot("double")
        self.count += 1
        number = self.count
        chosen = self._test(test, indices)
        self._line(f"br i1 {chosen}, label %then{number}, label %else{number}")
        for label, side in (("then", then), ("else", otherwise)):
            self._block(f"{label}{number}")
            self._put(self._part(side, indices), slot)
            self._line(f"br label %after{number}")
        self._block(f"after{number}")
        return self._op(f"load double, ptr {slot}")

    # Sums

    def _sum(self, terms: Sequence[Expr], indices: Index) -> str:
        slot: str | None = None
        whole: str | None = None
        for term in terms:
            part = self._series(term, self._own(term, indices))
            if part is None:
                value = self._part(term, indices)
                whole = value if whole is None else self._op(f"fadd double {whole}, {value}")
                continue
            slot = self._slot("double")
            shape, entry = part
            first = whole is None
            begin = entry(tuple(0 for _ in shape)) if whole is None else whole
            self._put(begin, slot)
            whole = self._added(slot, shape, entry, skips_first=first)
        assert whole is not None
        return whole

    def _added(
        self, slot: str, shape: Shape, entry: Callable[[Index], str], *, skips_first: bool
    ) -> str:
        """Add the entries one after another to what the slot holds."""
        if not skips_first:
            self._add_all(slot, shape, entry, 0)
        elif len(shape) == 1:
            if shape[0] > 1:
                self._add_all(slot, shape, entry, 1)
        else:
            # The rest of the first row, then the other rows.
            if shape[1] > 1:
                self._add_all(slot, (shape[1],), lambda i: entry((0, *i)), 1)
            if shape[0] > 1:
                self._add_all(slot, shape, entry, 1)
        return self._op(f"load double, ptr {slot}")

    def _add_all(self, slot: str, shape: Shape, entry: Callable[[Index], str], first: int) -> None:
        with self._loops(shape, first) as inner:
            value = entry(inner)
            so_far = self._op(f"load double, ptr {slot}")
            self._put(self._op(f"fadd double {so_far}, {value}"), slot)

    def _series(self, node: Expr, indices: Index) -> tuple[Shape, Callable[[Index], str]] | None:
        """The entries that an operation adds, if it is a sum: their shape, and what makes one."""
        match node:
            case Operation("product", (left, right)):
                sizes = shape_of(left, self.shapes), shape_of(right, self.shapes)
                rows, columns = indices[: len(sizes[0]) - 1], indices[len(sizes[0]) - 1 :]

                def product(inner: Index) -> str:
                    first = self._emit(left, (*rows, *inner))
                    second = self._emit(right, (*inner, *columns))
                    return self._op(f"fmul double {first}, {second}")

                return (sizes[1][0],), product
            case Operation("sum", (array,)):
                shape = shape_of(array, self.shapes)
                return shape, lambda inner: self._emit(array, inner)
            case Operation("sum across", (matrix,)):
                shape = shape_of(matrix, self.shapes)
                return shape[1:], lambda inner: self._emit(matrix, (*indices, *inner))
            case Operation("sum down", (matrix,)):
                shape = shape_of(matrix, self.shapes)
                return shape[:1], lambda inner: self._emit(matrix, (*inner, *indices))
        return None

    def _operation(self, node: Operation, indices: Index) -> str:
        if self._series(node, indices) is not None:
            return self._sum((node,), indices)
        match node:
            case Operation("transposed", (matrix,)):
                return self._emit(matrix, indices[::-1])
            case Operation("as column", (vector,)):
                return self._emit(vector, indices[:1])
            case Operation("shaped as", (array, _)):
                return self._part(array, indices)
            case Operation("row", (array, Num(number))):
                return self._emit(array, (int(number) - 1, *indices))
            case Operation("largest", (vector,)):
                slot = self._slot("double")
                self._put(self._watch(self._emit(vector, (0,))), slot)
                size = shape_of(vector, self.shapes)
                if size[0] > 1:
                    with self._loops(size, 1) as inner:
                        value = self._watch(self._emit(vector, inner))
                        so_far = self._op(f"load double, ptr {slot}")
                        self._put(self._largest(so_far, value, "ogt"), slot)
                return self._op(f"load double, ptr {slot}")
        raise Unsupported
