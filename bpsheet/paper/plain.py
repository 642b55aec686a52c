"""Documents as plain text and as Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from bpsheet.paper.blocks import (
    Beside,
    Block,
    Equation,
    Heading,
    Listing,
    Paper,
    Prose,
    Side,
    Table,
)
from bpsheet.paper.matrices import (
    Entries,
    Fraction,
    Gradient,
    Letter,
    Matrices,
    Name,
    Numbers,
    Piece,
    Sign,
)
from bpsheet.printers.atoms import AtomText
from bpsheet.words import clean

__all__ = ["LAYER", "markdown_of", "text_of"]

WIDTH = 88
# Continued lines are indented by at most so many characters.
FARTHEST = 28
# A layer's vector or matrix in a sentence.
LAYER = re.compile(r"(?<![\w^])([A-Za-zδ])\^([0-9l])(?![\w^])")
# Stands for a space at which no line may end, while the lines are made.
GLUE = "\0"
SINCE = "   since "


def _side(side: Side) -> str:
    text = AtomText(side.atoms).side(side.expr)
    if side.reasons:
        text += f"{SINCE}{', '.join(AtomText().text(reason) for reason in side.reasons)}"
    return clean(text)


def _wrapped(head: str, text: str) -> list[str]:
    """Lines with a head and a text after it. Continued lines begin under the text."""
    indent = " " * min(len(head), FARTHEST)
    wrapped = textwrap.wrap(
        _breakable(text),
        WIDTH,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(GLUE, " ") for line in wrapped] or [head.rstrip()]


def _breakable(formula: str) -> str:
    """The formula with GLUE instead of every space at which no line may end.

    A line may end before a plus or minus in at most two pairs of parentheses, before the dot of a
    product in at most one pair, and after a comma outside of parentheses.
    """
    chars, depth = [], 0
    formula, since, reasons = formula.partition(SINCE)
    for index, char in enumerate(formula):
        depth += (char == "(") - (char == ")")
        if char == " ":
            after = formula[index + 1 : index + 3]
            ends = (
                (after in ("+ ", "- ") and depth <= 2)
                or (after == "· " and depth <= 1)
                or (formula[index - 1] == "," and depth == 0)
            )
            chars.append(" " if ends else GLUE)
        else:
            chars.append(char)
    chars.append(f" {since[1:]}{reasons}".replace(" ", GLUE).replace(GLUE, " ", 1) if since else "")
    return "".join(chars)


def _lines(block: Equation, *, indent: str) -> list[str]:
    """The lines of an equation: left = side, then each further side with its = under the first."""
    left, *sides = map(_side, block.sides)
    head = f"{indent}{left} = "
    lines: list[str] = []
    for side in sides:
        lines += _wrapped(head, side)
        far = min(len(head), FARTHEST)
        head = "= ".rjust(far)
    return lines or [f"{indent}{left}"]


def _listed(block: Listing) -> str:
    return ", ".join(" = ".join(map(_side, item.sides)) for item in block.equations)


def _cells(block: Table) -> list[list[str]]:
    """The texts of a table, its head first."""
    rows = (
        [_side(cell) if isinstance(cell, Side) else clean(cell or "") for cell in row]
        for row in block.rows
    )
    return [list(map(clean, block.head)), *rows]


def _table(block: Table) -> list[str]:
    """The lines of a table: names on the left, numbers under the ends of their heads."""
    rows = _cells(block)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "    "
        + "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _piece(piece: Piece) -> str:
    match piece:
        case Letter(name, layer, transposed, prime):
            letter = name + ("'" if prime else "") + (f"^{layer}" if layer else "")
            return f"({letter})^T" if transposed else letter
        case Sign(text):
            return text
        case Gradient(upper, lower):
            return f"∇_{_piece(lower)} {upper}"
        case Fraction(upper, lower):
            return f"∂{upper}/∂{_piece(lower)}"
        case Entries(rows):
            return f"[{'; '.join(', '.join(row) for row in rows)}]"
        case Numbers(((value,),)):
            return value.text
        case Numbers(rows):
            return f"[{'; '.join(', '.join(value.text for value in row) for row in rows)}]"
        case Name(text):
            return text


# Signs that stand close to what is before them.
CLOSE = (Sign("²"), Sign("ᵀ"))


def matrices_text(block: Matrices) -> str:
    """An equation of matrices in one line, with spaces around = + ∘ but not inside parentheses."""
    text = ""
    before: Piece | None = None
    for piece in block.pieces:
        # A minus sign that is no difference stands close to what follows, as a function's name does.
        is_close = before is None or (
            isinstance(before, Sign)
            and before not in CLOSE
            and (before.text == "-" or before.text.isalpha())
        )
        text += ("" if is_close or piece in CLOSE else " ") + _piece(piece)
        before = piece
    text = text.replace("( ", "(").replace(" )", ")")
    return clean(re.sub(r"('\S*) \(", r"\1(", text))


def _text_block(block: Block) -> Iterable[str]:
    match block:
        case Heading(text, level):
            plain = clean(text)
            yield from ("", plain, ("=" if level == 1 else "-") * len(plain), "")
        case Prose(text):
            yield from textwrap.wrap(clean(text), WIDTH, break_on_hyphens=False)
        case Listing():
            yield from _wrapped(f"{clean(block.label)}: ", _listed(block))
        case Equation():
            yield from _lines(block, indent="    ")
        case Table():
            yield from ("", *_table(block), "")
        case Beside(left, right):
            for one in (*left, *right):
                yield from ("", *_text_block(one))
        case Matrices():
            text = matrices_text(block)
            # A further side stands a little to the right of what it is equal to.
            yield from _wrapped("        " if text.startswith("=") else "    ", text)


def text_of(document: Paper) -> str:
    """The document as plain text."""
    lines = [clean(document.title), clean(document.subtitle)]
    before: Block | None = None
    for block in document.blocks:
        # Equations of one line follow one another closely; longer ones have a blank line between.
        is_close = isinstance(block, Matrices) or (
            isinstance(block, Equation) and len(block.sides) == 2
        )
        is_apart = isinstance(before, Equation | Matrices) and not (
            is_close and type(block) is type(before)
        )
        if is_apart or (isinstance(before, Prose) and isinstance(block, Prose)):
            lines.append("")
        lines += _text_block(block)
        before = block
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _escaped(text: str) -> str:
    """Text for Markdown, with a backslash before everything that could be markup."""
    plain = _without_markup(text)
    # Nor does it begin like a list or the line below a heading.
    return re.sub(r"^(\s*)([-+=]|[0-9]+[.)])", r"\1\\\2", plain)


def _without_markup(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|~&$])", r"\\\1", clean(text))


def _fenced(lines: list[str]) -> str:
    """Lines as a block of code. The fence is longer than any run of backticks in them."""
    longest = max((len(run) for run in re.findall("`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *lines, fence])


def _markdown_block(block: Block) -> Iterable[str]:
    match block:
        case Heading(text, level):
            yield f"{'#' * (level + 1)} {_escaped(text)}"
        case Prose(text):
            yield _escaped(text)
        case Listing():
            yield f"**{_escaped(block.label)}:** {_escaped(_listed(block))}"
        case Equation():
            yield _fenced(_lines(block, indent=""))
        case Table():
            head, *rows = ([_without_markup(cell) for cell in row] for row in _cells(block))
            rule = [":--", *["--:"] * (len(head) - 1)]
            yield "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
        case Beside(left, right):
            for one in (*left, *right):
                yield from _markdown_block(one)
        case Matrices():
            yield _fenced([matrices_text(block)])


def markdown_of(document: Paper) -> str:
    """The document as Markdown."""
    parts = [f"# {_escaped(document.title)}", _escaped(document.subtitle)]
    parts += [part for block in document.blocks for part in _markdown_block(block)]
    return "\n\n".join(parts) + "\n"
