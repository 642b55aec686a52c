"""The check for matplotlib, which is optional, and figures as files."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bpsheet.errors import MissingExtraError, OutputError
from bpsheet.files.ours import MARK
from bpsheet.files.seals import sealed_picture
from bpsheet.files.whole import replacing
from bpsheet.words import clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "ENDINGS",
    "check_picture",
    "need_matplotlib",
    "picture_bytes",
    "titled",
    "words",
    "write_picture",
]

# The most characters that fit above a picture.
LONGEST = 90
ENDINGS = (".svg", ".png", ".pdf")


def words(text: str) -> str:
    """A user's text for matplotlib, which takes text between dollar signs for mathematics."""
    return titled(text).replace("$", r"\$")


def titled(text: str) -> str:
    """A user's text without what nobody sees, and no longer than fits above a picture."""
    seen = clean(text)
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 1]}…"


def need_matplotlib() -> None:
    """Raise OutputError where matplotlib is missing or has no folder for its cache."""
    if find_spec("matplotlib") is None:
        raise MissingExtraError("pictures need matplotlib", "plot")
    try:
        import matplotlib  # noqa: F401, ICN001
    except OSError as error:
        raise OutputError(f"pictures cannot be drawn: {error}") from None


def check_picture(path: Path, endings: tuple[str, ...] = ENDINGS) -> None:
    """Refuse a path with an ending that is no picture's, before a run. Raises OutputError."""
    need_matplotlib()
    if path.suffix.lower() not in endings:
        raise OutputError(f"{path}: expected a name that ends in {', '.join(endings)}")


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure to a file, whole or not at all. The same figure gives the same bytes."""
    ending = path.suffix.lower()
    content = sealed_picture(picture_bytes(figure, ending), ending)
    with replacing(path) as stream:
        stream.write(content)


def picture_bytes(figure: Figure, ending: str) -> bytes:
    """A figure as the bytes of a file with an ending. The same figure gives the same bytes."""
    import matplotlib as mpl

    from bpsheet.pictures.figure import STEADY

    # Without these settings each format would add the time of writing.
    metadata = {
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None, "Creator": MARK},
        ".png": {"Software": MARK},
    }
    drawn = io.BytesIO()
    with mpl.rc_context(STEADY):
        figure.savefig(drawn, format=ending[1:], metadata=metadata[ending], dpi=150)
    return drawn.getvalue()
