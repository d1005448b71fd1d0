"""A store and a loop for machines that are driven step by step, outside of any test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar

from fakeredis import FakeAsyncRedis, FakeServer
from hypothesis import settings
from redis.asyncio import Redis

from tests.factories import PORTFOLIO
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

Given = TypeVar("Given")
KEYS = PortfolioKeys(PORTFOLIO)


def examples(number: int) -> int:
    """How many stories a machine is told: this many on every run, many more where they are new each time."""
    return number if settings.get_current_profile_name() == "suite" else 20 * number


class Bench:
    """One store, whose clock stands where it is put."""

    def __init__(self, runner: asyncio.Runner, client: StoreClient) -> None:
        self._runner = runner
        self.client = client

    def examples(self, number: int) -> int:
        """How many stories a machine is told here: fakeredis, which is slow and nobody's store, is told a quarter."""
        return examples(number) // (4 if isinstance(self.client, FakeAsyncRedis) else 1)

    def run(self, work: Coroutine[Any, Any, Given]) -> Given:
        return self._runner.run(work)

    async def begin(self, now_ms: int) -> None:
        """Forget everything; it is `now_ms`."""
        await self.client.flushall()
        await self.set_clock(now_ms)

    async def set_clock(self, now_ms: int) -> None:
        await self.client.set(KEYS.clock, f"@{now_ms}")


@contextmanager
def bench_at(store_socket: str | None) -> Iterator[Bench]:
    """A bench on the server of this socket; None: on fakeredis."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        client = runner.run(_client(stack, store_socket))
        try:
            yield Bench(runner, client)
        finally:
            runner.run(stack.aclose())


async def _client(stack: AsyncExitStack, store_socket: str | None) -> StoreClient:
    if store_socket is None:
        return await stack.enter_async_context(FakeAsyncRedis(server=FakeServer()))
    # Patient, unlike the product's clients: a machine that is busy elsewhere is no finding.
    return await stack.enter_async_context(Redis(unix_socket_path=store_socket, socket_timeout=30, retry=None))
