"""Who may call: only the page that this program opened, in a browser on this machine.

Any page in the same browser may send a request to 127.0.0.1, any user of this machine may open a
connection, and a name that somebody owns may be made to lead here. So each request names this host
(no other name leads here), each that does anything carries the token in a header of its own, which
no other page can send unasked, and says that it comes from our own page.

The token is no cookie: a browser sends those to every port of a machine.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

__all__ = ["HEADERS", "TOKEN_HEADER", "Gate", "secret"]

TOKEN_HEADER = "X-Bpsheet-Token"  # noqa: S105 - a name, and no password
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# The headers of each answer. What a result needs besides stands in `server`.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def secret() -> str:
    """A word of 43 letters that nobody guesses."""
    return secrets.token_urlsafe(32)


@dataclass
class Gate:
    """What a request has to show. `port` is the server's.

    `entrance` is a word for the address that a browser is started with. Other users of a machine see
    the arguments of programs, so the word is good for one time.

    >>> gate = Gate(8000)
    >>> gate.is_our_host("localhost:8000"), gate.is_our_host("evil.example:8000")
    (True, False)
    """

    port: int
    token: str = field(default_factory=secret)
    entrance: str = field(default_factory=secret)

    @property
    def origins(self) -> tuple[str, ...]:
        """The addresses of this program."""
        return f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}"

    @property
    def address(self) -> str:
        """The address that a person may open, as often as they like."""
        return f"{self.origins[0]}/?token={self.token}"

    @property
    def first_address(self) -> str:
        """The address with which a browser is started."""
        return f"{self.origins[0]}/enter/{self.entrance}"

    def is_our_host(self, host: str) -> bool:
        """Whether the header Host names this server, and not a name that was made to lead here."""
        return f"http://{host.lower()}" in self.origins

    def is_token(self, given: str) -> bool:
        """Whether this is the token."""
        return compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def enter(self, word: str) -> bool:
        """Whether this is the word of the first address. It is good for one time."""
        is_right = compare_digest(word.encode("utf-8", "replace"), self.entrance.encode())
        if is_right:
            self.entrance = secret()
        return is_right

    def is_our_page(self, origin: str, site: str) -> bool:
        """Whether the headers Origin and Sec-Fetch-Site say that our own page sends something."""
        return origin.lower() in self.origins and site in ("", "same-origin")
