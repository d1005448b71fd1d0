"""Everything of Graph's that is no send: streamed both ways as it is, but for the token and who may reach what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

import aiohttp
import orjson
from aiohttp import web

from tidegate.cloudapi.messages import BadMessage
from tidegate.edge.bodies import form_text, is_form, is_json, read_body
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.grants import Grants
from tidegate.edge.graph_paths import Target, credential, scrubbed
from tidegate.edge.keyring import Keyring, bearer, require
from tidegate.edge.links import Links
from tidegate.gateway import Route
from tidegate.settings.tables import App, Scope
from tidegate.upstream import Upstream

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_JSON_MOST: Final = 1024 * 1024
_ANSWER_MOST: Final = 8 * 1024 * 1024
_IDLE_S: Final = 30.0

_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Ours, the way here, or what would make Graph do something else than the method says. Not Accept-Encoding of the
# caller's either: what Graph answers has to be looked at for links and tokens.
_KEPT_HERE: Final = _HOP_BY_HOP | {
    "accept-encoding",
    "authorization",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "via",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
}
_KEPT_HERE_PREFIXES: Final = ("tidegate-", "x-forwarded-")
_ANSWER_KEPT_HERE: Final = _HOP_BY_HOP | {"content-encoding", "server", "set-cookie", "date"}


class _Stalled(Exception):
    """The caller stopped sending in the middle of its body."""


class Passthrough:
    """Hands requests to the upstream host and answers back, and nothing to any other host."""

    def __init__(self, upstream: Upstream, keyring: Keyring, grants: Grants) -> None:
        self._upstream = upstream
        self._keyring = keyring
        self._grants = grants

    async def forward(self, request: web.Request, target: Target, headers: Mapping[str, str]) -> web.StreamResponse:
        """Answer one request; `headers` go with the answer. Raises Denial."""
        query_key = credential(target.query)
        key = bearer(request.headers.getall("Authorization", [])) or query_key
        raw: bytes | None = None
        if key is None and "Authorization" not in request.headers and is_form(request):
            raw = await read_body(request)
            key = credential(raw.decode("ascii", "replace"))
        app = await self._keyring.app(request, key)
        require(app, Scope.SEND)
        token = self._token(app, request, target)
        query = scrubbed(target.query)
        body = await self._body(request, raw)
        links = Links(self._upstream.base_url, _origin(request), token, key if query_key else None)
        raw_path = f"{target.path}?{query}" if query else target.path
        return await self._exchange(request, raw_path, token, body, links, headers)

    async def forward_receipt(
        self, request: web.Request, target: Target, route: Route, body: bytes
    ) -> web.StreamResponse:
        """Pass on a read receipt, which is no send. Raises Denial."""
        token = self._upstream.tokens[route.number]
        links = Links(self._upstream.base_url, _origin(request), token, None)
        return await self._exchange(request, target.path, token, body, links, {}, "application/json")

    def _token(self, app: App, request: web.Request, target: Target) -> str:
        token = self._grants.token(app, target.object_id)
        if token is None or not target.allows(request.method):
            raise Denial(Kind.NOT_FOUND)
        return token

    async def _body(self, request: web.Request, raw: bytes | None) -> bytes | AsyncIterator[bytes] | None:
        """The body: what can name another method or other calls is read first, all else is streamed."""
        if raw is None and not request.can_read_body:
            return None
        if is_form(request):
            raw = await read_body(request) if raw is None else raw
            try:
                return scrubbed(form_text(raw)).encode()
            except BadMessage as error:
                raise Denial(Kind.BAD_REQUEST, error.details) from None
        if is_json(request) and "Content-Encoding" not in request.headers:
            raw = await read_body(request, _JSON_MOST)
            _refuse_disguise(raw)
            return raw
        return _chunks(request)

    async def _exchange(
        self,
        request: web.Request,
        raw_path: str,
        token: str,
        body: bytes | AsyncIterator[bytes] | None,
        links: Links,
        headers: Mapping[str, str],
        content_type: str | None = None,
    ) -> web.StreamResponse:
        sent = _request_headers(request, token, streamed=not isinstance(body, bytes))
        if content_type:
            sent["Content-Type"] = content_type
        try:
            async with self._upstream.session.request(
                request.method,
                self._upstream.url(raw_path),
                data=body,
                headers=sent,
                skip_auto_headers=("Accept", "Content-Type", "User-Agent"),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._upstream.timeout_s, sock_read=_IDLE_S),
            ) as answer:
                return await _give_back(request, answer, links, headers)
        except _Stalled:
            raise Denial(Kind.REQUEST_TIMEOUT, "the body stopped arriving", headers={"Connection": "close"}) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Denial(Kind.UPSTREAM_UNAVAILABLE, f"the Cloud API did not answer ({type(error).__name__})") from None


async def _give_back(
    request: web.Request, answer: aiohttp.ClientResponse, links: Links, ours: Mapping[str, str]
) -> web.StreamResponse:
    headers = [
        (name, value)
        for name, value in answer.headers.items()
        if name.lower() not in _ANSWER_KEPT_HERE and not links.holds_token(value)
    ]
    encoded = "Content-Encoding" in answer.headers
    if request.method != "HEAD" and answer.headers.get("Content-Type", "").partition(";")[0] in links.READABLE:
        body = await _whole(answer)
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        response = web.Response(status=answer.status, body=links.rewritten(body))
        response.headers.pop("Content-Type", None)
        response.headers.extend([*kept, *ours.items()])
        return response
    stream = web.StreamResponse(status=answer.status)
    stream.headers.extend([pair for pair in headers if not (encoded and pair[0].lower() == "content-length")])
    stream.headers.extend(ours)
    await stream.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await stream.write(chunk)
    except (aiohttp.ClientError, TimeoutError):
        # Half an answer is on its way: only a broken connection says that the rest is missing.
        if request.transport is not None:
            request.transport.abort()
        return stream
    await stream.write_eof()
    return stream


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > _ANSWER_MOST:
            raise Denial(Kind.UPSTREAM_UNAVAILABLE, "the Cloud API's answer is too long to be looked through")
        chunks.append(chunk)
    return b"".join(chunks)


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(_IDLE_S):
                chunk = await request.content.readany()
        except TimeoutError:
            raise _Stalled from None
        if not chunk:
            return
        yield chunk


def _request_headers(request: web.Request, token: str, *, streamed: bool) -> dict[str, str]:
    named = {name.strip().lower() for name in request.headers.get("Connection", "").split(",")}
    kept = {
        name: value
        for name, value in request.headers.items()
        if (lowered := name.lower()) not in _KEPT_HERE
        and lowered not in named
        and not lowered.startswith(_KEPT_HERE_PREFIXES)
        # A body that was read may have become shorter; one that is streamed keeps the length it announced.
        and (streamed or lowered != "content-length")
    }
    return kept | {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}


def _refuse_disguise(raw: bytes) -> None:
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Denial(Kind.BAD_REQUEST, "the body says that it is JSON, and is not") from None
    if isinstance(document, dict):
        scrubbed("&".join(key for key in document if key.isascii() and "&" not in key))


def _origin(request: web.Request) -> str:
    # Only the caller's own answer is written with it, so what it says of itself may be believed.
    secure = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    return f"{'https' if secure else request.scheme}://{request.host}"
