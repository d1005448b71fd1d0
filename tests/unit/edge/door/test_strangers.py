"""Bodies of callers who have shown no key yet: so many at once, and the one waited for longest makes room."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest
from aiohttp import StreamReader, web
from aiohttp.test_utils import make_mocked_request

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.strangers import Strangers
from tidegate.metrics import Metrics
from tidegate.tasks import spawn


def a_request() -> tuple[web.Request, StreamReader]:
    """A request, and where its body arrives."""
    body = StreamReader(Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop())
    return make_mocked_request("POST", "/", payload=body), body


def whole(body: StreamReader, content: bytes) -> None:
    body.feed_data(content)
    body.feed_eof()


async def test_the_one_waited_for_longest_makes_room_for_the_next_and_no_other_does() -> None:
    metrics = Metrics()
    strangers = Strangers(metrics, most=2)
    requests = [a_request() for _ in range(3)]
    reads = []
    for request, _ in requests:
        reads.append(spawn(strangers.read(request), "read"))
        await asyncio.sleep(0)

    with pytest.raises(Denial) as refused:
        await reads[0]
    for _, body in requests[1:]:
        whole(body, b"a=1")

    assert [await read for read in reads[1:]] == [b"a=1", b"a=1"]
    assert refused.value.kind is Kind.OVERLOADED
    assert refused.value.headers == {"Retry-After": "1", "Connection": "close"}
    assert b'tidegate_turned_away_total{limit="bodies"} 1.0' in metrics.exposition()


async def test_who_is_done_leaves_room_however_it_ended() -> None:
    strangers = Strangers(Metrics(), most=1)
    for content in (b"a=1", b"x" * 300_000):
        request, body = a_request()
        whole(body, content)
        if len(content) < 10:
            assert await strangers.read(request) == content
        else:
            with pytest.raises(Denial) as refused:
                await strangers.read(request)
            assert refused.value.kind is Kind.CONTENT_TOO_LARGE
    waiting, body = a_request()
    last = spawn(strangers.read(waiting), "read")
    await asyncio.sleep(0)
    whole(body, b"b=2")

    assert await last == b"b=2"
