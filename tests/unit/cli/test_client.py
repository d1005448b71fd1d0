"""The way of a thin client to the control plane: what is sent, and what becomes of every kind of answer."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import typer

from tidegate.cli.client import ControlPlane, NoAnswer, Problem
from tidegate.cli.tables import count, when

KEY = "tg_a-key-of-the-test"


@dataclass
class Listener:
    """A server that gives one answer, and keeps what it was asked."""

    url: str
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None, bytes]] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.asked.append((self.command, self.path, self.headers["Authorization"], content))
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(made.body)))
            self.end_headers()
            self.wfile.write(made.body)

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made = Listener(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_segments_and_query_are_escaped_and_the_key_is_a_bearer(listener: Listener) -> None:
    listener.body = b'{"a":1}'
    assert ControlPlane(listener.url + "/behind/", KEY).get("messages", "wamid.A/B==", days="3 0") == {"a": 1}
    assert listener.asked == [
        ("GET", "/behind/gateway/v1/messages/wamid.A%2FB%3D%3D?days=3+0", f"Bearer {KEY}", b""),
    ]


def test_a_body_is_json(listener: Listener) -> None:
    ControlPlane(listener.url, KEY).post("pauses", body={"reason": "é"})
    assert listener.asked[0][0] == "POST"
    assert listener.asked[0][3] == b'{"reason": "\\u00e9"}'


def test_an_empty_answer_is_none(listener: Listener) -> None:
    listener.status, listener.body = 204, b""
    assert ControlPlane(listener.url, KEY).delete("pauses", "pause-1") is None


def test_a_problem_is_told_in_its_own_words(listener: Listener) -> None:
    listener.status, listener.body = 404, b'{"detail":"no such pause","code":"not_found","status":404}'
    with pytest.raises(Problem, match=r"^no such pause \(not_found\)$") as raised:
        ControlPlane(listener.url, KEY).delete("pauses", "pause-1")
    assert raised.value.body["status"] == 404


def test_a_file_is_sent_as_it_is_and_an_answer_of_any_size_is_written_as_it_comes(
    listener: Listener, tmp_path: Path
) -> None:
    file, into = tmp_path / "people.csv", io.BytesIO()
    file.write_bytes(b"to\n" * 100_000)
    listener.body = b'{"rows":1}'
    plane = ControlPlane(listener.url, KEY)
    assert plane.upload("campaigns", "c/1", "audience", file=file, content_type="text/csv") == {"rows": 1}
    [(method, path, key, content)] = listener.asked
    assert (method, path, key) == ("POST", "/gateway/v1/campaigns/c%2F1/audience", f"Bearer {KEY}")
    assert content == file.read_bytes()
    listener.body = b"line\n" * 100_000
    plane.download(into, "campaigns", "c", state="failed")
    assert into.getvalue() == listener.body
    assert listener.asked[1][1].endswith("/campaigns/c?state=failed")


def test_a_file_that_is_refused_is_told_in_the_problems_words(listener: Listener, tmp_path: Path) -> None:
    file, into = tmp_path / "people.csv", io.BytesIO()
    file.write_bytes(b"to\n")
    listener.status, listener.body = 422, b'{"detail":"the audience is empty","code":"unprocessable"}'
    plane = ControlPlane(listener.url, KEY)
    with pytest.raises(Problem, match="the audience is empty"):
        plane.upload("campaigns", "c", "audience", file=file, content_type="text/csv")
    with pytest.raises(Problem, match="the audience is empty"):
        plane.download(into, "campaigns", "c")
    assert into.getvalue() == b""


@pytest.mark.parametrize("body", [b"", b"[]", b'"no"'], ids=["nothing", "a list", "a text"])
def test_a_refusal_without_a_problem_is_told_by_its_status(listener: Listener, body: bytes) -> None:
    listener.status, listener.body = 502, body
    with pytest.raises(Problem, match=r"^HTTP 502$"):
        ControlPlane(listener.url, KEY).get("queue")


def test_a_redirect_is_not_followed(listener: Listener) -> None:
    listener.status, listener.headers = 302, {"Location": listener.url + "/elsewhere"}
    with pytest.raises(Problem, match=r"^HTTP 302$"):
        ControlPlane(listener.url, KEY).get("queue")
    assert len(listener.asked) == 1


def test_what_is_no_json_is_no_node(listener: Listener) -> None:
    listener.body = b"<html>"
    with pytest.raises(NoAnswer, match="does not speak JSON"):
        ControlPlane(listener.url, KEY).get("queue")


def test_a_proxy_of_the_environment_never_sees_the_key(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert ControlPlane(listener.url, KEY).get("queue") == {}


def test_where_nobody_listens_there_is_no_answer(unused_tcp_port: int) -> None:
    with pytest.raises(NoAnswer, match=f"no node answers at http://127.0.0.1:{unused_tcp_port}: Connection refused"):
        ControlPlane(f"http://127.0.0.1:{unused_tcp_port}", KEY).get("queue")


def test_the_key_is_in_no_repr_and_no_message(unused_tcp_port: int) -> None:
    plane = ControlPlane(f"http://127.0.0.1:{unused_tcp_port}", KEY)
    with pytest.raises(NoAnswer) as raised:
        plane.get("queue")
    assert KEY not in repr(plane) + str(raised.value)


@pytest.mark.parametrize("key", ["", "  ", "tg_a b", "tg_é", "tg_a\nb"])
def test_a_key_that_can_be_none_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("TIDEGATE_KEY", key)
    with pytest.raises(typer.BadParameter, match="TIDEGATE_KEY"):
        ControlPlane.at("http://127.0.0.1:8080")


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://host", "http://", "http://host?a=b", "http://host#a"])
def test_an_address_that_can_be_none_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TIDEGATE_KEY", KEY)
    with pytest.raises(typer.BadParameter, match="TIDEGATE_URL"):
        ControlPlane.at(url)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param("2026-11-21T09:00:00Z", "2026-11-21 09:00:00", id="a time in UTC"),
        pytest.param("2026-11-21T09:00:00+02:00", "2026-11-21 07:00:00", id="a time elsewhere"),
        pytest.param(None, "-", id="no time"),
        pytest.param("soon", "soon", id="what is no time, as it is"),
    ],
)
def test_times_are_shown_in_utc(written: str | None, shown: str) -> None:
    assert when(written) == shown


def test_a_limit_that_is_not_there_is_unlimited() -> None:
    assert (count(None), count(100_000)) == ("unlimited", "100,000")
