"""The set of a release: `python -m tests.releases VERSION`."""

from __future__ import annotations

import argparse
from pathlib import Path

import bpsheet as bp

from . import __doc__ as about

# A file's name: the experiment, its rows, which of them are kept, the layout, more sheets.
SET = {
    "two-neuron": ("two-neuron", 12, None, "full", ()),
    "book-xor": ("book-xor", 20, None, "book", ()),
    "iris": ("iris", 12, None, "full", ()),
    "line-adam": ("line-adam", 10, None, "full", ()),
    "book-perceptron": ("book-perceptron", 20, None, "full", ()),
    "exploding": ("exploding", 30, None, "book", ()),
    "part": ("two-neuron", 200, "last:10", "full", ()),
    "studies": ("two-neuron", 6, None, "full", ("hessian", "gradient-check")),
    "pages": ("book-xor", 8, None, "full", ("walkthrough", "charts")),
}
MOST = 300_000


def main() -> None:
    """Make the set, once."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.releases",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("version", help="the release; it must be the version that is there")
    version = parser.parse_args().version
    if version != bp.__version__:
        parser.error(f"this is bpsheet {bp.__version__}; its version is set first")
    folder = Path(__file__).parent / version
    if folder.exists():
        parser.error(f"{folder} is there already; a release's set is made once")
    size = 0
    for name, (template, rows, keep, layout, sheets) in SET.items():
        trace = bp.load(template).run(rows, keep=keep)
        path = trace.to_excel(folder / f"{name}.xlsx", layout, sheets)
        size += path.stat().st_size
    print(f"Wrote {len(SET)} workbooks to {folder}: {size:,} bytes")
    if size > MOST:
        parser.error(f"the set should stay below {MOST:,} bytes")


if __name__ == "__main__":
    main()
