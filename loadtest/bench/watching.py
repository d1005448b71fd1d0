"""What the live feed costs a node in CPU.

`python -m loadtest.bench.watching` (ten seconds; `--per-second`, `--readers`). So many sends a second, each with three
statuses, are noted, told by way of a real Valkey, read, judged for each reader and written out, in this one process and
no faster than the feed would; only what the feed adds is counted, as CPU time of the process. What callers, the gateway
and the store take is no part of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from loadtest.deployment import NUMBER, PORTFOLIO, WABA
from tidegate.clock import StoreClock
from tidegate.cloudapi.messages import Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.control.events import sse
from tidegate.feed import Feed, FeedEvent
from tidegate.gateway import Forwarded, Message, Route
from tidegate.store.client import connect
from tidegate.store.embedded import socket_url
from tidegate.store.feeds import Feeds
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess
from tidegate.upstream import Response

SECONDS: Final = 20
_TURNS: Final = 4
_BODY: Final = {
    "messaging_product": "whatsapp",
    "to": "16505551234",
    "type": "template",
    "template": {"name": "offer", "language": {"code": "en_US"}},
}


@dataclass(frozen=True)
class Cost:
    """With so many readers: CPU of one second of the feed, in ms, and what was written to all of them, in KiB."""

    readers: int
    cpu_ms: float
    written_kib: float


async def cost(feed: Feed, clock: StoreClock, feeds: Feeds, readers: int, per_second: int) -> Cost:
    """What the feed takes for seconds of so many sends, with so many readers."""
    message = _message()
    answered = Forwarded(message.message_id, Response(200, b"", b"{}"), accepted=True)
    about, written = message.noted(), 0
    subscriptions = [feed.subscribe([PORTFOLIO], _everything, whose="bench") for _ in range(readers)]
    if readers:
        await feed._renew()
        await feed._join()
    began_s = time.process_time()
    for _ in range(SECONDS):
        for _ in range(_TURNS):
            for _ in range(per_second // _TURNS):
                feed.decided(message, answered)
                for state in ("sent", "delivered", "read"):
                    feed.became(PORTFOLIO, message.message_id, state, about)
            await feed._tell()
            await feed._read()
            for reader in subscriptions:
                assert reader is not None
                written += sum(len(sse(event)) for event in await reader.next(0))
        await feeds.watched(clock.now_ms())
    cpu_s = time.process_time() - began_s
    return Cost(readers, cpu_s / SECONDS * 1_000, written / SECONDS / 1_024)


def _everything(event: FeedEvent) -> bool:
    return True


def _message() -> Message:
    request = parse_send(orjson.dumps(_BODY))
    assert isinstance(request, Request)
    route = Route(PORTFOLIO, WABA.id, NUMBER.id)
    path = f"/v25.0/{NUMBER.id}/messages"
    return Message("tg-of-the-bench", "bench", route, request, path, 10**13, Category.MARKETING, hold=True)


async def measured(readers: Sequence[int], per_second: int) -> list[Cost]:
    """The cost of each number of readers."""
    with TemporaryDirectory(prefix="tidegate-bench-") as directory:
        place = Path(directory)
        process = ValkeyProcess.spawn(place, {"save": ""})
        await process.ready(str(place / SOCKET_NAME), timeout_s=10)
        try:
            async with await connect(socket_url(str(place / SOCKET_NAME))) as connection:
                clock, feeds = StoreClock(), Feeds(connection.client, [PORTFOLIO])
                clock.observe(int(time.time() * 1_000))
                # Each its own: whoever has been watched stays so for a while.
                return [
                    await cost(Feed(feeds, clock, [PORTFOLIO]), clock, feeds, count, per_second) for count in readers
                ]
        finally:
            await process.stop(5)


def shown(costs: Sequence[Cost], per_second: int) -> Table:
    """A row for each number of readers."""
    table = Table(f"readers, at {per_second} sends/s", "CPU a second", "of a core", "written a second")
    for one in costs:
        share = f"{one.cpu_ms / 10:.2f} %"
        table.add_row(str(one.readers), f"{one.cpu_ms:.1f} ms", share, f"{one.written_kib:.0f} KiB")
    return table


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.watching", description=__doc__)
    parser.add_argument("--per-second", type=int, default=500)
    parser.add_argument("--readers", type=int, nargs="+", default=[0, 1, 10, 32])
    chosen = parser.parse_args(arguments)
    costs = uvloop.run(measured(chosen.readers, chosen.per_second))
    Console().print(shown(costs, chosen.per_second))


if __name__ == "__main__":
    main(sys.argv[1:])
