"""What the thin clients share: the way to a node's control plane, and how they answer."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final
from urllib.parse import quote, urlencode, urlsplit

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.errors import TidegateError

DEFAULT_URL: Final = "http://127.0.0.1:8080"
PREFIX: Final = "/gateway/v1"
_TIMEOUT_S: Final = 10.0
#: For an answer to a file that may have a million lines.
_PATIENCE_S: Final = 120.0
#: The feed says something every 15 s.
_SILENCE_S: Final = 40.0
_PART: Final = 65_536
_LONGEST_ANSWER: Final = 64 * 1024 * 1024

Url = Annotated[str, typer.Option("--url", envvar="TIDEGATE_URL", help="Where a node listens.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, as the control plane gave it.")]


class NoAnswer(TidegateError):
    """No node answered at TIDEGATE_URL, or something that is no node did."""


class Problem(TidegateError):
    """The control plane said no. `body` is its problem (RFC 9457): `title`, `status`, `detail`, `code`."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        told = body.get("detail") or body.get("title") or f"HTTP {body.get('status')}"
        super().__init__(f"{told} ({body['code']})" if body.get("code") else str(told))
        self.body = body


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """Requests to `/gateway/v1` of one node with an app's key. Every method raises NoAnswer or Problem."""

    url: str
    key: str = field(repr=False)
    patience_s: float = _TIMEOUT_S

    @classmethod
    def at(cls, url: str, patience_s: float = _TIMEOUT_S) -> ControlPlane:
        """The control plane at `url`, with the key of TIDEGATE_KEY. Raises typer.BadParameter (exit code 2).

        `patience_s`: how long an answer may take.
        """
        key = os.environ.get("TIDEGATE_KEY", "").strip()
        if not key.isascii() or not key.isprintable() or " " in key or not key:
            # Never an option: the arguments of a process can be read by everybody on its machine.
            raise typer.BadParameter("set TIDEGATE_KEY to an app's key (`tidegate keys create` makes one)")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise typer.BadParameter("TIDEGATE_URL must be an address such as http://127.0.0.1:8080")
        return cls(url.rstrip("/"), key, patience_s)

    def get(self, *path: str, **query: str) -> Any:
        """GET of a path whose segments are given one by one."""
        return self._request("GET", path, query)

    def post(self, *path: str, body: Mapping[str, Any]) -> Any:
        """POST of a JSON object."""
        return self._request("POST", path, {}, body)

    def delete(self, *path: str, **query: str) -> Any:
        """DELETE; None when the answer is empty."""
        return self._request("DELETE", path, query)

    def upload(self, *path: str, file: Path, content_type: str) -> Any:
        """POST of a file of any size, read while it is sent."""
        with file.open("rb") as content:
            headers = {"Content-Type": content_type, "Content-Length": str(file.stat().st_size)}
            with self._asked("POST", path, {}, content, headers, _PATIENCE_S) as answer:
                return _read(answer.status, answer.read(_LONGEST_ANSWER))

    def download(self, into: BinaryIO, *path: str, **query: str) -> None:
        """GET of an answer of any size, written `into` a file as it comes."""
        with self._asked("GET", path, query, None, {}, _PATIENCE_S) as answer:
            if answer.status >= 300:
                _read(answer.status, answer.read(_LONGEST_ANSWER))
            while part := answer.read(_PART):
                into.write(part)

    @contextmanager
    def streamed(self, *path: str, **query: str) -> Iterator[Iterator[str]]:
        """GET of an answer that goes on: its lines as they come. Silence for longer than a heartbeat is NoAnswer."""
        headers = {"Accept": "text/event-stream"}
        with self._asked("GET", path, query, None, headers, _SILENCE_S) as answer:
            if answer.status >= 300:
                _read(answer.status, answer.read(_LONGEST_ANSWER))
            yield (line.decode("utf-8", "replace").rstrip("\r\n") for line in iter(answer.readline, b""))

    def _request(
        self, method: str, path: tuple[str, ...], query: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"} | ({} if body is None else {"Content-Type": "application/json"})
        with self._asked(method, path, query, content, headers, self.patience_s) as answer:
            return _read(answer.status, answer.read(_LONGEST_ANSWER))

    @contextmanager
    def _asked(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str],
        content: bytes | BinaryIO | None,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(self.url)
        target = "/".join([parts.path.rstrip("/") + PREFIX, *(quote(segment, safe="") for segment in path)])
        own = {"Authorization": f"Bearer {self.key}", "User-Agent": "tidegate", **headers}
        # No proxy and no redirect: the key goes to the host that was named, and to no other.
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
        try:
            # Whoever is refused while the body is on its way finds the answer behind a connection that is closed.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target + ("?" + urlencode(query) if query else ""), content, own)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException, ssl.SSLError, ValueError) as error:
            raise NoAnswer(f"no node answers at {self.url}: {_cause(error)}") from None
        finally:
            connection.close()


def _read(status: int, content: bytes) -> Any:
    body = json.loads(content) if content else None
    if status < 300:
        return body
    found = dict(body) if isinstance(body, dict) else {}
    raise Problem({"status": status, **found})


def _cause(error: Exception) -> str:
    if isinstance(error, ValueError):
        return "what answers there does not speak JSON"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def answering(as_json: bool) -> Iterator[None]:
    """With `--json` a problem is an answer as well: printed as the control plane gave it, and exit code 1."""
    try:
        yield
    except Problem as problem:
        if not as_json:
            raise
        print_json(problem.body)
        raise typer.Exit(ExitCode.REFUSED) from None


def print_json(answer: Any) -> None:
    """One JSON value on one line."""
    typer.echo(json.dumps(answer, ensure_ascii=False))
