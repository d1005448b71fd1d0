"""One app's address: signed POSTs to it, and to nowhere that it may not lead to."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from tidegate.policy.instant import write_time
from tidegate.relay.addresses import is_public
from tidegate.relay.subscribers import Subscriber

SIGNATURE: Final = "X-Hub-Signature-256"
#: Of an answer only the status counts; more than this of it is not read.
_MOST_READ: Final = 65_536
_MOST_ASKED_S: Final = 86_400
_ANSWERED: Final = range(200, 300)
#: What an app, or who stands before it, answers of itself, whatever it was sent. Source: RFC 9110, section 15.
_NOT_THERE: Final = frozenset({408, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Posted:
    """How a POST ended. `error`: why it was not taken, None when it was. `retry_after_ms`: what the app asked for.

    `is_refusal`: the app is there, and did not want this one.
    """

    error: str | None
    retry_after_ms: int | None = None
    is_refusal: bool = False


class ForbiddenAddress(OSError):
    """The app's address leads to where webhooks must not go."""


class _Resolver(AbstractResolver):
    """Asks the system in a thread of its own: a name server that hangs holds up the webhooks of one app only."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "relay-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        def ask() -> list[Any]:
            return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)

        found = await asyncio.get_running_loop().run_in_executor(self._pool, ask)
        return [
            ResolveResult(
                hostname=host,
                host=_text_of(address),
                port=address[1],
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _text_of(address: Any) -> str:
    zone = f"%{address[3]}" if len(address) > 3 and address[3] else ""
    return f"{address[0]}{zone}"


def guarded_socket(info: Any) -> socket.socket:
    """A socket for an address (as `getaddrinfo` gives it) that a connection is about to be made to.

    Raises ForbiddenAddress for one that is not public.
    """
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise ForbiddenAddress("the address is not a public one")
    return socket.socket(family=family, type=kind, proto=protocol)


class Postbox:
    """Delivers webhooks to one app. Follows no redirect, keeps no cookie, and asks no proxy of the environment."""

    def __init__(
        self,
        subscriber: Callable[[], Subscriber],
        timeout_s: float,
        *,
        allow_private: bool,
        stamp: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """`subscriber`: the app, with the address and the secret that it has now. `stamp`: what is done to a body
        before each try."""
        self._stamp = stamp
        self._subscriber = subscriber
        self._timeout_s = timeout_s
        self._guard: Callable[[Any], socket.socket] | None = None if allow_private else guarded_socket
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0, ttl_dns_cache=30, keepalive_timeout=4, resolver=_Resolver(), socket_factory=self._guard
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"User-Agent": "tidegate"},
            )
        return self._session

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Posted:
        """POST a body, signed. Never raises for what the other side may do; an error names no part of what was sent."""
        subscriber = self._subscriber()
        if self._stamp is not None:
            body = self._stamp(body)
        told = {
            **headers,
            "Content-Type": "application/json",
            SIGNATURE: "sha256=" + hmac.digest(subscriber.secret, body, "sha256").hex(),
        }
        try:
            url = URL(subscriber.url, encoded=True)
            async with self._open().post(url, data=body, headers=told, allow_redirects=False) as answer:
                status, asked_ms = answer.status, _retry_after_ms(answer.headers.get("Retry-After"))
                # Read, a short answer leaves the connection good for the next one; it says nothing that counts.
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    await answer.content.read(_MOST_READ)
        except TimeoutError:
            return Posted("no answer in time")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Posted(_cause(error))
        if status in _ANSWERED:
            return Posted(None)
        return Posted(f"HTTP {status}", asked_ms, is_refusal=status not in _NOT_THERE)

    async def close(self) -> None:
        """Close the connections; POSTs under way are cut."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def stamped(now_ms: Callable[[], int], body: bytes) -> bytes:
    """A JSON object with the time of this try as `sent_at`: what is signed, and heard long after that, is a repeat."""
    return orjson.dumps({**orjson.loads(body), "sent_at": write_time(now_ms())})


def _cause(error: Exception) -> str:
    told: BaseException | None = error
    while told is not None:
        if isinstance(told, ForbiddenAddress):
            return "its address is not a public one (relay.allow_private)"
        told = told.__cause__ or told.__context__
    return type(error).__name__


def _retry_after_ms(value: str | None) -> int | None:
    if value is None or not value.isascii() or not value.isdecimal() or len(value) > 9:
        return None
    return min(int(value), _MOST_ASKED_S) * 1_000
