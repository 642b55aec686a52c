"""The server: routes, the gate before them, and pages for people where something is wrong."""

from __future__ import annotations

import json
import mimetypes
import sys
from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from http import HTTPStatus
from importlib.resources import files
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from bpsheet.app.gate import HEADERS, TOKEN_HEADER, Gate
from bpsheet.app.sent import MOST_BYTES, sent_by
from bpsheet.app.shelf import Shelf
from bpsheet.errors import BpsheetError, MissingExtraError, OutputError

if TYPE_CHECKING:
    from bpsheet.app.calls import Calls

__all__ = ["HOST", "Server", "application", "opened_server"]

HOST = "127.0.0.1"
ASSETS = {
    "look.css": ("bpsheet.page", "text/css"),
    "app.css": ("bpsheet.app", "text/css"),
    "app.js": ("bpsheet.app", "text/javascript"),
}
# A result that is opened has an origin of its own, from which it can call nothing.
RESULT = (
    "sandbox allow-scripts allow-downloads allow-modals; default-src 'none'; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
)
# What a browser shows; everything else is saved.
SHOWN = {".html": "text/html; charset=utf-8", ".pdf": "application/pdf"}

Environ = dict[str, Any]
Start = Callable[..., Any]


class Server(Protocol):
    """What is needed of a server."""

    effective_port: int

    def run(self) -> None: ...
    def close(self) -> None: ...


