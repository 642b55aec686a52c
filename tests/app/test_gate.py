"""Nobody but our own page, on this machine, gets anything or does anything."""

from __future__ import annotations

import http.client
import socket
from threading import Thread

import pytest

from bpsheet.app.sent import MOST_BYTES
from bpsheet.app.server import opened_server
from bpsheet.app.shelf import Shelf
from tests.helpers.calling import HOST, multipart, serve

EVIL = "https://evil.example"
CALL = multipart({}, [])


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 200),
        ({"x_bpsheet_token": ""}, 403),
        ({"x_bpsheet_token": "guessed"}, 403),
        ({"origin": EVIL}, 403),
        ({"origin": "null"}, 403),  # a sandboxed frame, a file, a result that was opened
        ({"origin": ""}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),  # another program of this machine
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"host": "evil.example:8123"}, 421),  # a name that was made to lead here
        ({"host": "127.0.0.1:8123.evil.example"}, 421),
        ({"host": ""}, 421),
        ({"host": "LOCALHOST:8123"}, 200),
    ],
    ids=str,
)
def test_only_our_page_calls(app, changed, status):
    headers = app.own_headers() | changed
    assert app.request("POST", "/api/check", CALL, **headers).status == status


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
def test_no_other_method_and_no_other_origin_is_let_in(app, method):
    headers = app.own_headers() | {"origin": EVIL, "access_control_request_method": "POST"}
    for path in ("/", "/api/check"):
        answer = app.request(method, path, **headers)
        assert answer.status == 405
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_call_is_never_a_link(app):
    assert app.request("GET", "/api/check", **app.own_headers()).status == 405


def test_the_page_needs_the_token_of_its_address(app):
    for path in ("/", "/?token=", "/?token=guessed", "/?token=%00%ff"):
        answer = app.request("GET", path)
        assert answer.status == 403
        assert b"Open the whole address that stands in the window" in answer.body
        assert app.gate.token.encode() not in answer.body
    assert b"</main>" in app.request("GET", f"/?token={app.gate.token}").body


def test_the_address_that_a_browser_is_started_with_is_good_once(app):
    """Other users of a machine see the arguments of a browser."""
    path = app.gate.first_address.partition(HOST)[2]
    assert app.gate.token not in path
    answer = app.request("GET", path)
    assert (answer.status, answer.headers["location"]) == (303, f"/?token={app.gate.token}")
    assert app.request("GET", path).status == 403


def test_every_answer_forbids_what_is_not_ours(app, text):
    """Pages ask for nothing outside; results have an origin of their own, without any right."""
    token = f"/?token={app.gate.token}"
    made = app.call("make", {"text": text, "name": "a", "what": "html"})["files"][0]["href"]
    for path in ("/", token, "/nothing", "/assets/app.js", "/made/a/b", made, f"{made}?open"):
        answer = app.request("GET", path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "set-cookie" not in answer.headers
        assert policy.startswith("sandbox ") == (path.startswith(made))
        assert "allow-same-origin" not in policy
    assert app.request("GET", made).headers["content-disposition"] == "attachment"


def test_only_files_that_were_made_are_served(app, tmp_path):
    (tmp_path / "outside.html").write_text("secret")
    folder = app.shelf.folder()
    name = folder.name
    (folder / "link.html").symlink_to(tmp_path / "outside.html")
    paths = ("../../outside.html", "..%2f..%2foutside.html", "link.html", "/etc/passwd", ".", "")
    for path in paths:
        assert app.request("GET", f"/made/{name}/{path}").status == 404
    assert app.request("GET", f"/made/../{name}/x").status == 404


def test_of_many_results_the_oldest_go(app):
    first = app.shelf.folder()
    for _ in range(30):
        app.shelf.folder()
    assert not first.exists()
    assert len([*app.shelf.root.iterdir()]) == 30


@pytest.mark.parametrize(
    "body", [b"", b"nothing", CALL[:-10], multipart([], []), b"{" * 5_000], ids=len
)
def test_a_damaged_request_is_answered_in_words(app, body):
    answer = app.request("POST", "/api/check", body, **app.own_headers())
    assert answer.status == 200
    assert "what was sent cannot be read" in answer.json["problems"][0]["said"]
    assert app.request("POST", "/api/nothing", CALL, **app.own_headers()).status == 404


def test_a_fault_of_ours_is_said_without_its_traceback(app, monkeypatch, capsys):
    def broken(*_):
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr("bpsheet.app.calls.preview", broken)
    said = app.call("check")["problems"][0]["said"]
    assert "Something went wrong inside bpsheet" in said
    assert "deep" not in said
    assert "Traceback" not in capsys.readouterr().err


def test_the_server_is_on_this_machine_alone_and_refuses_too_much(tmp_path):
    server, gate = opened_server(0, Shelf(tmp_path))
    thread = Thread(target=serve, args=[server], daemon=True)
    thread.start()
    try:
        assert [one.getsockname()[0] for one in _sockets(server)] == ["127.0.0.1"]
        connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=10)
        connection.putrequest("POST", "/api/check")
        connection.putheader("Content-Length", str(MOST_BYTES + 1))
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()
    finally:
        server.close()
        thread.join(5)


def _sockets(server) -> list[socket.socket]:
    return [server.socket]
