"""Documents as a web page: one file with MathML, without scripts and outside resources."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import escape

from bpsheet.formula.tree import Symbol
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
from bpsheet.printers.atoms import AtomMathML
from bpsheet.printers.mathml import element, fenced, symbol_mathml
from bpsheet.words import clean

__all__ = ["fragment_of", "page_of"]

STYLE = """\
.bpsheet-paper { max-width: 46rem; margin: 0 auto; padding: 0 1rem;
  font: 1.05rem/1.5 Georgia, 'Times New Roman', serif; }
.bpsheet-paper h1, .bpsheet-paper h2, .bpsheet-paper h3 { line-height: 1.2; font-weight: 600; }
.bpsheet-paper h2 { margin-top: 2.2rem; border-bottom: 1px solid #8886; padding-bottom: .2rem; }
.bpsheet-paper p { margin: .9rem 0 .3rem; }
.bpsheet-paper .given { margin: .3rem 0; }
.bpsheet-paper .equation { overflow-x: auto; padding: .2rem 0 .5rem; }
.bpsheet-paper .steps > mtr > mtd { text-align: left; padding: .15em 0 .15em .2em; }
.bpsheet-paper .steps > mtr > mtd:first-child { text-align: right; }
.bpsheet-paper .steps > mtr:last-child { font-weight: 600; }
.bpsheet-paper .beside { display: grid; gap: 0 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); }
.bpsheet-paper .table { overflow-x: auto; }
.bpsheet-paper table { border-collapse: collapse; margin: .5rem 0 .8rem; font-size: .95em; }
.bpsheet-paper th, .bpsheet-paper td { padding: .12rem .7rem; text-align: right;
  border-bottom: 1px solid #8884; font-variant-numeric: tabular-nums; }
.bpsheet-paper .words { text-align: left; } .bpsheet-paper th > math { font-size: 1.2em; }
.bpsheet-paper th { font-weight: 600; } .bpsheet-paper tr > :first-child { text-align: left; }
.bpsheet-paper math { font-size: 1.08em; }
.bpsheet-paper td:not(.words) { white-space: nowrap; }
@media screen and (max-width: 40rem) { .bpsheet-paper .words { min-width: 9rem; }
  .bpsheet-paper th, .bpsheet-paper td { padding: .12rem .3rem; }
  .bpsheet-paper .stacks :is(table, tbody) { display: block; }
  .bpsheet-paper .stacks tr { display: flex; flex-wrap: wrap; column-gap: .9rem; padding: .4rem 0;
    border-bottom: 1px solid #8884; }
  .bpsheet-paper .stacks thead, .bpsheet-paper .stacks td:empty { display: none; }
  .bpsheet-paper .stacks :is(th, td) { border: 0; padding: 0; min-width: 0; text-align: left; }
  .bpsheet-paper .stacks :is(th, td:not([data-head])) { flex-basis: 100%; }
  .bpsheet-paper .stacks td[data-head]::before { content: attr(data-head) " "; opacity: .65; } }
"""
PAGE_STYLE = """\
:root { color-scheme: light dark; }
body { margin: 2rem 0; background: #fdfcf9; color: #1c1b19; }
@media (prefers-color-scheme: dark) { body { background: #1b1c1e; color: #e6e4df; } }
@page { margin: 14mm 16mm; }
@media print {
  body { background: none; color: #000; margin: 0; }
  .bpsheet-paper { max-width: none; padding: 0; font-size: 9.5pt; line-height: 1.3; }
  .bpsheet-paper h1 { margin: 0 0 .3rem; } .bpsheet-paper h2 { margin: .8rem 0 .3rem; }
  .bpsheet-paper p { margin: .4rem 0 .1rem; } .bpsheet-paper .equation { padding: 0 0 .1rem; overflow: visible; }
  .bpsheet-paper table { margin: .3rem 0; } .bpsheet-paper th, .bpsheet-paper td { padding: 0 .7rem; }
  .equation, tr { break-inside: avoid; } h2, p { break-after: avoid; }
}
"""


def _words(text: str) -> str:
    return escape(clean(text))


def _sentence(text: str) -> str:
    """Text in which matrices of a layer, such as W^1, are mathematics."""
    power = r"<math><msup><mi>\1</mi><mi>\2</mi></msup></math>"
    return LAYER.sub(power, _words(text))


def _side(side: Side) -> str:
    content = AtomMathML(side.atoms).side(side.expr)
    if side.reasons:
        why = "<mo>,</mo><mspace width='0.3em'/>".join(
            AtomMathML().text(reason) for reason in side.reasons
        )
        content += f"<mspace width='2em'/><mtext>since </mtext><mrow>{why}</mrow>"
    return content


def _equation(block: Equation) -> str:
    left, *sides = block.sides
    head = AtomMathML(left.atoms).text(left.expr)
    rows = []
    for side in sides:
        rows.append(f"<mtr><mtd>{head}</mtd><mtd><mo>=</mo>{_side(side)}</mtd></mtr>")
        head = ""
    table = '<mtable class="steps" columnalign="right left" displaystyle="true">'
    return _display(f"{table}{''.join(rows)}</mtable>")


def _display(content: str) -> str:
    return f'<div class="equation"><math display="block">{content}</math></div>'


def _inline(block: Equation) -> str:
    sides = "<mo>=</mo>".join(AtomMathML(side.atoms).text(side.expr) for side in block.sides)
    return f"<math><mrow>{sides}</mrow></math>"


def _table(block: Table) -> str:
    heads = zip(block.head, zip(*block.rows, strict=False), strict=False) if block.rows else ()
    head = "".join(_head(word, cells) for word, cells in heads)
    # Where each row is a block, each cell has its own head.
    names = [f' data-head="{_words(word)}"' * bool(word and block.stacks) for word in block.head]
    rows = []
    for first, *others in block.rows:
        cells = "".join(
            f"<td{_kind(side)}{name}>{_cell(side)}</td>"
            for side, name in zip(others, names[1:], strict=True)
        )
        rows.append(f'<tr><th scope="row">{_cell(first)}</th>{cells}</tr>')
    # A table that is wider than a phone is scrolled, with the keyboard too.
    return (
        f'<div class="table{" stacks" * block.stacks}" tabindex="0" role="group" aria-label="Table">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _head(word: str, cells: Sequence[Side | str | None]) -> str:
    """The head of a column stands where its cells begin or end."""
    if not word:
        return "<td></td>"
    kind = max((_kind(cell) for cell in cells if cell), default="")
    return f'<th scope="col"{kind}>{_words(word)}</th>'


def _kind(side: Side | str | None) -> str:
    """Words begin on the left, numbers end on the right."""
    is_words = isinstance(side, str) and not re.fullmatch(r"[-−+]?[0-9][0-9.,]*( %)?(e.*)?", side)
    return ' class="words"' if is_words else ""


def _cell(side: Side | str | None) -> str:
    if side is None or isinstance(side, str):
        return _words(side or "")
    return f"<math>{AtomMathML(side.atoms).text(side.expr)}</math>"


def _piece(piece: Piece) -> str:
    match piece:
        case Letter(name, layer, transposed, prime):
            letter = element("mi", name)
            above = ("<mo>′</mo>" if prime else "") + (element("mn", layer) if layer else "")
            if above:
                letter = f"<msup>{letter}<mrow>{above}</mrow></msup>"
            return f"<msup>{fenced(letter)}<mi>T</mi></msup>" if transposed else letter
        case Sign(text):
            return element("mi" if text.isalpha() else "mo", "−" if text == "-" else text)
        case Gradient(upper, lower):
            return f"<msub><mo>∇</mo><mrow>{_piece(lower)}</mrow></msub>{symbol_mathml(upper)}"
        case Fraction(upper, lower):
            over = f"<mrow><mo>∂</mo>{symbol_mathml(upper)}</mrow>"
            return f"<mfrac>{over}<mrow><mo>∂</mo>{_piece(lower)}</mrow></mfrac>"
        case Entries(rows):
            cells = "".join(
                "<mtr>" + "".join(f"<mtd>{symbol_mathml(name)}</mtd>" for name in row) + "</mtr>"
                for row in rows
            )
            return fenced(f"<mtable>{cells}</mtable>")
        case Numbers(((value,),)):
            return AtomMathML().text(Symbol(value))
        case Numbers(rows):
            cells = "".join(
                "<mtr>"
                + "".join(f"<mtd>{AtomMathML().text(Symbol(value))}</mtd>" for value in row)
                + "</mtr>"
                for row in rows
            )
            return fenced(f"<mtable>{cells}</mtable>")
        case Name(text):
            return symbol_mathml(text)


def _math(name: str) -> str:
    return f"<math>{symbol_mathml(name)}</math>"


def _block(block: Block, names: Collection[str]) -> str:
    match block:
        case Heading(text, level):
            said = with_symbols(text, names, _math, _words)
            return f"<h{level + 1}>{said}</h{level + 1}>"
        case Prose(text):
            return f"<p>{with_symbols(text, names, _math, _sentence)}</p>"
        case Table():
            return _table(block)
        case Beside(left, right):
            sides = ("".join(_block(one, names) for one in side) for side in (left, right))
            return f'<div class="beside">{"".join(f"<div>{side}</div>" for side in sides)}</div>'
        case Listing(label, equations):
            items = ", ".join(map(_inline, equations))
            return f'<p class="given"><strong>{_words(label)}:</strong> {items}</p>'
        case Equation():
            return _equation(block)
        case Matrices(pieces):
            inside = "".join(spaced(pieces, _piece, "<mspace width='0.2em'/>"))
            return _display(f"<mrow>{inside}</mrow>")


def _content(document: Paper) -> str:
    head = f"<h1>{_words(document.title)}</h1>\n<p>{_words(document.subtitle)}</p>"
    blocks = (_block(block, document.names) for block in document.blocks)
    return "\n".join(['<div class="bpsheet-paper">', head, *blocks, "</div>"])


def fragment_of(document: Paper) -> str:
    """The document as a piece of a page with its style, for notebooks."""
    return f"<style>\n{STYLE}</style>\n{_content(document)}\n"


def page_of(document: Paper) -> str:
    """The document as a complete page."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="{policy}"/>
<title>{_words(document.title)}</title>
<style>
{STYLE}{PAGE_STYLE}</style>
</head>
<body>
{_content(document)}
</body>
</html>
"""
