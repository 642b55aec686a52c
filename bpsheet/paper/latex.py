"""Documents as LaTeX: class article, package amsmath, nothing else."""

from __future__ import annotations

import unicodedata

from bpsheet.formula.tree import Expr, Mul, Sub, Sum
from bpsheet.paper.blocks import Block, Equation, Heading, Listing, Paper, Prose, Side
from bpsheet.paper.matrices import Entries, Fraction, Gradient, Letter, Matrices, Piece, Sign
from bpsheet.paper.plain import LAYER
from bpsheet.printers.atoms import AtomLatex, AtomText, latex_words
from bpsheet.printers.base import Binding
from bpsheet.printers.latex import symbol
from bpsheet.words import clean

__all__ = ["body_of", "latex_of"]

# About so many characters of plain text fit in a line.
LINE = 80

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
_NAMES = {"δ": r"\delta"}
_SIGNS = {"∘": r"\circ", "−": "-", "·": r"\cdot"}


def _in_text(char: str) -> str:
    """A character beyond ASCII, in LaTeX's own words; its number where there are none."""
    if char in _LETTERS:
        return _LETTERS[char]
    parts = unicodedata.normalize("NFD", char)
    if len(parts) == 2 and parts[0].isascii():
        # The standard fonts have no ogonek: its letter stands alone.
        accent = _ACCENTS.get(parts[1])
        return f"\\{accent}{{{parts[0]}}}" if accent else latex_words(parts[0])
    plain = unicodedata.normalize("NFKD", char)
    if plain.isascii() and plain.isprintable():
        return latex_words(plain)
    return f"U+{ord(char):04X}"


def _declaration(char: str) -> str:
    made = (
        rf"\ensuremath{{\{_GREEK[char]}}}"
        if char in _GREEK
        else rf"\ifmmode\text{{{_in_text(char)}}}\else {_in_text(char)}\fi"
    )
    return rf"  \DeclareUnicodeCharacter{{{ord(char):04X}}}{{{made}}}"


def _words(text: str) -> str:
    """Words, with W^1 and the like as mathematics."""
    made, end = "", 0
    plain = clean(text)
    for found in LAYER.finditer(plain):
        letter = _NAMES.get(found[1], found[1])
        made += latex_words(plain[end : found.start()]) + f"${letter}^{{{found[2]}}}$"
        end = found.end()
    return made + latex_words(plain[end:])


def _pieces(
    printers: tuple[AtomLatex, AtomText], node: Expr, least: Binding, sign: str = ""
) -> list[tuple[str, int]]:
    """A long formula in pieces that may stand on lines of their own, and about how long each is.

    `sign` stands before it. Parentheses around what is divided cannot grow with it.
    """
    printer, plain = printers
    size = len(plain.text(node)) + 3
    if size <= LINE or not isinstance(node, Sum | Sub | Mul):
        return [(sign + printer.operand(node, least, first=not sign), size)]
    match node:
        case Sum((head, *rest)):
            made = _pieces(printers, head, Binding.SUM)
            for term in rest:
                made += _pieces(printers, term, Binding.PRODUCT, printer.plus)
        case Sub(left, right):
            made = _pieces(printers, left, Binding.SUM)
            made += _pieces(printers, right, Binding.PRODUCT, printer.minus)
        case Mul(left, right):
            made = _pieces(printers, left, Binding.PRODUCT)
            made += _pieces(printers, right, Binding.FACTOR, printer.times)
    fenced = printer.binding(node) < least or (bool(sign) and made[0][0].startswith("-"))
    before, after = (r"\bigl(", r"\bigr)") if fenced else ("", "")
    made[0] = (sign + before + made[0][0], made[0][1] + 3)
    made[-1] = (made[-1][0] + after, made[-1][1])
    return made


def _side_lines(side: Side) -> list[str]:
    """A side in as many lines as it needs; parts that belong together stay together."""
    printers = AtomLatex(side.atoms), AtomText(side.atoms)
    lines, length = [""], 0
    for text, size in _pieces(printers, side.expr, Binding.SUM):
        if lines[-1] and length + size > LINE:
            lines.append("")
            length = 0
        lines[-1] += text
        length += size
    if side.reasons:
        said = ", ".join(f"${AtomLatex().text(reason)}$" for reason in side.reasons)
        lines[-1] += rf" \qquad\text{{since {said}}}"
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


def _piece(piece: Piece) -> str:
    match piece:
        case Letter(name, layer, transposed, prime):
            head = _NAMES.get(name, name)
            made = f"{head}'" if prime else head
            made = f"{{{made}}}^{{{layer}}}" if layer else made
            return rf"\left({made}\right)^{{\mathsf{{T}}}}" if transposed else made
        case Sign(text):
            return _SIGNS.get(text, text)
        case Gradient(upper, lower):
            return rf"\nabla_{{{_piece(lower)}}} {symbol(upper)}"
        case Fraction(upper, lower):
            return rf"\frac{{\partial {symbol(upper)}}}{{\partial {_piece(lower)}}}"
        case Entries(rows):
            inside = r" \\ ".join(" & ".join(map(symbol, row)) for row in rows)
            return rf"\begin{{pmatrix}} {inside} \end{{pmatrix}}"


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return rf"\{'sub' * (level - 1)}section*{{{_words(text)}}}"
        case Prose(text):
            return _words(text)
        case Listing(label, equations):
            return rf"\textbf{{{_words(label)}:}} " + ",\n".join(map(_inline, equations))
        case Equation():
            return _equation(block)
        case Matrices(pieces):
            return "\\[\n  " + " ".join(map(_piece, pieces)) + "\n\\]"


def body_of(document: Paper) -> str:
    """The document without what stands before it: to be put into another."""
    text = rf"\section*{{{_words(document.title)}}}" + "\n\n" + _words(document.subtitle)
    for block in document.blocks:
        # A paragraph goes on into the equation that follows it.
        text += ("\n" if isinstance(block, Equation | Matrices) else "\n\n") + _block(block)
    safe = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return unicodedata.normalize("NFC", safe) + "\n"


def latex_of(document: Paper) -> str:
    """A complete document. Letters beyond ASCII are declared for engines of eight bits."""
    body = body_of(document)
    beyond = sorted({char for char in body if not char.isascii()})
    lines = [r"\documentclass{article}", r"\usepackage{amsmath}", r"\allowdisplaybreaks"]
    lines += [r"\setlength{\emergencystretch}{3em}"]
    # More room than the class has, for equations: about 17 × 24 cm.
    lines += [r"\addtolength{\textwidth}{135pt}", r"\addtolength{\oddsidemargin}{-67pt}"]
    lines += [r"\addtolength{\textheight}{120pt}", r"\addtolength{\topmargin}{-60pt}"]
    lines += [r"\setlength{\parindent}{0pt}", r"\setlength{\parskip}{4pt}"]
    # A matrix has ten columns unless more are allowed.
    lines += [r"\setcounter{MaxMatrixCols}{20}"]
    if beyond:
        lines += [r"\ifdefined\DeclareUnicodeCharacter", *map(_declaration, beyond), r"\fi"]
    lines += [r"\begin{document}", "", body, r"\end{document}", ""]
    return "\n".join(lines)
