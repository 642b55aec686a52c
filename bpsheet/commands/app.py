"""`bpsheet app`: everything that a teacher needs, in a browser on this machine."""

from __future__ import annotations

import click

from bpsheet.terminal.output import say

__all__ = ["app"]


@click.command(epilog="\b\nExample:\n  bpsheet app")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    metavar="N",
    help="The port of the address. Default: a free one.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address; open no browser.")
def app(*, port: int | None, no_browser: bool) -> None:
    """Open bpsheet in a browser: experiments, exercises and marks without a terminal.

    The page is for this machine alone: nobody else can open it, and it loads nothing from
    outside. New files lie in a temporary folder until you save them. The folder is deleted when the
    program ends. Ctrl-C ends the program.
    """
    import webbrowser

    from bpsheet.app.server import opened_server
    from bpsheet.app.shelf import Shelf
    from bpsheet.files.whole import temporary_folder

    with temporary_folder() as folder:
        server, gate = opened_server(port or 0, Shelf(folder))
        opened = "Open this address in a browser" if no_browser else "bpsheet is in your browser"
        say(f"{opened}: {gate.address}")
        say("To end it, press Ctrl-C here, or close this window.")
        if not no_browser:
            webbrowser.open(gate.first_address)
        try:
            server.run()
        finally:
            server.close()
    say("Ended. Files that were not saved are gone.")
