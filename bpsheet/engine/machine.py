"""A program as text for LLVM: loops over arrays, in the order in which their cells are written.

Every value is a double, and every operation is the one that Python does, one after another: nothing is
reordered, contracted or approximated. Functions are those of the C library, as in Python's `math`. A
row in which anything becomes infinite is left to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from bpsheet.engine.assembly import NOTHING, Index, Unsupported
from bpsheet.engine.functions import DECLARED, Functions
from bpsheet.engine.places import place_of
from bpsheet.engine.units import Units
from bpsheet.formula.arrays import Array, Shape, shape_of
from bpsheet.formula.tree import (
    ONE,
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
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
    references,
)
from bpsheet.program.column import Column
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity

__all__ = ["Machine"]

COMPARISONS = {"=": "oeq", "<>": "une", "<": "olt", "<=": "ole", ">": "ogt", ">=": "oge"}
# So many sums are computed side by side.
TOGETHER = 8


class _Tables:
    """The tables of a program in memory. Vectors of the same length are the columns of one matrix, so
    that an example's numbers adjoin. Raises Unsupported where a number is not finite.
    """

    def __init__(self, tables: Mapping[str, Any]) -> None:
        arrays = {name: np.array(table, float) for name, table in tables.items()}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise Unsupported
        vectors: dict[int, list[str]] = {}
        for name, array in arrays.items():
            if array.ndim == 1:
                vectors.setdefault(len(array), []).append(name)
        self.memory = [array for array in arrays.values() if array.ndim == 2]
        self.places: dict[str, tuple[int, tuple[int, ...], Shape]] = {
            name: (array.ctypes.data, (array.shape[1], 1), array.shape)
            for name, array in arrays.items()
            if array.ndim == 2
        }
        for size, names in vectors.items():
            matrix = np.column_stack([arrays[name] for name in names])
            self.memory.append(matrix)
            for number, name in enumerate(names):
                self.places[name] = (matrix.ctypes.data + 8 * number, (len(names),), (size,))


class Machine(Functions):
    """The text of `i64 @run(rows, count, before)`: computes rows, and returns how many it could.

    `ahead` has the columns whose values are in the row already.

    tables: the memory that the text reads, which must live as long as the code
    """

    def __init__(
        self, program: Program, ahead: Sequence[int] = (), *, squares: bool = False
    ) -> None:
        super().__init__(squares=squares)
        self.program = program
        self.width = len(program)
        self.units = Units.of(program, frozenset(ahead))
        self.cells = self.units.cells
        self.shapes = {name: cells.shape for name, cells in self.cells.items()}
        self.tables = _Tables(program.tables)
        self.values = {parameter.name: parameter.value for parameter in program.parameters}
        # The values of columns that are numbers, by their places.
        self.known: dict[int, str] = {}
        self.places: dict[str, tuple[int, tuple[int, ...]]] = {}
        # Products of a matrix and a vector that are computed for all rows together, by their nodes.
        self.summed: dict[int, str] = {}

    # The text

    def text(self) -> str:
        """The module. Raises Unsupported."""
        for quantity in _larger_first([*self.units.states, *self.units.others], self.cells):
            self._quantity(quantity.name, quantity.formula, quantity.columns)
        return "\n".join([*DECLARED, *self.functions(self.width)])

    # Quantities

    def _quantity(self, name: str, formula: Expr | None, columns: Array) -> None:
        whole = list(columns.ravel())
        if formula is None:
            # What an example gives: each column looks up its own number.
            for column in whole:
                if column is not None:
                    self._column(column)
            return
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
        place = self.program.position[column.name]
        value = self._emit(column.formula, ())
        if not isinstance(column.formula, Lookup):
            self.watch(value)
        self.put(value, self._address("row", place, (), ()))
        self.known[place] = value

    def _store(
        self, formula: Expr, shape: Shape, place: tuple[int, tuple[int, ...]] | None
    ) -> None:
        """A loop that computes an array. Raises Unsupported, and leaves no code behind."""
        if place is None:
            raise Unsupported
        before = len(self.body)
        try:
            with self.apart() as mark:
                self._sum_ahead(formula)
                with self.loops(shape) as indices:
                    own = shape_of(formula, self.shapes)
                    value = self.watch(self._emit(formula, indices[len(indices) - len(own) :]))
                    address = self._address("row", *place, indices)
                    self.line(f"store double {value}, ptr {address}{mark}")
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
            slot = self.slot(f"[{shape[0]} x double]")
            self._sums(terms[:-1], products[0], shape, slot)
            self.summed[id(node)] = slot

    def _sums(self, before: Sequence[Expr], last: Operation, shape: Shape, slot: str) -> None:
        series = self._series(last, (0,))
        assert series is not None
        ((count,), _), (rows,) = series, shape
        first = 0 if before else 1
        with self.loops(shape) as (row,):
            value = self._sum(before, (row,)) if before else self._entry_of(last, row, 0)
            self.put(value, self._in_slot(slot, row))
        if count == first:
            return
        if self._adjoins(last.operands[0]):
            with self.loops((count,), first) as (term,), self.loops(shape) as (row,):
                address = self._in_slot(slot, row)
                so_far = self.op(f"load double, ptr {address}")
                value = self._entry_of(last, row, term)
                self.put(self.op(f"fadd double {so_far}, {value}"), address)
            return
        whole = rows - rows % TOGETHER
        for begin, end, size in ((0, whole, TOGETHER), (whole, rows, rows - whole)):
            if begin == end:
                continue
            with self.loops(((end - begin) // size,)) as (block,):
                self._some_sums(last, self._some_rows(block, begin, size), (first, count), slot)

    def _adjoins(self, matrix: Expr) -> bool:
        """Whether the entries of a matrix's column adjoin in the row."""
        match matrix:
            case Ref(name):
                return self._place(name)[1][0] == 1
            case Operation("transposed", (Ref(name),)):
                return self._place(name)[1][1] == 1
        return True

    def _some_rows(self, block: str | int, begin: int, size: int) -> list[str | int]:
        if isinstance(block, int):
            return [begin + number for number in range(size)]
        start = self.op(f"mul i64 {block}, {size}")
        return [self.op(f"add i64 {start}, {begin + number}") for number in range(size)]

    def _some_sums(
        self, product: Operation, rows: list[str | int], terms: tuple[int, int], slot: str
    ) -> None:
        """Add the terms of some rows' sums; a processor holds all of these sums at once."""
        first, count = terms
        sums = [self.slot("double") for _ in rows]
        for row, one in zip(rows, sums, strict=True):
            self.put(self.op(f"load double, ptr {self._in_slot(slot, row)}"), one)
        with self.loops((count,), first) as (term,):
            for row, one in zip(rows, sums, strict=True):
                so_far = self.op(f"load double, ptr {one}")
                value = self._entry_of(product, row, term)
                self.put(self.op(f"fadd double {so_far}, {value}"), one)
        for row, one in zip(rows, sums, strict=True):
            self.put(self.op(f"load double, ptr {one}"), self._in_slot(slot, row))

    def _entry_of(self, product: Operation, row: str | int, term: str | int) -> str:
        series = self._series(product, (row,))
        assert series is not None
        return series[1]((term,))

    def _in_slot(self, slot: str, index: str | int) -> str:
        return self.op(f"getelementptr double, ptr {slot}, i64 {index}")

    # Instructions

    def _address(self, base: str, start: int, steps: Sequence[int], indices: Index) -> str:
        offset = start
        at: list[str] = []
        for step, index in zip(steps, indices, strict=True):
            if isinstance(index, int):
                offset += step * index
            elif step:
                at.append(self.op(f"mul i64 {index}, {step}") if step != 1 else index)
        total = str(offset)
        for part in at:
            total = self.op(f"add i64 {part}, {total}")
        return self.op(f"getelementptr double, ptr %{base}, i64 {total}")

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
            return self.op(f"load double, ptr {self._in_slot(slot, indices[0])}")
        match node:
            case Num(value):
                return self.number(value)
            case Param(name):
                given = self.values[name]
                if isinstance(given, str):
                    raise Unsupported
                return self.number(given)
            case Ref(name, lag):
                base = "last" if lag else "row"
                if name in self.cells:
                    return self._entry(name, base, indices)
                place = self.program.position[name]
                return self.load(self._address(base, place, (), ()))
            case Neg(operand):
                return self.op(f"fneg double {self._part(operand, indices)}")
            case Mul(left, right) if ONE in (left, right):
                return self._part(right if left == ONE else left, indices)
            case Sub(left, right):
                return self._binary("fsub", left, right, indices)
            case Mul(left, right):
                return self._binary("fmul", left, right, indices)
            case Div(left, right):
                top, bottom = self._part(left, indices), self._part(right, indices)
                return self.watch(self.op(f"fdiv double {self.watch(top)}, {self.watch(bottom)}"))
            case Sum(terms):
                return self._sum(terms, indices)
            case Lookup(table, row, column):
                return self._look_up(table, row, column, indices)
            case Pow(base, Num(exponent)) if exponent in (1.0, 2.0, 3.0, 4.0):
                return self.power(self._part(base, indices), exponent)
            case Call(name, arguments):
                return self.call(name, [self._part(part, indices) for part in arguments])
            case Compare():
                return self.op(f"uitofp i1 {self._test(node, indices)} to double")
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
            return self.number(cells[indices].value)
        return self.load(self._address(base, *self._place(name), indices))

    def _look_up(self, table: str, row: Expr, column: Expr | None, indices: Index) -> str:
        """A number of a table; none for a row or column that it has not."""
        address, steps, sizes = self.tables.places[table]
        total = "0"
        for part, step, size in zip((row, column), steps, sizes, strict=False):
            if part is None:
                continue
            number = self.watch(self._part(part, indices))
            index = self.op(f"fptosi double {self.within(number, 1.0, size)} to i64")
            total = self.op(f"add i64 {total}, {self.op(f'mul i64 {index}, {step}')}")
        base = self.op(f"inttoptr i64 {address - 8 * sum(steps)} to ptr")
        where = self.op(f"getelementptr double, ptr {base}, i64 {total}")
        return self.op(f"load double, ptr {where}, !invariant.load {NOTHING}")

    def _binary(self, operation: str, left: Expr, right: Expr, indices: Index) -> str:
        first = self._part(left, indices)
        return self.op(f"{operation} double {first}, {self._part(right, indices)}")

    def _test(self, node: Expr, indices: Index) -> str:
        match node:
            case Compare("=", Param(name), Text(word)):
                return "true" if self.values[name] == word else "false"
            case Compare(sign, left, right):
                first = self.watch(self._part(left, indices))
                second = self.watch(self._part(right, indices))
                return self.op(f"fcmp {COMPARISONS[sign]} double {first}, {second}")
        raise Unsupported

    def _choice(self, test: Expr, then: Expr, otherwise: Expr, indices: Index) -> str:
        slot = self.slot("double")
        self.count += 1
        number = self.count
        chosen = self._test(test, indices)
        self.line(f"br i1 {chosen}, label %then{number}, label %else{number}")
        for label, side in (("then", then), ("else", otherwise)):
            self.block(f"{label}{number}")
            self.put(self._part(side, indices), slot)
            self.line(f"br label %after{number}")
        self.block(f"after{number}")
        return self.op(f"load double, ptr {slot}")

    # Sums

    def _sum(self, terms: Sequence[Expr], indices: Index) -> str:
        slot: str | None = None
        whole: str | None = None
        for term in terms:
            part = self._series(term, self._own(term, indices))
            if part is None:
                value = self._part(term, indices)
                whole = value if whole is None else self.op(f"fadd double {whole}, {value}")
                continue
            slot = self.slot("double")
            shape, entry = part
            first = whole is None
            begin = entry(tuple(0 for _ in shape)) if whole is None else whole
            self.put(begin, slot)
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
        return self.op(f"load double, ptr {slot}")

    def _add_all(self, slot: str, shape: Shape, entry: Callable[[Index], str], first: int) -> None:
        with self.loops(shape, first) as inner:
            value = entry(inner)
            so_far = self.op(f"load double, ptr {slot}")
            self.put(self.op(f"fadd double {so_far}, {value}"), slot)

    def _series(self, node: Expr, indices: Index) -> tuple[Shape, Callable[[Index], str]] | None:
        """The entries that an operation adds, if it is a sum: their shape, and what makes one."""
        match node:
            case Operation("product", (left, right)):
                sizes = shape_of(left, self.shapes), shape_of(right, self.shapes)
                rows, columns = indices[: len(sizes[0]) - 1], indices[len(sizes[0]) - 1 :]

                def product(inner: Index) -> str:
                    first = self._emit(left, (*rows, *inner))
                    second = self._emit(right, (*inner, *columns))
                    return self.op(f"fmul double {first}, {second}")

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
                slot = self.slot("double")
                self.put(self.watch(self._emit(vector, (0,))), slot)
                size = shape_of(vector, self.shapes)
                if size[0] > 1:
                    with self.loops(size, 1) as inner:
                        value = self.watch(self._emit(vector, inner))
                        so_far = self.op(f"load double, ptr {slot}")
                        self.put(self._largest(so_far, value, "ogt"), slot)
                return self.op(f"load double, ptr {slot}")
        raise Unsupported


def _larger_first(quantities: Sequence[Quantity], cells: Mapping[str, Array]) -> list[Quantity]:
    """The quantities, each matrix before a vector that stands between its rows.

    So a row's memory is asked for piece by piece: the gradients of weights, then those of biases.
    """
    order = list(quantities)
    for index, (first, second) in enumerate(pairwise(quantities)):
        if second.formula is None or not len(second.shape) > len(first.shape) > 0:
            continue
        used = (cells.get(ref.name, np.array(ref)).ravel() for ref in references(second.formula))
        names = {getattr(cell, "name", None) for part in used for cell in part}
        if not any(column is not None and column.name in names for column in first.columns):
            order[index : index + 2] = second, first
    return order
