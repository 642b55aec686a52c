"""Functions that a user defines: `swish = "z -> z*logistic(z)"`.

A call is replaced by the function's formula when a text is read (see `bpsheet.formula.parse`), so
formula trees never hold one.

>>> own_functions({"swish": "z -> z*logistic(z)"})["swish"].arguments
('z',)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bpsheet.errors import FormulaError
from bpsheet.formula.arrays import Shape, shape_of
from bpsheet.formula.functions import FUNCTIONS, MOST_ARGUMENTS
from bpsheet.formula.parse import NAME, WORDS, Arrays, Own, parse_formula
from bpsheet.formula.tree import Expr, Ref
from bpsheet.words import clean

__all__ = ["check_function", "own_functions"]

ARROW = "->"
# The shapes that arguments are tried with. A function may be meant for any of them.
TRIED: tuple[Shape, ...] = ((), (100,), (100, 100))


def own_functions(definitions: Mapping[str, str]) -> dict[str, Own]:
    """The functions by their names. Each may call those above it.

    Raises FormulaError for a text that does not begin with arguments and an arrow.
    """
    made: dict[str, Own] = {}
    names = list(definitions)
    for number, (name, text) in enumerate(definitions.items()):
        arguments, start = _head(name, text)
        later = dict.fromkeys(names[number:])
        made[name] = Own(name, arguments, text, start, {**later, **made})
    return made


def _head(name: str, text: str) -> tuple[tuple[str, ...], int]:
    """The arguments of a function, and where its formula begins."""
    head, arrow, _ = text.partition(ARROW)
    if not arrow:
        said = 'arguments, an arrow and a formula expected, such as "z -> z*logistic(z)"'
        raise _error(said, text, 0)
    arguments: list[str] = []
    place, inside = len(head) - len(head.lstrip()), head.strip()
    if inside.startswith("(") and inside.endswith(")"):
        place, inside = place + 1, inside[1:-1]
    for part in inside.split(","):
        argument = part.strip()
        said = ""
        if not re.fullmatch(NAME, argument) or argument.lower() in (*FUNCTIONS, *WORDS):
            said = "a name for an argument expected (letters, digits and underscores)"
        elif argument in arguments:
            said = f"{argument} is there twice"
        if said:
            raise _error(said, text, place + len(part) - len(part.lstrip()))
        arguments.append(argument)
        place += len(part) + 1
    if len(arguments) > MOST_ARGUMENTS:
        raise FormulaError(f"{name} has {len(arguments)} arguments; {MOST_ARGUMENTS} at the most")
    return tuple(arguments), len(head) + len(ARROW)


def _error(message: str, text: str, position: int) -> FormulaError:
    """An error whose caret points at a character of the text."""
    start = max(0, position - 60)
    shown = clean(text)[start : position + 40]
    return FormulaError(f"{message}\n  {shown}\n  {' ' * (position - start)}^")


def check_function(function: Own) -> None:
    """Raise FormulaError for a function whose formula cannot be read, whatever its arguments are."""
    wrong: FormulaError | None = None
    for shape in TRIED:
        try:
            _try(function, shape)
        except FormulaError as error:
            wrong = wrong or error
        else:
            return
    assert wrong is not None
    raise wrong


def _try(function: Own, shape: Shape) -> None:
    """Read a function's formula for arguments of a shape."""
    shapes = dict.fromkeys(function.arguments, shape) if shape else {}

    def hoist(part: str, formula: Expr) -> Ref:
        name = f"{part} of softmax {len(shapes)}"
        if found := shape_of(formula, shapes):
            shapes[name] = found
        return Ref(name)

    parse_formula(
        function.text,
        function.arguments,
        function.start,
        Arrays(shapes, hoist=hoist),
        function.above,
    )
