"""Writing a document to a file, whole and sealed, in any of its formats."""

from __future__ import annotations

from pathlib import Path

from bpsheet.files.ours import refuse_others
from bpsheet.files.seals import sealed, sealed_picture
from bpsheet.files.whole import replacing
from bpsheet.outside.browser import page_as_pdf
from bpsheet.paper.document import Document

__all__ = ["write_document"]


def write_document(document: Document, path: Path, form: str, *, force: bool = False) -> None:
    """Write a document as "text", "markdown", "latex", "html" or "pdf".

    Raises OutputError where the file cannot be written, NotReplacedError for a file that somebody
    has changed (`force` replaces it), and EngineError where no browser prints a pdf.
    """
    if form == "pdf":
        refuse_others(path, force=force)
        content = sealed_picture(page_as_pdf(document.html(), path.name), ".pdf")
    else:
        text = str(getattr(document, form)())
        # Plain text has no room for a seal.
        first_line = text.partition("\n")[0] if form == "text" else ""
        refuse_others(path, force=force, first_line=first_line)
        content = sealed(text, form).encode()
    with replacing(path) as stream:
        stream.write(content)
