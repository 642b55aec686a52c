"""What an engine computes at once: the program's quantities, joined where they adjoin in the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from bpsheet.formula.arrays import Array, named
from bpsheet.formula.tree import Expr, Operation, Ref, references, rewrite, walk
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity, alone

__all__ = ["Units"]

Places = Mapping[str, int]


@dataclass(frozen=True)
class Units:
    """The quantities that are computed row by row, in their order.

    states: weights and other states, which are known as soon as the row before is
    others: what depends on them
    cells:  the references to the cells of each array in their formulas
    """

    states: Sequence[Quantity]
    others: Sequence[Quantity]
    cells: Mapping[str, Array]

    @classmethod
    def of(cls, program: Program, ahead: frozenset[int]) -> Units:
        """The units of a program, without the columns that are computed ahead."""
        quantities: list[Quantity] = []
        for quantity in _quantities(program):
            columns = [column for column in quantity.columns.ravel() if column is not None]
            left = [column for column in columns if program.position[column.name] not in ahead]
            if left and len(left) == len(columns):
                quantities.append(quantity)
            else:
                # Some of its entries are constants, for example.
                quantities += [band.quantities[0] for band in alone(left)]
        cells = dict(program.arrays)
        states = [quantity for quantity in quantities if quantity.first.is_state]
        others = [quantity for quantity in quantities if not quantity.first.is_state]
        return cls(
            list(_joined(states, cells, program.position)),
            list(_joined(others, cells, program.position)),
            cells,
        )

    def is_in_place(self) -> bool:
        """Whether states may be computed where their values in the row before stand.

        They may if such a value is used for nothing but its own successor: w + Δw replaces w.
        """
        replaced: set[str] = set()
        for quantity in self.states:
            if quantity.formula is None:
                return False
            own = [column.name for column in quantity.columns.ravel() if column is not None]
            replaced.update(own)
            is_entrywise = not any(isinstance(node, Operation) for node in walk(quantity.formula))
            for used in self._used(quantity, lag=1):
                if not (used == own and is_entrywise) and not replaced.isdisjoint(used):
                    return False
        return not any(names for quantity in self.others for names in self._used(quantity, lag=1))

    def _used(self, quantity: Quantity, lag: int) -> Iterator[list[str]]:
        """The columns of each array, or number, that a quantity's formula uses."""
        for ref in references(quantity.formula) if quantity.formula is not None else ():
            if ref.lag == lag:
                cells = self.cells[ref.name].ravel() if ref.name in self.cells else [ref]
                yield [cell.name for cell in cells if isinstance(cell, Ref)]


def _quantities(program: Program) -> Sequence[Quantity]:
    """A program whose columns were exchanged for others is computed column by column."""
    if program.is_of_quantities:
        return program.quantities
    return [band.quantities[0] for band in alone(program.columns)]


def _joined(
    quantities: Sequence[Quantity], cells: dict[str, Array], position: Places
) -> Iterator[Quantity]:
    """Quantities; neighbours with the same formula, entry by entry, are one vector.

    The biases and weights of all layers are such neighbours: their columns adjoin, and so do those
    of their gradients.
    """
    patterns = {id(quantity): _Pattern.of(quantity, cells) for quantity in quantities}
    for _, group in groupby(quantities, lambda q: patterns[id(q)].formula):
        members = list(group)
        whole = _whole(members, [patterns[id(q)] for q in members], cells, position)
        yield from members if whole is None else [whole]


@dataclass(frozen=True)
class _Pattern:
    """A formula of arrays of one shape, with a number for each of them: what it says of an entry.

    formula: None, or the quantity's name, for a quantity that is joined with no other
    arrays:  the arrays that the numbers stand for
    """

    formula: Expr | str
    arrays: tuple[str, ...] = ()

    @classmethod
    def of(cls, quantity: Quantity, cells: Mapping[str, Array]) -> _Pattern:
        arrays: list[str] = []

        def without(node: Expr) -> Expr:
            if not isinstance(node, Ref) or node.name not in cells:
                return node
            arrays.append(node.name)
            return Ref(f"array {len(arrays)}", node.lag)

        if quantity.formula is None or not quantity.shape:
            return cls(quantity.name)
        if any(isinstance(node, Operation) for node in walk(quantity.formula)):
            return cls(quantity.name)
        formula = rewrite(quantity.formula, without)
        if not arrays or any(cells[name].shape != quantity.shape for name in arrays):
            return cls(quantity.name)
        return cls(formula, tuple(arrays))


def _whole(
    members: Sequence[Quantity],
    patterns: Sequence[_Pattern],
    cells: dict[str, Array],
    position: Places,
) -> Quantity | None:
    """The vector of all entries; None where it, or a vector that it uses, has gaps in the row, and
    where one member uses another.
    """
    formula = patterns[0].formula
    if len(members) < 2 or isinstance(formula, str):
        return None
    columns = np.concatenate([quantity.columns.ravel() for quantity in members])
    used = {
        f"array {number}": np.concatenate([cells[name].ravel() for name in names])
        for number, names in enumerate(zip(*(p.arrays for p in patterns), strict=True), start=1)
    }
    try:
        place = np.array([position[column.name] for column in columns])
        places = {
            name: np.array([position[cell.name] for cell in vector])
            for name, vector in used.items()
        }
    except (AttributeError, KeyError):
        return None
    order = np.argsort(place)
    if any((np.diff(one[order]) != 1).any() for one in (place, *places.values())):
        return None
    own = {ref.name: ref.lag for ref in references(formula) if ref.name in places}
    if any(np.isin(places[name], place).any() for name, lag in own.items() if not lag):
        return None
    whole = ", ".join(quantity.name for quantity in members)
    cells[whole] = named([column.name for column in columns[order]])
    cells |= {f"{name} of {whole}": vector[order] for name, vector in used.items()}

    def renamed(node: Expr) -> Expr:
        if isinstance(node, Ref) and node.name in used:
            return Ref(f"{node.name} of {whole}", node.lag)
        return node

    return Quantity(whole, rewrite(formula, renamed), columns[order])
