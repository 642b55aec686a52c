"""The output of all commands to the terminal.

Names, titles and the text of files come from strangers. Here they lose everything that a terminal would obey: escape sequences, other control characters, turned writing directions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import click

from bpsheet.words import printable

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["abandon", "console", "say"]


def say(text: str, *, error: bool = False) -> None:
    """Print a line unbroken, however long it is."""
    if (sys.stderr if error else sys.stdout) is None:
        # The program was started with the stream closed.
        return
    try:
        click.echo(printable(text), err=error)
    except OSError:
        if not error:
            raise
        # No other stream could take the message, so only the exit status tells of the error.
        abandon(sys.stderr)


def abandon(stream: IO[str]) -> None:
    """Drop what waits to be written: the interpreter would try it once more, and fail."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def console(*, error: bool = False) -> Console:
    """The console for tables, colours and progress. It prints markup as text."""
    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

    class Clean(Console):
        def render(
            self, renderable: Any, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                # The controls of rich move the cursor of a progress bar.
                if segment.control:
                    yield segment
                else:
                    yield Segment(printable(segment.text), segment.style)

    return Clean(stderr=error, highlight=False, emoji=False, markup=False)
