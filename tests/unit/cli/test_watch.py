"""`tidegate watch` at its start: what it waits for, and what it does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.watch import watch

STANDING = {"portfolios": [], "pauses": [], "breakers": []}


class Node(ThreadingHTTPServer):
    """A control plane that answers the first question with a problem of this status."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.first: dict[str, Any] | None = {"status": status, "title": "not now", "code": "a_reason"}

    def answer(self, path: str) -> tuple[int, Any]:
        """What it says to one question."""
        problem, self.first = self.first, None
        if problem is not None:
            return problem["status"], problem
        known = {"/gateway/v1/standing": STANDING, "/gateway/v1/queue": {"waiting": 0, "lanes": []}}
        return (200, known[path]) if path in known else (404, {"status": 404, "code": "not_found"})


class Handler(BaseHTTPRequestHandler):
    server: Node

    def do_GET(self) -> None:
        status, told = self.server.answer(self.path)
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def looked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TIDEGATE_KEY", "tg_a-key-of-the-test")
    with Node(request.param) as node:
        thread = threading.Thread(target=node.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{node.server_port}"
        node.shutdown()
        thread.join()


@pytest.mark.parametrize("looked", [500, 503], indirect=True)
def test_a_node_that_can_not_tell_just_now_is_looked_at_again(looked: str, capsys: pytest.CaptureFixture[str]) -> None:
    watch(every="1s", lasting="0s", url=looked, as_json=True)

    look = {"capacity": [], "queue": {"waiting": 0, "lanes": []}, "stopped": [], "events": []}
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [look]


@pytest.mark.parametrize("looked", [401, 403], indirect=True)
def test_whoever_may_not_look_is_told_so_once(looked: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        watch(every="1s", lasting="0s", url=looked, as_json=True)

    assert ended.value.exit_code == ExitCode.REFUSED
    [told] = capsys.readouterr().out.splitlines()
    assert json.loads(told)["code"] == "a_reason"
