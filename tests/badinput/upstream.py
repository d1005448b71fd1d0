"""A stand-in for Graph in a thread: it takes whatever comes, and keeps what came."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.integration.edge.callers import accepted

_POLLED = ("fields=quality_rating", "fields=name%2C", "fields=name,", "fields=account_review_status")


@dataclass(frozen=True, slots=True)
class Left:
    """One request that left the house. `headers`: as they came, names included."""

    method: str
    raw_path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The one value of a header. Raises AssertionError where it was sent twice."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} twice"
        return found[0] if found else None


class Upstream:
    """Listens on a port of its own; `left` has every request but the node's own reading at its start."""

    def __init__(self) -> None:
        self.left: list[Left] = []
        #: What is answered to a send instead of an acceptance, byte for byte.
        self.scripted: bytes | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(upstream: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def handle_one(self) -> None:
            body = self._read()
            if any(polled in self.path for polled in _POLLED) and self.command == "GET":
                return self._write({"data": []})
            upstream.left.append(Left(self.command, self.path, list(self.headers.items()), body))
            if upstream.scripted is not None:
                self.wfile.write(upstream.scripted)
                self.close_connection = True
                return None
            is_send = self.command == "POST" and "messages" in self.path
            return self._write(accepted() if is_send else {"success": True})

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_one

        def _read(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

        def _write(self, told: Any) -> None:
            raw = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
