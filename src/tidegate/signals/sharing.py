"""What many deliveries bring in one moment, handled together: a trip to the store costs more than what it asks for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.tasks import spawn

Item = TypeVar("Item")

#: Items handled at once, some 3 ms of work for node and for store; and of one delivery, where others wait too.
TOGETHER: Final = 64
OF_EACH: Final = 16
#: So far apart two rounds begin, unless so many items wait: what comes meanwhile shares the second.
ROUND_S: Final = 0.01
ENOUGH: Final = 32
#: Rounds under way at once: the node reads the next while the store is at one.
AT_ONCE: Final = 2

#: Told whether less may be sent than before, and of the fault that kept it from being handled.
Told = Callable[[bool, Exception | None], None]


class _Delivery(Generic[Item]):
    __slots__ = ("at", "items", "left", "tightened", "told")

    def __init__(self, items: Sequence[Item], told: Told) -> None:
        self.items = items
        self.told: Told | None = told
        self.at = 0
        self.left = len(items)
        self.tightened = False

    def end(self, fault: Exception | None) -> None:
        """Tell of it, unless that was done: of one that is in two rounds both may fail."""
        told, self.told = self.told, None
        if told is None:
            return
        try:
            told(self.tightened, fault)
        except Exception as bug:
            # The others of its round are told all the same.
            context = {"message": "a webhook could not be answered", "exception": bug}
            asyncio.get_running_loop().call_exception_handler(context)


#: A round: of each delivery, from where to where.
_Turn = list[tuple[_Delivery[Item], int, int]]


class Sharing(Generic[Item]):
    """Hands items of all deliveries to `handle`, two calls at a time, begun in the order of the items of each delivery.

    Of a large delivery a part goes in each round, so that a small one waits for no more than a round or two. A round
    that the store did not answer fails all who wait: one after another they would wait for longer than Meta does.
    """

    __slots__ = ("_began_s", "_count", "_handle", "_is_due", "_is_running", "_under_way", "_waiting")

    def __init__(self, handle: Callable[[list[Item]], Awaitable[list[bool]]]) -> None:
        """`handle` answers for each whether less may be sent than before; it raises StoreUnavailable, and no other."""
        self._handle = handle
        self._waiting: deque[_Delivery[Item]] = deque()
        self._count = 0
        self._is_running = False
        self._under_way = 0
        #: Set when a round may be worth its while; None: nobody waits for that.
        self._is_due: asyncio.Future[None] | None = None
        self._began_s = 0.0

    def put(self, items: Sequence[Item]) -> asyncio.Future[bool]:
        """Have all of it handled; the future tells whether less may be sent than before, or StoreUnavailable."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.hand(items, partial(_end, future))
        return future

    def hand(self, items: Sequence[Item], told: Told) -> None:
        """The same, told by a call once this has returned."""
        self._waiting.append(_Delivery(items, told))
        self._count += len(items)
        if not self._is_running:
            self._is_running = True
            spawn(self._run(), "webhooks")
        elif self._count >= ENOUGH:
            self._begin()

    def _begin(self) -> None:
        if self._is_due is not None and not self._is_due.done():
            self._is_due.set_result(None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                wait_s = self._began_s + ROUND_S - loop.time()
                if self._under_way >= AT_ONCE:
                    await self._due()
                elif wait_s > 0 and self._count < ENOUGH:
                    timer = loop.call_later(wait_s, self._begin)
                    await self._due()
                    timer.cancel()
                else:
                    self._began_s = loop.time()
                    self._under_way += 1
                    spawn(self._round(self._turn()), "webhooks")
        finally:
            self._is_running = False
            # Nobody is left here unless this task was ended from outside.
            self._fail(RuntimeError("webhooks were given up"))

    async def _due(self) -> None:
        self._is_due = asyncio.get_running_loop().create_future()
        await self._is_due

    async def _round(self, turn: _Turn[Item]) -> None:
        try:
            told = await self._handle([item for delivery, first, last in turn for item in delivery.items[first:last]])
        except StoreUnavailable as fault:
            for delivery, _, _ in turn:
                delivery.end(fault)
            return self._fail(StoreNotAsked("the store is unavailable: it failed who came before"))
        except BaseException:
            for delivery, _, _ in turn:
                delivery.end(RuntimeError("webhooks were given up"))
            raise
        finally:
            self._under_way -= 1
            self._begin()
        start, tightens = 0, True in told
        for delivery, first, last in turn:
            end = start + last - first
            if tightens:
                delivery.tightened |= True in told[start:end]
            delivery.left -= last - first
            start = end
            if not delivery.left:
                delivery.end(None)

    def _turn(self) -> _Turn[Item]:
        """What is handled next. Who has more goes to the end of the line."""
        turn: _Turn[Item] = []
        room = TOGETHER
        waiting = self._waiting
        for _ in range(len(waiting)):
            delivery = waiting.popleft()
            first = delivery.at
            most = room if not waiting and not turn else min(room, OF_EACH)
            last = delivery.at = min(first + most, len(delivery.items))
            turn.append((delivery, first, last))
            if last < len(delivery.items):
                waiting.append(delivery)
            room -= last - first
            self._count -= last - first
            if room <= 0:
                break
        return turn

    def _fail(self, fault: Exception) -> None:
        self._count = 0
        while self._waiting:
            self._waiting.popleft().end(fault)


def _end(future: asyncio.Future[bool], tightened: bool, fault: Exception | None) -> None:
    if future.done():
        return
    if fault is None:
        future.set_result(tightened)
    else:
        future.set_exception(fault)
