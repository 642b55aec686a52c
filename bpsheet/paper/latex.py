"""Documents as LaTeX: class article, and only the package amsmath."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from bpsheet.formula.tree import Expr, Mul, Sub, Sum, Symbol
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
    with_symbols,
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
    spaced,
)
from bpsheet.paper.plain import LAYER
from bpsheet.printers.atoms import AtomLatex, AtomText, latex_words
from bpsheet.printers.base import Binding
from bpsheet.printers.latex import symbol
from bpsheet.words import clean

__all__ = ["body_of", "latex_of"]

# A line has room for about so many characters of plain text.
LINE = 80
# A table of more columns has smaller letters, and one of more rows goes over several pages.
FEW = 6
MOST_ROWS = 40

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu",
    "ξ": "xi", "π": "pi", "ρ": "rho", "ς": "varsigma", "σ": "sigma", "τ": "tau",
    "υ": "upsilon", "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega", "ϕ": "phi",
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi",
    "Σ": "Sigma", "Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega", "µ": "mu",
    "∂": "partial", "∇": "nabla", "−": "mathord{-}", "×": "times", "·": "cdot", "≤": "leq",
    "≥": "geq", "≠": "neq", "±": "pm", "∞": "infty", "→": "rightarrow", "∘": "circ",
    "∑": "sum",
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
_LETTERS = {
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}",
    "Ł": r"\L{}", "ı": r"\i{}", "œ": r"\oe{}", "Œ": r"\OE{}", "–": "--", "—": "---",
    "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\dots{}", "\u00a0": " ",
}  # fmt: skip
_NAMES = {"δ": r"\delta", "η": r"\eta"}
_SIGNS = {
    "∘": r"\circ", "−": "-", "·": r"\cdot", "Σ": r"\sum", "Δ": r"\Delta", "²": "^2", "ᵀ": r"^{\mathsf{T}}",
}  # fmt: skip


def _in_text(char: str) -> str:
    """A character beyond ASCII as a LaTeX command, or as its number where there is no command."""
    if char in _LETTERS:
        return _LETTERS[char]
    parts = unicodedata.normalize("NFD", char)
    if len(parts) == 2 and parts[0].isascii():
        # The standard fonts have no ogonek, for example: the letter is written without it.
        accent = _ACCENTS.get(parts[1])
        return f"\\{accent}{{{parts[0]}}}" if accent else latex_words(parts[0])
    plain = unicodedata.normalize("NFKD", char)
    if plain.isascii() and plain.isprintable():
        return latex_words(plain)
    return f"U+{ord(char):04X}"


def _declaration(char: str) -> str:
    command = (
        rf"\ensuremath{{\{_GREEK[char]}}}"
        if char in _GREEK
        else rf"\ifmmode\text{{{_in_text(char)}}}\else {_in_text(char)}\fi"
    )
    return rf"  \DeclareUnicodeCharacter{{{ord(char):04X}}}{{{command}}}"


def _words(text: str) -> str:
    """Text in which matrices of a layer, such as W^1, are mathematics."""
    words, end = "", 0
    plain = clean(text)
    for match in LAYER.finditer(plain):
        letter = _NAMES.get(match[1], match[1])
        words += latex_words(plain[end : match.start()]) + f"${letter}^{{{match[2]}}}$"
        end = match.end()
    return words + latex_words(plain[end:])


def _pieces(
    printers: tuple[AtomLatex, AtomText], node: Expr, least: Binding, sign: str = ""
) -> list[tuple[str, int]]:
    """A long formula in pieces, between which a line may end, and about how long each piece is.

    `sign` comes before the formula. Parentheses that a line break divides have a fixed size.
    """
    printer, plain = printers
    size = len(plain.text(node)) + 3
    if size <= LINE or not isinstance(node, Sum | Sub | Mul):
        return [(sign + printer.operand(node, least, first=not sign), size)]
    match node:
        case Sum((head, *rest)):
            pieces = _pieces(printers, head, Binding.SUM)
            for term in rest:
                pieces += _pieces(printers, term, Binding.PRODUCT, printer.plus)
        case Sub(left, right):
            pieces = _pieces(printers, left, Binding.SUM)
            pieces += _pieces(printers, right, Binding.PRODUCT, printer.minus)
        case Mul(left, right):
            pieces = _pieces(printers, left, Binding.PRODUCT)
            pieces += _pieces(printers, right, Binding.FACTOR, printer.times)
    fenced = printer.binding(node) < least or (bool(sign) and pieces[0][0].startswith("-"))
    before, after = (r"\bigl(", r"\bigr)") if fenced else ("", "")
    pieces[0] = (sign + before + pieces[0][0], pieces[0][1] + 3)
    pieces[-1] = (pieces[-1][0] + after, pieces[-1][1])
    return pieces


def _side_lines(side: Side) -> list[str]:
    """A side in as many lines as it needs, with line breaks only between its pieces."""
    printers = AtomLatex(side.atoms), AtomText(side.atoms)
    lines, length = [""], 0
    for text, size in _pieces(printers, side.expr, Binding.SUM):
        if lines[-1] and length + size > LINE:
            lines.append("")
            length = 0
        lines[-1] += text
        length += size
    if side.reasons:
        reasons = ", ".join(f"${AtomLatex().text(reason)}$" for reason in side.reasons)
        lines[-1] += rf" \qquad\text{{since {reasons}}}"
    return lines


def _equation(block: Equation) -> str:
    left, *sides = block.sides
    rows = []
    head = AtomLatex(left.atoms).text(left.expr)
    for side in sides:
        first, *more = _side_lines(side)
        rows.append(f"{head} &= {first.strip()}")
        rows += [rf"&\quad {line.strip()}" for line in more]
        head = ""
    body = " \\\\\n  ".join(rows)
    return f"\\begin{{align*}}\n  {body}\n\\end{{align*}}"


def _inline(block: Equation) -> str:
    return "$" + " = ".join(AtomLatex(side.atoms).text(side.expr) for side in block.sides) + "$"


def _table(block: Table) -> str:
    """A table, in parts that a page can hold; many columns have smaller letters."""
    places = "l" + "r" * (len(block.head) - 1)
    size = r"\small" if len(block.head) <= FEW else r"\scriptsize"
    head = " & ".join(rf"\textbf{{{_words(word)}}}" for word in block.head) + r" \\ \hline"
    rows = [" & ".join(map(_cell, row)) + r" \\" for row in block.rows]
    parts = [rows[begin : begin + MOST_ROWS] for begin in range(0, len(rows), MOST_ROWS)]
    return "\n\n".join(
        "\n".join([rf"{{{size}\begin{{tabular}}{{{places}}}", head, *part, r"\end{tabular}}"])
        for part in parts
    )


def _cell(side: Side | str | None) -> str:
    if side is None or isinstance(side, str):
        return _words(side or "")
    return f"${AtomLatex(side.atoms).text(side.expr)}$"


def _is_word(text: str) -> bool:
    return text.isascii() and text.isalpha()


def _piece(piece: Piece) -> str:
    match piece:
        case Letter(name, layer, transposed, prime):
            head = _NAMES.get(name, name)
            letter = f"{head}'" if prime else head
            letter = f"{{{letter}}}^{{{layer}}}" if layer else letter
            return rf"\left({letter}\right)^{{\mathsf{{T}}}}" if transposed else letter
        case Sign(text):
            return rf"\operatorname{{{text}}}" if _is_word(text) else _SIGNS.get(text, text)
        case Gradient(upper, lower):
            return rf"\nabla_{{{_piece(lower)}}} {symbol(upper)}"
        case Fraction(upper, lower):
            return rf"\frac{{\partial {symbol(upper)}}}{{\partial {_piece(lower)}}}"
        case Entries(rows):
            inside = r" \\ ".join(" & ".join(map(symbol, row)) for row in rows)
            return rf"\begin{{pmatrix}} {inside} \end{{pmatrix}}"
        case Numbers(((value,),)):
            return AtomLatex().text(Symbol(value))
        case Numbers(rows):
            lines = [" & ".join(AtomLatex().text(Symbol(value)) for value in row) for row in rows]
            inside = r" \\ ".join(lines)
            return rf"\begin{{pmatrix}} {inside} \end{{pmatrix}}"
        case Name(text):
            return symbol(text)


def _block(block: Block, names: Collection[str]) -> str:
    match block:
        case Heading(text, level):
            said = with_symbols(text, names, lambda name: f"${symbol(name)}$", _words)
            return rf"\{'sub' * level}section*{{{said}}}"
        case Prose(text):
            return with_symbols(text, names, lambda name: f"${symbol(name)}$", _words)
        case Table():
            return _table(block)
        case Beside(left, right):
            return "\n\n".join(_block(one, names) for one in (*left, *right))
        case Listing(label, equations):
            return rf"\textbf{{{_words(label)}:}} " + ",\n".join(map(_inline, equations))
        case Equation():
            return _equation(block)
        case Matrices(pieces):
            return "\\[\n  " + " ".join(spaced(pieces, _piece, r"\,")) + "\n\\]"


def body_of(document: Paper) -> str:
    """The document without its preamble, to be put into another document."""
    text = rf"\section*{{{_words(document.title)}}}" + "\n\n" + _words(document.subtitle)
    for block in document.blocks:
        # An equation continues the paragraph before it.
        text += ("\n" if isinstance(block, Equation | Matrices) else "\n\n") + _block(
            block, document.names
        )
    safe = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return unicodedata.normalize("NFC", safe) + "\n"


def latex_of(document: Paper) -> str:
    """A complete LaTeX document. It declares its characters beyond ASCII, for 8-bit engines."""
    body = body_of(document)
    beyond = sorted({char for char in body if not char.isascii()})
    lines = [r"\documentclass{article}", r"\usepackage{amsmath}", r"\allowdisplaybreaks"]
    lines += [r"\setlength{\emergencystretch}{3em}"]
    # A larger text area than the class has, about 17 × 24 cm, for equations.
    lines += [r"\addtolength{\textwidth}{135pt}", r"\addtolength{\oddsidemargin}{-67pt}"]
    lines += [r"\addtolength{\textheight}{140pt}", r"\addtolength{\topmargin}{-75pt}"]
    lines += [r"\setlength{\parindent}{0pt}", r"\setlength{\parskip}{4pt}"]
    # Equations stand close to their sentences.
    skips = (rf"\{place}displayskip=3pt plus 2pt" for place in ("above", "below"))
    lines += [rf"\AtBeginDocument{{{' '.join(skips)}}}"]
    # amsmath allows only ten columns in a matrix.
    lines += [r"\setcounter{MaxMatrixCols}{20}"]
    if beyond:
        lines += [r"\ifdefined\DeclareUnicodeCharacter", *map(_declaration, beyond), r"\fi"]
    lines += [r"\begin{document}", "", body, r"\end{document}", ""]
    return "\n".join(lines)
