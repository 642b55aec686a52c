"""A document of headings, sentences and equations, and its four formats."""

from __future__ import annotations

from bpsheet.paper.blocks import Paper
from bpsheet.paper.html import fragment_of, page_of
from bpsheet.paper.latex import body_of, latex_of
from bpsheet.paper.plain import markdown_of, text_of

__all__ = ["Document"]


class Document(Paper):
    """A paper with a method for each format. A notebook shows it as a page."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.subtitle}>"

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """Plain text, for terminals and mails."""
        return text_of(self)

    def markdown(self) -> str:
        """Markdown, with the equations as blocks of plain text."""
        return markdown_of(self)

    def latex(self) -> str:
        """A complete LaTeX document (class article, package amsmath)."""
        return latex_of(self)

    def html(self) -> str:
        """A web page in one file, with MathML, without scripts and outside resources."""
        return page_of(self)

    def _repr_html_(self) -> str:
        return fragment_of(self)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_latex_(self) -> str:
        return body_of(self)
