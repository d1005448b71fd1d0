"""Many callers, one trip: what arrives while a call is under way goes together in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.tasks import spawn

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batch(Generic[Item, Answer]):
    """Collects items of the same loop tick and hands them to `run` in one call, at most one call at a time.

    A trip to the store costs more than the work that it asks for, so callers share it. A call that the store did not
    answer fails all that were in it, and all that came meanwhile; one that failed by an item is made again in halves,
    until only that item is in it: `run` has to bear being repeated. A caller that is cancelled loses its answer, never
    the work of the others.
    """

    __slots__ = ("_busy", "_linger_s", "_most", "_run", "_waiting")

    def __init__(
        self, run: Callable[[list[Item]], Awaitable[list[Answer]]], most: int = 128, linger_s: float = 0.0
    ) -> None:
        """`linger_s`: so long the first item waits for others."""
        self._linger_s = linger_s
        self._run = run
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._busy = False

    def put(self, item: Item) -> asyncio.Future[Answer]:
        """The answer to `item`, once it is there, or what `run` raised for the call that it was part of."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((item, future))
        if not self._busy:
            self._busy = True
            if self._linger_s:
                loop.call_later(self._linger_s, self._start)
            else:
                loop.call_soon(self._start)
        return future

    async def __call__(self, item: Item) -> Answer:
        """Give the answer to `item`, as `put` does."""
        return await self.put(item)

    def _start(self) -> None:
        spawn(self._drain(), "store batch")

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._carry(batch)
        finally:
            self._busy = False
            # Nobody is left here unless this task was ended from outside.
            left, self._waiting = self._waiting, []
            _fail(left, RuntimeError("batch was ended"))

    async def _carry(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._run([item for item, _ in batch])
            if len(answers) != len(batch):
                raise ValueError(f"{len(answers)} answers to {len(batch)} items")
        except StoreUnavailable as error:
            # Who came meanwhile has waited as long: the next call would say the same, later than anybody may wait.
            late, self._waiting = self._waiting, []
            _fail(batch, error)
            return _fail(late, StoreNotAsked("the store is unavailable: it was not asked again"))
        except Exception as error:
            if len(batch) == 1:
                return _fail(batch, error)
            middle = len(batch) // 2
            await self._carry(batch[:middle])
            return await self._carry(batch[middle:])
        except BaseException:
            # Whatever ends this task, a caller left waiting for ever would be worse.
            _fail(batch, RuntimeError("batch was ended"))
            raise
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _fail(batch: list[tuple[Any, asyncio.Future[Any]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


class Shards(Generic[Item, Answer]):
    """Batches of one kind of call: one for all portfolios, or one a portfolio where a call may touch only one slot."""

    __slots__ = ("_batches", "_linger_s", "_one_slot", "_run")

    def __init__(
        self, run: Callable[[list[Item]], Awaitable[list[Answer]]], one_slot: bool, linger_s: float = 0.0
    ) -> None:
        """`linger_s`: so long the first item of a batch waits for others."""
        self._linger_s = linger_s
        self._run = run
        self._one_slot = one_slot
        self._batches: dict[str, Batch[Item, Answer]] = {}

    def put(self, portfolio: str, item: Item) -> asyncio.Future[Answer]:
        """The answer to `item`, as `Batch.put` gives it."""
        shard = portfolio if self._one_slot else ""
        batch = self._batches.get(shard)
        if batch is None:
            batch = self._batches[shard] = Batch(self._run, linger_s=self._linger_s)
        return batch.put(item)

    async def __call__(self, portfolio: str, item: Item) -> Answer:
        """Give the answer to `item`, as `put` does."""
        return await self.put(portfolio, item)
