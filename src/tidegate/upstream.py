"""The Cloud API's client: one POST, one outcome, and no doubt about whether a byte was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

#: Answers to a send are small; whoever sends more is not Meta.
MAX_ANSWER: Final = 262_144


@dataclass(frozen=True, slots=True)
class Response:
    """Meta answered, with whatever."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class NotSent:
    """Proven: no byte of the request left this node."""

    cause: str
    lapsed: bool = False


_LAPSED: Final = NotSent("it was not to start any more", lapsed=True)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes left, and no answer that proves anything came back: the message may have been taken."""

    cause: str


class Lapsed(Exception):
    """The send was not to start any more when its connection was ready."""


@dataclass(slots=True)
class _Attempt:
    """What is known of one POST. `wrote`: a byte may have left; until then it is proven that none has."""

    may_start: Callable[[], bool]
    wrote: bool = False
    lapsed: bool = False
    ended: bool = False


_ATTEMPT: Final[ContextVar[_Attempt | None]] = ContextVar("_ATTEMPT", default=None)


class _Body(aiohttp.BytesPayload):
    """A body that asks for the last time: the request line is written together with it, in the step that asks.

    Whatever a stalled machine held up since its connection was ready is not sent late. A pooled connection that is
    known to be closed takes nothing any more; one that only turns out to be may have carried bytes, however few.
    """

    def __init__(self, body: bytes, attempt: _Attempt) -> None:
        super().__init__(body)
        self._attempt = attempt

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        attempt = self._attempt
        if attempt.ended or not attempt.may_start():
            attempt.lapsed = True
            raise Lapsed
        transport = getattr(writer, "transport", None)
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        attempt.wrote = True
        await super().write_with_length(writer, content_length)


class _Connector(aiohttp.TCPConnector):
    """Asks when a connection is ready, so that one that is not to start any more gives it back unused."""

    # The signature is the library's.
    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> aiohttp.connector.Connection:
        connection = await super().connect(req, traces, timeout)
        attempt = _ATTEMPT.get()
        if attempt is not None and not attempt.may_start():
            # Nothing was written, so it is as good as new for the next send.
            connection.release()
            raise Lapsed
        return connection


@dataclass(slots=True)
class Upstream:
    """Posts sends to the configured host, and nowhere else. `tokens` by phone_number_id; never shown.

    Its `session` serves what passes through as well: the same host, and those that media files lie on.
    """

    base_url: str
    timeout_s: float
    tokens: Mapping[str, str] = field(repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=0, ttl_dns_cache=30, keepalive_timeout=20),
            timeout=aiohttp.ClientTimeout(total=self.timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            trust_env=False,
            raise_for_status=False,
        )

    async def close(self) -> None:
        """Close the connection pool; sends under way are cut, so end them first."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The client session; it follows no redirect by itself only where told so. Raises RuntimeError before start."""
        if self._session is None:
            raise RuntimeError("the upstream client has not been started")
        return self._session

    def url(self, raw_path: str) -> URL:
        """The address of a raw path (with its query) on the configured host, percent-encoding untouched."""
        return URL(f"{self.base_url}{raw_path}", encoded=True)

    async def post(
        self,
        number: str,
        raw_path: str,
        body: bytes,
        headers: Mapping[str, str],
        may_start: Callable[[], bool],
    ) -> Response | NotSent | Unknown:
        """POST one message, once. `may_start` is asked when the connection is ready, and just before the first byte.

        Never raises for what the peer may do: whatever can't be read once bytes have left is Unknown.
        """
        attempt = _Attempt(may_start)
        told = _ATTEMPT.set(attempt)
        try:
            async with self.session.post(
                self.url(raw_path),
                data=_Body(body, attempt),
                headers={
                    **headers,
                    "Content-Type": "application/json",
                    "Authorization": f"Bearer {self.tokens[number]}",
                },
                allow_redirects=False,
            ) as answer:
                content = await answer.content.read(MAX_ANSWER + 1)
                while len(content) <= MAX_ANSWER and not answer.content.at_eof():
                    content += await answer.content.read(MAX_ANSWER + 1 - len(content))
                if len(content) > MAX_ANSWER:
                    return Unknown("the answer is longer than an answer to a send can be")
                return Response(answer.status, answer.headers, content)
        except Lapsed:
            return _LAPSED
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, EOFError) as error:
            if attempt.lapsed:
                return _LAPSED
            cause = type(error).__name__
            return Unknown(cause) if attempt.wrote else NotSent(cause)
        finally:
            # What is told here is the last word: nothing of this attempt is written later.
            attempt.ended = True
            _ATTEMPT.reset(told)
