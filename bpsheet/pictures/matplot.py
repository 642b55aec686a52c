"""matplotlib, where it is installed, and figures as files."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bpsheet.errors import OutputError
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
    "words",
    "write_picture",
]

# What fits above a picture.
LONGEST = 90
ENDINGS = (".svg", ".png", ".pdf")


def words(text: str) -> str:
    """A user's words for matplotlib, which takes what stands between dollars for mathematics."""
    shown = clean(text)
    shown = shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
    return shown.replace("$", r"\$")


def need_matplotlib() -> None:
    """Raise OutputError where matplotlib is missing, or finds no folder for its cache."""
    if find_spec("matplotlib") is None:
        raise OutputError('pictures need matplotlib: python -m pip install "bpsheet[plot]"')
    try:
        import matplotlib  # noqa: F401, ICN001
    except OSError as error:
        raise OutputError(f"pictures cannot be drawn: {error}") from None


def check_picture(path: Path, endings: tuple[str, ...] = ENDINGS) -> None:
    """Refuse, before anything runs, a name that no picture could be written to."""
    need_matplotlib()
    if path.suffix.lower() not in endings:
        raise OutputError(f"{path}: a name that ends in {', '.join(endings)} expected")


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all; the same figure gives the same bytes."""
    ending = path.suffix.lower()
    content = sealed_picture(picture_bytes(figure, ending), ending)
    with replacing(path) as stream:
        stream.write(content)


def picture_bytes(figure: Figure, ending: str) -> bytes:
    """A figure as a file of that ending; the same figure gives the same bytes."""
    import matplotlib as mpl

    from bpsheet.pictures.figure import STEADY

    # Without the time of writing, which each format would add in its own way.
    metadata = {
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None, "Creator": MARK},
        ".png": {"Software": MARK},
    }
    drawn = io.BytesIO()
    with mpl.rc_context(STEADY):
        figure.savefig(drawn, format=ending[1:], metadata=metadata[ending], dpi=150)
    return drawn.getvalue()
