"""`/campaigns/{id}/audience` and what is told of each line and each recipient of it, written as it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import orjson
from aiohttp import web

from tidegate.edge.calls import Call
from tidegate.edge.control.audiences import take_body, told_upload
from tidegate.edge.control.campaigns import find_campaign, require_draft
from tidegate.edge.door.doorway import ID_KEY, REQUEST_ID
from tidegate.edge.replies import Reply, json_reply
from tidegate.errors import StoreUnavailable

#: So long a reader may take for what it was given, before more of it is read.
_STALL_S: Final = 30.0
_NDJSON: Final = "application/x-ndjson"


async def upload_audience(call: Call) -> Reply:
    """Take an audience, in the place of the one before."""
    record = await find_campaign(call, steers=True)
    require_draft(record)
    return json_reply(told_upload(*await take_body(call, record)))


async def read_rejected(call: Call) -> web.StreamResponse:
    """Every line that was rejected, with why, as NDJSON."""
    record = await find_campaign(call)

    async def lines() -> AsyncIterator[bytes]:
        async for some in call.services.audiences.rejected(record):
            yield b"".join(orjson.dumps({"line": one.line, "why": one.why}) + b"\n" for one in some)

    return await written(call, _NDJSON, lines())


async def written(call: Call, content_type: str, parts: AsyncIterator[bytes]) -> web.StreamResponse:
    """An answer that is written while it is made. When it can't go on it is cut off: half of it is no whole one.

    Raises what its first part raises, before anything is written, and Denial where the node writes many already.
    """
    with call.services.downloads:
        return await _written(call, content_type, parts)


async def _written(call: Call, content_type: str, parts: AsyncIterator[bytes]) -> web.StreamResponse:
    first = await anext(parts, b"")
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
    response.headers[REQUEST_ID], response.headers["Server"] = call.request[ID_KEY], "tidegate"
    await response.prepare(call.request)
    try:
        if first:
            await _write(response, first)
        async for part in parts:
            await _write(response, part)
        await response.write_eof()
    except (StoreUnavailable, TimeoutError):
        if call.request.transport is not None:
            call.request.transport.abort()
    return response


async def _write(response: web.StreamResponse, part: bytes) -> None:
    async with asyncio.timeout(_STALL_S):
        await response.write(part)
