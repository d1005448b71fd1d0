"""Bytes to a node and back: nothing is put right on the way, in neither direction."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tidegate.edge.door.connections import _BODY as MALFORMED
from tidegate.edge.faces import Face, face_of

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) [A-Za-z '-]*")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e]*)")
_GRAPH_KEYS: Final = {"message", "type", "code", "error_data"}
_PROBLEM_KEYS: Final = {"type", "title", "status", "detail", "code"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `headers`: lower-case names. `bare`: it is one that has no body."""

    status: int
    headers: dict[str, str]
    raw: bytes
    bare: bool = False

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def error(self) -> dict[str, Any]:
        return dict(self.body["error"])


def exchange(port: int, sent: bytes, *, within_s: float = 20.0, pieces: int = 1, ends: bool = False) -> bytes:
    """All that the node answers to these bytes until it closes the connection, or is silent.

    `pieces`: in how many writes they go. `ends`: whether the writing side is closed after them.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=within_s) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        size = -(-len(sent) // pieces) or 1
        received = b""
        try:
            for start in range(0, len(sent), size):
                connection.sendall(sent[start : start + size])
            if ends:
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                received += chunk
        except (ConnectionError, BrokenPipeError):
            pass
        except TimeoutError:
            raise AssertionError(f"no end of the answer within {within_s:g} s; so far {received[:300]!r}") from None
        return received


def converse(port: int, sent: bytes, *, whole: bool, within_s: float = 20.0) -> bytes:
    """All that the node answers. What may be half a request is ended by closing the writing side when nothing comes.

    Raises AssertionError when there is no end of it.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=within_s if whole else 0.3) as connection:
        waits = not whole
        while True:
            try:
                if sent:
                    connection.sendall(sent)
                    sent = b""
                chunk = connection.recv(65_536)
            except ConnectionError:
                return received
            except TimeoutError:
                assert waits, f"no end of the answer within {within_s:g} s; so far {received[:300]!r}"
                waits = False
                connection.settimeout(within_s)
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                continue
            if not chunk:
                return received
            received += chunk


def read_answers(received: bytes, method: str = "POST") -> list[Answer]:
    """The answers in what a node wrote. Raises AssertionError for bytes that are none."""
    answers = []
    # A request that can't be read has no method either: its answer has a body, and the connection ends.
    received = received.removesuffix(MALFORMED) if method == "HEAD" else received
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        assert end, f"a head that does not end: {head[:200]!r}"
        first, *lines = head.split(b"\r\n")
        status = _STATUS.fullmatch(first)
        assert status, f"no status line: {first[:200]!r}"
        matches = [_HEADER.fullmatch(line) for line in lines]
        assert all(matches), f"no header line among {lines!r}"
        headers = {match[1].decode().lower(): match[2].decode() for match in matches if match}
        assert len(headers) == len(lines), f"a header twice: {lines!r}"
        if status[1] == b"100":
            received = rest
            continue
        bare = method == "HEAD" or status[1] == b"204"
        raw, received = (b"", rest) if bare else _body(headers, rest)
        answers.append(Answer(int(status[1]), headers, raw, bare))
    return answers


def _body(headers: dict[str, str], rest: bytes) -> tuple[bytes, bytes]:
    if headers.get("transfer-encoding") == "chunked":
        return _chunks(rest)
    length = int(headers["content-length"])
    assert len(rest) >= length, "an answer that is cut short"
    return rest[:length], rest[length:]


def _chunks(rest: bytes) -> tuple[bytes, bytes]:
    whole = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        whole, rest = whole + rest[:length], rest[length + 2 :]
        if length == 0:
            return whole, rest


def check_shape(answer: Answer, raw_path: str | None) -> None:
    """Raises AssertionError unless an error has the shape of the face that the path belongs to, and is no fault.

    None for a path that nobody knows: then any face's will do.
    """
    assert answer.status < 500, f"a fault of ours: {answer.status} {answer.raw[:300]!r}"
    assert b"Traceback" not in answer.raw
    if answer.status < 400 or answer.bare:
        return
    if raw_path is None:
        face = Face.CONTROL if answer.headers.get("content-type") == "application/problem+json" else Face.GRAPH
    else:
        face = face_of(raw_path)
    if answer.raw == b"" and (raw_path is None or raw_path.startswith("/webhooks/")):
        assert answer.status in (401, 403, 408, 413)
    elif face is Face.GRAPH or answer.raw == MALFORMED:
        assert answer.headers["content-type"] == "application/json"
        assert set(answer.error) >= _GRAPH_KEYS
        assert type(answer.error["code"]) is int
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.body) >= _PROBLEM_KEYS
        assert answer.body["status"] == answer.status
