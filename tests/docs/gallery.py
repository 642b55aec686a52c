"""The gallery of templates/README.md: ten pictures of sheets, pages, networks and slides.

`python -m tests.docs.pictures` makes it anew. Sheets are printed by LibreOffice and turned into
pictures by pdftoppm; pages are opened in Chromium.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openpyxl import load_workbook
from PIL import Image, ImageChops

import bpsheet as bp
from bpsheet.outside.office import as_pdf
from bpsheet.pictures.matplot import picture_bytes
from bpsheet.pictures.slides import Slides

from .documents import ROOT

__all__ = ["FOLDER", "GALLERY", "Shown", "make", "table_of_gallery"]

FOLDER = ROOT / "templates" / "gallery"
# Dots to the inch of a printed sheet, the space around it, and the height of what is shown of it.
DOTS, SPACE, HIGHEST = 150, 12, 820
# The part of a printed page above the line at its foot.
FOOT = 0.93
WINDOW, PHONE = (1280, 860), (390, 780)


@dataclass(frozen=True)
class Shown:
    """A picture of the gallery: the name of its file, what is said of it, and how it is made."""

    name: str
    says: str
    make: Callable[[], Image.Image]


def drawing(template: str, iteration: int) -> Callable[[], Image.Image]:
    """The picture of `bpsheet draw`."""

    def make() -> Image.Image:
        figure = bp.load(template).run(iteration).draw(iteration)
        return Image.open(io.BytesIO(picture_bytes(figure, ".png")))

    return make


def slide(template: str, number: int) -> Callable[[], Image.Image]:
    """A picture of `bpsheet draw --slides`."""

    def make() -> Image.Image:
        figure = list(Slides(bp.load(template).run(), 1).figures())[number - 1]
        return Image.open(io.BytesIO(picture_bytes(figure, ".png")))

    return make


def sheet(
    template: str, name: str, iterations: int | None = None, share: float = 1.0
) -> Callable[[], Image.Image]:
    """The first printed page of a sheet of the workbook, or the left part of it."""

    def make() -> Image.Image:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "book.xlsx"
            run = bp.load(template).run(iterations)
            asked = (
                None if name in ("Steps", "Walkthrough", "Diagram", "Charts") else [name.lower()]
            )
            run.to_excel(path, sheets=asked)
            printed = Path(folder) / "book.pdf"
            printed.write_bytes(as_pdf(path.read_bytes(), path.name))
            number = str(_first_page(printed, str(load_workbook(path)[name]["A2"].value)))
            command = ["pdftoppm", "-r", str(DOTS), "-f", number, "-png", "-singlefile"]
            subprocess.run([*command, str(printed), str(Path(folder) / "page")], check=True)
            with Image.open(Path(folder) / "page.png") as page:
                return _trimmed(page.convert("RGB"), share)

    return make


def page(
    template: str, size: tuple[int, int], scheme: str, act: str = ""
) -> Callable[[], Image.Image]:
    """A page in a window of a size, light or dark, after some JavaScript."""

    def make() -> Image.Image:
        from playwright.sync_api import sync_playwright

        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            path = bp.load(template).to_page(Path(folder) / "page.html")
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
            width, height = size
            window = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            window.goto(path.as_uri())
            window.evaluate(act or "0")
            window.wait_for_timeout(800)
            return Image.open(io.BytesIO(window.screenshot()))

    return make


def _first_page(printed: Path, note: str) -> int:
    """The first page on which the note of a sheet stands, from 1."""
    text = subprocess.run(["pdftotext", str(printed), "-"], check=True, capture_output=True).stdout
    pages = [" ".join(page.split()) for page in text.decode().split("\f")]
    begin = " ".join(note.split())[:40]
    return 1 + next(number for number, page in enumerate(pages) if begin in page)


def _trimmed(picture: Image.Image, share: float) -> Image.Image:
    """Without white edges and the line at the foot, and no higher than is shown."""
    body = picture.crop((0, 0, picture.width, round(FOOT * picture.height)))
    white = Image.new("RGB", body.size, "white")
    left, top, right, bottom = ImageChops.difference(body, white).getbbox() or (0, 0, 1, 1)
    right, bottom = left + share * (right - left) + SPACE, min(bottom + SPACE, top + HIGHEST)
    box = left - SPACE, top - SPACE, min(right, body.width), min(bottom, body.height)
    return body.crop(tuple(max(round(edge), 0) for edge in box))  # type: ignore[arg-type]


GALLERY = (
    Shown(
        "steps",
        "Steps, the sheet of `two-neuron`: a row for each iteration, every cell a live formula.",
        sheet("two-neuron", "Steps", 12, 0.6),
    ),
    Shown(
        "walkthrough",
        "Walkthrough: any iteration of `two-neuron` as a worked solution.",
        sheet("two-neuron", "Walkthrough", 12),
    ),
    Shown(
        "matrices",
        "Matrices: an iteration of `multiway-classification` as people draw it by hand.",
        sheet("multiway-classification", "Matrices", 12),
    ),
    Shown("charts", "Charts of `book-xor`, native and live.", sheet("book-xor", "Charts")),
    Shown("diagram", "Diagram: `book-xor` in cells.", sheet("book-xor", "Diagram", 12)),
    Shown(
        "page",
        "The page of `book-xor`, which computes by itself, in a browser.",
        page("book-xor", WINDOW, "light", "bpsheet.go(40)"),
    ),
    Shown(
        "phone",
        "The page of `book-xor` on a telephone, dark.",
        page("book-xor", PHONE, "dark", "bpsheet.go(40)"),
    ),
    Shown(
        "lstm",
        "`bpsheet draw lstm-two-steps`: an LSTM, unrolled in time.",
        drawing("lstm-two-steps", 12),
    ),
    Shown("digit", "`bpsheet draw digits`: the digit beside its network.", drawing("digits", 16)),
    Shown("slide", "A slide of `bpsheet draw book-xor --slides slides`.", slide("book-xor", 5)),
)


def table_of_gallery() -> str:
    """The pictures, each with what is said of it."""
    lines = [
        f"{shown.says}\n\n![{_plain(shown.says)}](gallery/{shown.name}.png)\n" for shown in GALLERY
    ]
    return "\n" + "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return text.replace("`", "").rstrip(".")


def make() -> None:
    """Make all pictures anew."""
    from .pictures import save

    FOLDER.mkdir(exist_ok=True)
    for shown in GALLERY:
        save(shown.make(), FOLDER / f"{shown.name}.png", highest=HIGHEST)
