"""One request handed on and its answer handed back, streamed both ways, with an end for whatever does not move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph.way_headers import for_caller, takes_gzip
from tidegate.upstream import Upstream

#: An answer that has to be looked through is read whole; no list of Graph's comes near this.
_ANSWER_MOST: Final = 8 * 1024 * 1024
#: A body that is read whole is worth packing from here on, and packed beside the loop from there on.
_PACKED_FROM: Final = 2048
_PACKED_ASIDE_FROM: Final = 16_384
#: What is read whole is looked through beside the loop from here on.
_ASIDE_FROM: Final = 131_072
#: Callers are servers: one that sends less than this, averaged over the time that it was waited for, holds on to a
#: connection rather than sends a file.
_SLOWEST_BYTES_A_SECOND: Final = 1024
_CLOSE: Final = {"Connection": "close"}

#: Looks at each part of a streamed body before it leaves. Raises Denial.
Look = Callable[[bytes], None]
#: What becomes of an answer's body that is read whole.
Rewriter = Callable[[bytes], bytes]


class Exchange:
    """One exchange, made and run once. `stall_s`: how long nothing may move before it ends."""

    def __init__(self, request: web.Request, upstream: Upstream, ours: Mapping[str, str], stall_s: float) -> None:
        """`ours`: headers of the gateway's own that go with the answer."""
        self._request = request
        self._upstream = upstream
        self._ours = ours
        self._stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._limit = asyncio.timeout(None)
        self._is_over = False
        self._stream: web.StreamResponse | None = None
        self._fault: Denial | None = None
        self._caller_is_awaited = False

    async def run(
        self,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes | AsyncIterator[bytes] | None,
        rewriter: Callable[[aiohttp.ClientResponse], Rewriter | None],
        is_secret: Callable[[str], bool],
    ) -> web.StreamResponse:
        """The answer; one that broke off when its head had gone out is cut off here too. Raises Denial.

        `rewriter` says what becomes of an answer's body; a header whose value `is_secret` stays here.
        """
        self._limit = asyncio.timeout(self._stall_s)
        try:
            async with (
                self._limit,
                self._upstream.session.request(
                    self._request.method,
                    url,
                    data=body,
                    headers=headers,
                    skip_auto_headers=("Accept", "Content-Type", "User-Agent"),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._upstream.timeout_s),
                ) as answer,
            ):
                kept = [pair for pair in for_caller(answer.headers) if not is_secret(pair[1])]
                return await self._give_back(answer, kept, rewriter(answer))
        except (aiohttp.ClientError, TimeoutError) as error:
            if self._stream is not None:
                # Half an answer is on its way: only a broken connection says that the rest is missing.
                if self._request.transport is not None:
                    self._request.transport.abort()
                return self._stream
            if self._fault is not None:
                raise self._fault from None
            if self._caller_is_awaited and isinstance(error, TimeoutError):
                raise Denial(Kind.REQUEST_TIMEOUT, "the body stopped arriving", headers=_CLOSE) from None
            raise Denial(Kind.UPSTREAM_UNAVAILABLE, f"the Cloud API did not answer ({type(error).__name__})") from None
        finally:
            # Whoever still writes the body on moves nothing any more.
            self._is_over = True

    async def streamed(self, look: Look | None = None) -> AsyncIterator[bytes]:
        """The request's body, as it arrives."""
        waited_s, size = 0.0, 0
        while True:
            began_s = self._loop.time()
            chunk = await self._next_chunk()
            if not chunk:
                return
            waited_s += self._loop.time() - began_s
            size += len(chunk)
            if waited_s > self._stall_s and size < waited_s * _SLOWEST_BYTES_A_SECOND:
                raise self._refused(Denial(Kind.REQUEST_TIMEOUT, "the body arrives too slowly", headers=_CLOSE))
            if look is not None:
                try:
                    look(chunk)
                except Denial as denial:
                    raise self._refused(denial) from None
            yield chunk

    async def _next_chunk(self) -> bytes:
        self._caller_is_awaited = True
        try:
            chunk = await self._request.content.readany()
        except (aiohttp.ClientError, HttpProcessingError, web.RequestPayloadError) as error:
            raise self._refused(Denial(Kind.BAD_REQUEST, "the body is not well-formed HTTP", headers=_CLOSE)) from error
        self._caller_is_awaited = False
        self._moved()
        return chunk

    def _refused(self, denial: Denial) -> Denial:
        # Whoever writes the body on tells the client of a broken connection only.
        self._fault = denial
        return denial

    def _moved(self) -> None:
        if not self._is_over and not self._limit.expired():
            self._limit.reschedule(self._loop.time() + self._stall_s)

    async def _give_back(
        self, answer: aiohttp.ClientResponse, headers: list[tuple[str, str]], rewrite: Rewriter | None
    ) -> web.StreamResponse:
        self._moved()
        if self._request.method != "HEAD" and rewrite is not None:
            body = await self._read(answer)
            # A list of thousands takes longer than others should wait for.
            body = rewrite(body) if len(body) < _ASIDE_FROM else await asyncio.to_thread(rewrite, body)
            return self._whole(answer, headers, body)
        stream = web.StreamResponse(status=answer.status)
        stream.headers.extend(headers)
        stream.headers.extend(self._ours)
        await stream.prepare(self._request)
        self._stream = stream
        async for chunk in answer.content.iter_any():
            self._moved()
            await stream.write(chunk)
            self._moved()
        await stream.write_eof()
        return stream

    def _whole(self, answer: aiohttp.ClientResponse, headers: list[tuple[str, str]], body: bytes) -> web.Response:
        response = web.Response(status=answer.status, body=body, zlib_executor_size=_PACKED_ASIDE_FROM)
        response.headers.pop("Content-Type", None)
        response.headers.extend([pair for pair in headers if pair[0].lower() != "content-length"])
        response.headers.extend(self._ours)
        if len(body) >= _PACKED_FROM and takes_gzip(self._request.headers):
            response.headers.add("Vary", "Accept-Encoding")
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in answer.content.iter_any():
            self._moved()
            size += len(chunk)
            if size > _ANSWER_MOST:
                raise Denial(Kind.UPSTREAM_UNAVAILABLE, "the Cloud API's answer is too long to be looked through")
            chunks.append(chunk)
        return b"".join(chunks)
