"""Requests to the application of `bpsheet app`, without a server between."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpsheet.app.gate import Gate
from bpsheet.app.server import application
from bpsheet.app.shelf import Shelf

__all__ = ["Answer", "Application", "File", "serve"]

PORT = 8123
HOST = f"127.0.0.1:{PORT}"
BOUNDARY = "a-line-between-two-parts"
File = tuple[str, str, bytes]


@dataclass(frozen=True)
class Answer:
    """A status, headers in small letters, and a body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Application:
    """The application, and requests as a browser sends them."""

    def __init__(self, folder: Path) -> None:
        self.gate = Gate(PORT)
        self.shelf = Shelf(folder)
        self.answer = application(self.gate, self.shelf)

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """A request; headers as `sec_fetch_site="none"`. One that is empty is not sent."""
        path, _, query = path.partition("?")
        given = {"host": HOST} | headers
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(PORT),
            "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        } | {f"HTTP_{name.upper()}": value for name, value in given.items() if value}
        got: list[Any] = []
        parts = self.answer(environ, lambda status, heads, _=None: got.extend((status, heads)))
        headers_got = {name.lower(): value for name, value in got[1]}
        return Answer(int(got[0].split()[0]), headers_got, b"".join(parts))

    def own_headers(self) -> dict[str, str]:
        """The headers that our own page sends."""
        return {
            "origin": f"http://{HOST}",
            "sec_fetch_site": "same-origin",
            "x_bpsheet_token": self.gate.token,
        }

    def call(self, name: str, asked: Any = None, files: Iterable[File] = ()) -> Any:
        """A call of our own page: the answer's JSON."""
        answer = self.request(
            "POST", f"/api/{name}", multipart(asked or {}, files), **self.own_headers()
        )
        assert answer.status == 200, answer.body
        return answer.json

    def file(self, got: Any, ending: str) -> bytes:
        """A file of an answer, by the end of its name."""
        (href,) = [one["href"] for one in got["files"] if one["name"].endswith(ending)]
        answer = self.request("GET", href)
        assert answer.status == 200
        return answer.body


def multipart(asked: Any, files: Iterable[File]) -> bytes:
    """A question and files as a browser sends them."""
    line = f"--{BOUNDARY}\r\n".encode()
    parts = [b'Content-Disposition: form-data; name="asked"\r\n\r\n' + json.dumps(asked).encode()]
    for field, name, content in files:
        head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
        parts.append(head.encode() + content)
    inside = b"".join(line + part + b"\r\n" for part in parts)
    return inside + f"--{BOUNDARY}--\r\n".encode()


def serve(server: Any) -> None:
    """Run a server in a thread of its own. It ends when another thread closes its socket."""
    with suppress(OSError):
        server.run()
