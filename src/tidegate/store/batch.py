"""Many callers, one trip: what arrives while a call is under way goes together in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Generic, TypeVar
from weakref import WeakSet

from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.store.trip import Trip
from tidegate.tasks import spawn

Item = TypeVar("Item")
Answer = TypeVar("Answer")

Run = Callable[[list[Item]], Awaitable[list[Answer]]] | Trip[Item, Answer]
Ended = Callable[[Item, Answer | None, Exception | None], None]
"""Called with an item, and with its answer or the fault."""
Asker = tuple[Item, asyncio.Future[Answer] | Ended[Item, Answer]]

_batches: Final[WeakSet[Batch[Any, Any]]] = WeakSet()


class Batch(Generic[Item, Answer]):
    """Collects items of the same loop tick and hands them to `run` in one call, at most one call at a time.

    A trip to the store costs more than the work that it asks for, so callers share it. A call that the store did not
    answer fails all that were in it, and all that came meanwhile; one that failed by an item is made again in halves,
    until only that item is in it: `run` has to bear being repeated. A caller that is cancelled loses its answer, never
    the work of the others.

    A `Trip` is begun, and its answers are told, without a task: that one is there for what goes wrong.
    """

    __slots__ = ("__weakref__", "_busy", "_linger_s", "_loop", "_most", "_run", "_trip", "_under_way", "_waiting")

    def __init__(self, run: Run[Item, Answer], most: int = 128, linger_s: float = 0.0) -> None:
        """`linger_s`: so long the first item of a call waits for others."""
        self._linger_s = linger_s
        self._run = run
        self._trip: Trip[Item, Answer] | None = run if isinstance(run, Trip) else None
        self._most = most
        self._waiting: list[Asker[Item, Answer]] = []
        #: What is in the call that was begun without a task.
        self._under_way: list[Asker[Item, Answer]] = []
        self._busy = False
        #: Where it was busy last.
        self._loop: asyncio.AbstractEventLoop | None = None
        _batches.add(self)

    def put(self, item: Item) -> asyncio.Future[Answer]:
        """The answer to `item`, once it is there, or what `run` raised for the call that it was part of."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((item, future))
        if not self._busy:
            self._busy = True
            self._start_soon(loop)
        return future

    def tell(self, item: Item, ended: Ended[Item, Answer]) -> None:
        """Have `ended` called with the answer to `item`, or the fault; it must not raise."""
        self._waiting.append((item, ended))
        if not self._busy:
            self._busy = True
            self._start_soon(asyncio.get_running_loop())

    async def __call__(self, item: Item) -> Answer:
        """Give the answer to `item`, as `put` does."""
        return await self.put(item)

    def _start_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        if self._linger_s:
            loop.call_later(self._linger_s, self._start)
        else:
            loop.call_soon(self._start)

    def _go_on(self) -> None:
        """To whoever came meanwhile."""
        if not self._waiting:
            self._busy = False
        elif self._linger_s and len(self._waiting) < self._most:
            self._start_soon(asyncio.get_running_loop())
        else:
            self._start()

    def _start(self) -> None:
        waiting, most = self._waiting, self._most
        self._under_way = waiting if len(waiting) <= most else waiting[:most]
        self._waiting = [] if len(waiting) <= most else waiting[most:]
        try:
            if self._trip is not None and self._trip.begin([item for item, _ in self._under_way], self._came):
                return
        except Exception:
            # An item that can't be asked for: the other way finds out which.
            return self._carry_on(self._carry(self._run))
        self._carry_on(self._carry(self._run))

    def _came(self, answer: Any) -> None:
        """The answer to the call that was begun, or its fault."""
        trip = self._trip
        assert trip is not None
        if isinstance(answer, StoreUnavailable):
            fault = answer
            return self._carry_on(self._carry(lambda items: trip(items, fault)))
        answers: Any = answer
        if not isinstance(answer, Exception):
            try:
                answers = trip.read([item for item, _ in self._under_way], answer)
            except Exception as fault:
                answers = fault
        if isinstance(answers, Awaitable):
            return self._carry_on(self._carry(lambda items: answers))
        if isinstance(answers, Exception) or len(answers) != len(self._under_way):
            # By halves, until it is known whose fault it is.
            return self._carry_on(self._carry(self._run))
        batch, self._under_way = self._under_way, []
        _answer(batch, answers)
        self._go_on()

    def _carry_on(self, work: Coroutine[Any, Any, None]) -> None:
        spawn(work, "store batch")

    async def _carry(self, run: Callable[[list[Item]], Awaitable[list[Answer]]]) -> None:
        try:
            await self._carried(self._under_way, run)
        except BaseException:
            self._busy = False
            # Nobody is left here unless this task was ended from outside.
            left, self._waiting = self._waiting, []
            _fail(left, RuntimeError("batch was ended"))
            raise
        self._under_way = []
        self._go_on()

    async def _carried(
        self,
        batch: list[Asker[Item, Answer]],
        run: Callable[[list[Item]], Awaitable[list[Answer]]],
    ) -> None:
        try:
            answers = await run([item for item, _ in batch])
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
            await self._carried(batch[:middle], self._run)
            return await self._carried(batch[middle:], self._run)
        except BaseException:
            # Whatever ends this task, a caller left waiting for ever would be worse.
            _fail(batch, RuntimeError("batch was ended"))
            raise
        _answer(batch, answers)

    @property
    def is_busy(self) -> bool:
        """Whether a call is under way, or about to be."""
        return self._busy

    def is_of(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether that is so in this loop: one that was ended in the middle of it stays busy for ever."""
        return self._loop is loop


def is_any_busy() -> bool:
    """Whether a call of any batch of the loop that runs is under way, or about to be."""
    loop = asyncio.get_running_loop()
    return any(batch.is_busy and batch.is_of(loop) for batch in _batches)


def _answer(batch: list[Asker[Item, Answer]], answers: list[Answer]) -> None:
    for (item, told), answer in zip(batch, answers, strict=True):
        if isinstance(told, asyncio.Future):
            if not told.done():
                told.set_result(answer)
        else:
            told(item, answer, None)


def _fail(batch: list[Asker[Any, Any]], error: Exception) -> None:
    for item, told in batch:
        if not isinstance(told, asyncio.Future):
            told(item, None, error)
        elif not told.done():
            told.set_exception(error)


class Shards(Generic[Item, Answer]):
    """Batches of one kind of call: one for all portfolios, or one a portfolio where a call may touch only one slot."""

    __slots__ = ("_batches", "_linger_s", "_one_slot", "_run")

    def __init__(self, run: Run[Item, Answer], one_slot: bool, linger_s: float = 0.0) -> None:
        """`linger_s`: so long the first item of a call waits for others."""
        self._linger_s = linger_s
        self._run = run
        self._one_slot = one_slot
        self._batches: dict[str, Batch[Item, Answer]] = {}

    def put(self, portfolio: str, item: Item) -> asyncio.Future[Answer]:
        """The answer to `item`, as `Batch.put` gives it."""
        return self._of(portfolio).put(item)

    def tell(self, portfolio: str, item: Item, ended: Ended[Item, Answer]) -> None:
        """Have `ended` called, as `Batch.tell` does."""
        self._of(portfolio).tell(item, ended)

    async def __call__(self, portfolio: str, item: Item) -> Answer:
        """Give the answer to `item`, as `put` does."""
        return await self.put(portfolio, item)

    def _of(self, portfolio: str) -> Batch[Item, Answer]:
        shard = portfolio if self._one_slot else ""
        batch = self._batches.get(shard)
        if batch is None:
            batch = self._batches[shard] = Batch(self._run, linger_s=self._linger_s)
        return batch
