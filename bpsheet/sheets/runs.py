"""Long sums of alike terms, written over ranges.

The derivative of a weight has a term for each row of the data: `E9*Sheet1!A2 + E10*Sheet1!A3 + …`.
Where the cells of the terms stand one below another (or one beside another), the terms are one
SUMPRODUCT of ranges, so that the formula is short for any number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from bpsheet.formula.tree import Call, Compare, Expr, If, Num, Param, Ref, children, rebuild, walk
from bpsheet.sheets.areas import Area

__all__ = ["LONG", "Run", "divided"]

# A sum with at least so many terms is written over ranges where that is possible.
LONG = 12
# A longer term is written out.
MOST_NODES = 60
# Functions that every spreadsheet program computes cell by cell inside SUMPRODUCT.
CELL_BY_CELL = frozenset({"abs", "cos", "cosh", "exp", "int", "ln", "sin", "sinh", "sqrt", "tanh"})


class Run(NamedTuple):
    """Alike terms whose cells adjoin.

    shape: a term with Ref("0"), Ref("1") … in the place of its cells
    areas: the cells of each of them, over all terms
    terms: the terms
    """

    shape: Expr
    areas: tuple[Area, ...]
    terms: list[Expr]


class _Term(NamedTuple):
    places: tuple[Area, ...]
    term: Expr


def divided(terms: tuple[Expr, ...], where: Callable[[Ref], Area]) -> tuple[list[Run], list[Expr]]:
    """The runs of a sum, and the terms that are in none. `where` gives a reference's cell."""
    kinds: dict[Hashable, list[_Term]] = {}
    rest: list[Expr] = []
    for term in terms:
        if (key := _kind(term)) is None:
            rest.append(term)
            continue
        refs = [node for node in walk(term) if isinstance(node, Ref)]
        kinds.setdefault(key, []).append(_Term(tuple(where(ref) for ref in refs), term))
    runs: list[Run] = []
    for alike in kinds.values():
        alike.sort(key=lambda part: part.places)
        for run in _runs(alike):
            if len(run) < LONG:
                rest += [part.term for part in run]
            else:
                runs.append(_run(run))
    return runs, rest


def _kind(term: Expr) -> Hashable | None:
    """What alike terms share; None for a term that cannot be written over ranges."""
    parts: list[Hashable] = []
    for node in walk(term):
        if isinstance(node, If | Compare) or len(parts) > MOST_NODES:
            return None
        if isinstance(node, Call) and node.function not in CELL_BY_CELL | {"pi"}:
            return None
        if isinstance(node, Num):
            parts.append(node.value)
        elif isinstance(node, Param):
            parts.append(node.name)
        else:
            name = node.function if isinstance(node, Call) else ""
            parts.append((type(node).__name__, len(children(node)), name))
    return tuple(parts)


def _runs(terms: list[_Term]) -> list[list[_Term]]:
    """Terms in order, in runs in which each cell stays, or goes on by one in the same direction."""
    runs: list[list[_Term]] = []
    way: tuple[tuple[int, int], ...] | None = None
    for term in terms:
        steps = _steps(runs[-1][-1], term) if runs else None
        if steps is not None and (way is None or steps == way):
            way = steps
            runs[-1].append(term)
        else:
            runs.append([term])
            way = None
    return runs


def _steps(first: _Term, second: _Term) -> tuple[tuple[int, int], ...] | None:
    steps = []
    for a, b in zip(first.places, second.places, strict=True):
        if a.sheet != b.sheet:
            return None
        steps.append((b.top - a.top, b.left - a.left))
    moving = set(steps) - {(0, 0)}
    return tuple(steps) if moving in ({(1, 0)}, {(0, 1)}) else None


def _run(run: list[_Term]) -> Run:
    first, last = run[0], run[-1]
    areas = tuple(
        a._replace(bottom=b.bottom, right=b.right)
        for a, b in zip(first.places, last.places, strict=True)
    )
    return Run(_shape(first.term), areas, [part.term for part in run])


def _shape(term: Expr) -> Expr:
    """The term with the numbers of its cells, in the order in which a walk meets them."""
    count = 0

    def shaped(node: Expr) -> Expr:
        nonlocal count
        if isinstance(node, Ref):
            count += 1
            return Ref(str(count - 1))
        return rebuild(node, tuple(map(shaped, children(node))))

    return shaped(term)
