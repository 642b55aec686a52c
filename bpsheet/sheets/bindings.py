"""LET and LAMBDA: names that a formula gives to its own parts.

A name is replaced by what it stands for while the formula is parsed, so that nobody later has to know
of such names.
"""

from __future__ import annotations

from collections.abc import Mapping

from bpsheet.errors import FormulaError
from bpsheet.sheets.nodes import Binary, Call, Minus, Missing, Name, Percent, Tree, children

__all__ = ["applied", "let"]

# The most parts of a formula with its names replaced, and how deep they may be nested.
MOST_PARTS, DEEPEST = 5_000, 100
# How many functions of LAMBDA may be inside each other: one that is given itself would never end.
MOST_APPLIED = 20


def let(arguments: tuple[Tree, ...]) -> Tree:
    """What LET(name, value, …, formula) stands for. Raises FormulaError where it is none.

    >>> from bpsheet.sheets.syntax import parse
    >>> parse("LET(x, A1, y, x^2, y+x)") == parse("A1^2+A1")
    True
    """
    *pairs, formula = arguments or (Missing(),)
    if len(pairs) % 2 or not pairs:
        raise FormulaError("LET takes names, each with its value, and a formula at the end")
    bound: dict[str, Tree] = {}
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if isinstance(value, Missing):
            raise FormulaError("LET takes a value for each name")
        bound[_bare(name, "LET")] = _replaced(value, bound)
    return _replaced(formula, bound)


def applied(function: Call, arguments: tuple[Tree, ...], depth: int = 0) -> Tree:
    """What LAMBDA(name, …, formula) gives for these arguments. Raises FormulaError for other ones.

    >>> from bpsheet.sheets.syntax import parse
    >>> parse("LAMBDA(x, x^2)(A1+1)") == parse("(A1+1)^2")
    True
    """
    *names, formula = function.arguments or (Missing(),)
    if len(names) != len(arguments):
        raise FormulaError(
            f"a function of LAMBDA takes {len(names)} values; {len(arguments)} are given"
        )
    if depth > MOST_APPLIED:
        raise FormulaError(f"functions of LAMBDA are more than {MOST_APPLIED} deep in each other")
    bound = {_bare(name, "LAMBDA"): value for name, value in zip(names, arguments, strict=True)}
    return _replaced(formula, bound, depth)


def _bare(tree: Tree, function: str) -> str:
    if not isinstance(tree, Name) or tree.sheet is not None:
        raise FormulaError(f"{function} expects a name there")
    return tree.text.upper()


def _replaced(tree: Tree, bound: Mapping[str, Tree], depth: int = 0) -> Tree:
    """The formula with each name replaced by what it stands for."""
    found = _inside(tree, bound, depth)
    parts, deepest = _extent(found)
    if parts > MOST_PARTS or deepest > DEEPEST:
        raise FormulaError(
            f"with its names written out it has more than {MOST_PARTS:,} parts, or parts more than "
            f"{DEEPEST} deep in each other"
        )
    return found


def _inside(tree: Tree, bound: Mapping[str, Tree], depth: int) -> Tree:
    match tree:
        case Name(None, text):
            return bound.get(text.upper(), tree)
        case Minus(operand):
            return Minus(_inside(operand, bound, depth))
        case Percent(operand, count):
            return Percent(_inside(operand, bound, depth), count)
        case Binary():
            return _chain(tree, bound, depth)
        case Call("LAMBDA", (*names, formula)):
            hidden = {name.text.upper() for name in names if isinstance(name, Name)}
            free = {name: value for name, value in bound.items() if name not in hidden}
            return Call("LAMBDA", (*names, _inside(formula, free, depth)))
        case Call(name, arguments):
            given = tuple(_inside(argument, bound, depth) for argument in arguments)
            function = bound.get(name)
            if isinstance(function, Call) and function.name == "LAMBDA":
                return applied(function, given, depth + 1)
            return Call(name, given)
    return tree


def _chain(tree: Binary, bound: Mapping[str, Tree], depth: int) -> Tree:
    """Operators one after another. There may be thousands: the left side is not descended."""
    chain: list[Binary] = []
    node: Tree = tree
    while isinstance(node, Binary):
        chain.append(node)
        node = node.left
    left = _inside(node, bound, depth)
    for part in reversed(chain):
        left = Binary(part.sign, left, _inside(part.right, bound, depth))
    return left


def _extent(tree: Tree) -> tuple[int, int]:
    """How many parts a formula has, and how deep they are nested. A part that stands in several
    places is counted in each, and looked through once.
    """
    known: dict[int, tuple[int, int]] = {}
    waiting = [tree]
    while waiting:
        node = waiting[-1]
        below = [part for part in children(node) if id(part) not in known]
        if below:
            waiting += below
            continue
        waiting.pop()
        inner = [known[id(part)] for part in children(node)]
        deep = [deepest for _, deepest in inner]
        if isinstance(node, Binary):
            # Operators one after another are not inside each other.
            deep[0] -= 1
        known[id(node)] = 1 + sum(parts for parts, _ in inner), 1 + max(deep, default=0)
    return known[id(tree)]