class _AnswerError(Exception):
    """An answer in the place of what was asked for: a status, and a sentence for a person."""

    def __init__(self, status: HTTPStatus, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


def opened_server(port: int, shelf: Shelf) -> tuple[Server, Gate]:
    """A server on a port of this machine, 0 for any, and its gate. Requests wait until it runs.

    Raises MissingExtraError without the packages of the extra `app`, and OutputError for a port that
    is taken.
    """
    try:
        import bottle  # noqa: F401 - it is needed by the application
        from waitress.server import create_server
    except ImportError:
        raise MissingExtraError("the app needs a small server", "app") from None
    gate = Gate(port)
    try:
        server: Server = create_server(
            application(gate, shelf),
            host=HOST,
            port=port,
            threads=4,
            ident=None,
            max_request_body_size=MOST_BYTES,
        )
    except OSError as error:
        raise OutputError(
            f"port {port} cannot be opened ({error.strerror or error}); take another port, "
            "or none: then a free one is found"
        ) from None
    # The system has chosen a port.
    gate.port = server.effective_port
    # A browser takes a second to open: by then the first call is quick.
    Thread(target=_calls, args=[shelf], daemon=True).start()
    return server, gate


def application(gate: Gate, shelf: Shelf) -> Callable[[Environ, Start], Iterable[bytes]]:
    """The application (WSGI): what the gate lets through is answered, everything else is refused."""
    import bottle

    routes = bottle.Bottle()
    routes.route("/", "GET", lambda: _page(gate))
    routes.route("/enter/<word>", "GET", lambda word: _enter(gate, word))
    routes.route("/assets/<name>", "GET", _asset)
    routes.route("/made/<name>/<file:path>", "GET", lambda name, file: _made(shelf, name, file))
    routes.route("/api/<name>", "POST", lambda name: _called(shelf, name))
    routes.default_error_handler = _refused

    def answer(environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            _check(gate, environ)
        except _AnswerError as error:
            response = _error_page(error.status, error.said)
            start(response.status_line, response.headerlist)
            return [response.body]
        return routes(environ, start)  # type: ignore[no-any-return]

    return answer


def _check(gate: Gate, environ: Environ) -> None:
    """Raise _AnswerError for a request that is not from our own page, or from a person's address."""
    if not gate.is_our_host(environ.get("HTTP_HOST", "")):
        raise _AnswerError(HTTPStatus.MISDIRECTED_REQUEST, "This address does not lead to bpsheet.")
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    if method in ("GET", "HEAD") and not path.startswith("/api/"):
        return
    if method != "POST":
        raise _AnswerError(HTTPStatus.METHOD_NOT_ALLOWED, "bpsheet does not know this request.")
    origin, site = environ.get("HTTP_ORIGIN", ""), environ.get("HTTP_SEC_FETCH_SITE", "")
    header = "HTTP_" + TOKEN_HEADER.upper().replace("-", "_")
    if not gate.is_our_page(origin, site) or not gate.is_token(environ.get(header, "")):
        raise _AnswerError(
            HTTPStatus.FORBIDDEN, "Only the page that bpsheet opened may ask for this."
        )


def _page(gate: Gate) -> Any:
    import bottle

    if not gate.is_token(bottle.request.query.get("token", "")):
        return _error_page(
            HTTPStatus.FORBIDDEN,
            "Open the whole address that stands in the window where bpsheet was started, "
            "with everything after its question mark. Each start has a new address.",
        )
    page = files("bpsheet.app").joinpath("assets", "app.html").read_text("utf-8")
    return _response(page.encode(), "text/html; charset=utf-8")


def _enter(gate: Gate, word: str) -> Any:
    if not gate.enter(word):
        return _error_page(
            HTTPStatus.FORBIDDEN,
            "This address works only once. Open the address that stands in the window "
            "where bpsheet was started; it works as often as you like.",
        )
    response = _response(b"", "text/plain", HTTPStatus.SEE_OTHER)
    response.set_header("Location", f"/?token={gate.token}")
    return response


def _asset(name: str) -> Any:
    if name not in ASSETS:
        return _error_page(HTTPStatus.NOT_FOUND, "There is nothing of this name.")
    package, kind = ASSETS[name]
    content = files(package).joinpath("assets", name).read_bytes()
    return _response(content, f"{kind}; charset=utf-8")


def _made(shelf: Shelf, name: str, file: str) -> Any:
    """A file that was made. Its address is known to the page alone."""
    import bottle

    path = shelf.find(name, file)
    if path is None:
        return _error_page(
            HTTPStatus.NOT_FOUND, "This file is no longer here. Go back, and make it again."
        )
    ending = path.suffix.lower()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    response = _response(path.read_bytes(), SHOWN.get(ending, kind))
    response.set_header("Content-Security-Policy", RESULT)
    if "open" not in bottle.request.query or ending not in SHOWN:
        response.set_header("Content-Disposition", "attachment")
    return response


@cache
def _calls(shelf: Shelf) -> Calls:
    """The calls. What computes is imported with them, which takes longer than the server does."""
    from bpsheet.app.calls import Calls

    return Calls(shelf)


def _called(shelf: Shelf, name: str) -> Any:
    import bottle

    try:
        asked, sent = sent_by(bottle.request.environ)
        answer = _calls(shelf).answer(name, asked, sent)
    except BpsheetError as error:
        answer = {"problems": [{"place": "", "said": str(error)}]}
    except Exception as error:  # noqa: BLE001 - a person is at the other end
        print(f"bpsheet: {name}: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        said = (
            "Something went wrong inside bpsheet, and nothing was made. What you typed is still here. "
            f"({type(error).__name__})"
        )
        answer = {"problems": [{"place": "", "said": said}]}
    if answer is None:
        return _error_page(HTTPStatus.NOT_FOUND, "There is nothing of this name.")
    return _response(json.dumps(answer).encode(), "application/json")


def _response(content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> Any:
    import bottle

    response = bottle.HTTPResponse(content, status.value)
    for name, value in {**HEADERS, "Content-Type": kind}.items():
        response.set_header(name, value)
    return response


def _refused(error: Any) -> str:
    """The page for an error that the routes found."""
    import bottle

    status = HTTPStatus(error.status_code)
    said = "There is nothing at this address." if status == HTTPStatus.NOT_FOUND else status.phrase
    for name, value in {**HEADERS, "Content-Type": "text/html; charset=utf-8"}.items():
        bottle.response.set_header(name, value)
    return _error_html(status, said)


def _error_page(status: HTTPStatus, said: str) -> Any:
    return _response(_error_html(status, said).encode(), "text/html; charset=utf-8", status)


def _error_html(status: HTTPStatus, said: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>bpsheet</title><link rel="stylesheet" href="/assets/look.css">'
        f"</head><body><main><h1>This did not work</h1><p>{escape(said)}</p>"
        f'<p class="note">{status.value} {escape(status.phrase)}</p></main></body></html>'
    )
