"""What many deliveries bring in one moment, handled together: a trip to the store costs more than what it asks for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.tasks import spawn

Item = TypeVar("Item")

#: Items handled at once, some 3 ms of work for node and for store; and of one delivery, where others wait too.
TOGETHER: Final = 64
OF_EACH: Final = 16
#: So far apart two rounds begin, unless so many items wait: what comes meanwhile shares the second.
ROUND_S: Final = 0.01
ENOUGH: Final = 20
#: Rounds under way at once: the node reads the next while the store is at one.
AT_ONCE: Final = 2

Told = Callable[[Exception | None], None]
"""Told that a delivery was handled, or of the fault that kept it from that."""
Ended = Callable[[Sequence[bool | None] | Exception], None]
"""Told of each item of a round whether less may be sent than before, or of the fault that kept them from being handled.
"""


class _Delivery(Struct):
    """`items`: those that are in no round yet; `left`: how many are still to be handled."""

    items: Sequence[Any]
    told: Told
    left: int
    tightened: bool = False

    def end(self, fault: Exception | None) -> None:
        """Tell of it, once: of one that is in two rounds both may fail."""
        told, self.told = self.told, _nobody
        try:
            told(fault)
        except Exception as bug:
            _report(bug)


#: A round: of each delivery how many items.
_Turn = list[tuple[_Delivery, int]]


class Sharing(Generic[Item]):
    """Hands items of all deliveries to `handle`, two rounds at a time, begun in the order of the items of each.

    Of a large delivery a part goes in each round, so that a small one waits for no more than a round or two. A round
    that the store did not answer fails all who wait: one after another they would wait for longer than Meta does.
    """

    __slots__ = ("_began_s", "_count", "_handle", "_is_timed", "_settled", "_under_way", "_waiting")

    def __init__(self, handle: Callable[[list[Item], Ended], None], settled: Callable[[], Awaitable[object]]) -> None:
        """`handle` begins a round, and calls what it is given once that is over; nothing but a fault is told before it
        has returned. `settled` is awaited before a delivery is told of by which less may be sent than before.
        """
        self._handle = handle
        self._settled = settled
        self._waiting: deque[_Delivery] = deque()
        self._count = 0
        self._under_way = 0
        self._began_s = 0.0
        #: Whether somebody looks, once that is due, whether a round is to be begun.
        self._is_timed = False

    def put(self, items: Sequence[Item]) -> asyncio.Future[None]:
        """Have all of it handled, one item or more; the future ends once it is. It raises StoreUnavailable."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hand(items, partial(_end, future))
        return future

    def hand(self, items: Sequence[Item], told: Told) -> None:
        """The same, told by a call once this has returned."""
        count = len(items)
        self._waiting.append(_Delivery(items, told, count))
        self._count = count = self._count + count
        if count >= ENOUGH:
            self._go_on()
        elif not self._is_timed:
            # Whoever comes in the same moment shares the round.
            self._look_in(self._began_s + ROUND_S - asyncio.get_running_loop().time())

    def _look_in(self, wait_s: float) -> None:
        self._is_timed = True
        asyncio.get_running_loop().call_later(max(0.0, wait_s), self._look)

    def _look(self) -> None:
        self._is_timed = False
        self._go_on()

    def _go_on(self) -> None:
        """Begin what is due; of what is not, have somebody look when it is."""
        while self._waiting and self._under_way < AT_ONCE:
            now_s = asyncio.get_running_loop().time()
            wait_s = self._began_s + ROUND_S - now_s
            if self._count < ENOUGH and wait_s > 0:
                if not self._is_timed:
                    self._look_in(wait_s)
                return
            self._began_s = now_s
            self._begin()

    def _begin(self) -> None:
        turn, items = self._turn()
        self._under_way += 1
        try:
            self._handle(items, partial(self._ended, turn))
        except Exception as fault:
            self._ended(turn, fault)

    def _turn(self) -> tuple[_Turn, list[Item]]:
        """What is handled next. Who has more goes to the end of the line."""
        turn: _Turn = []
        items: list[Item] = []
        waiting, room = self._waiting, TOGETHER
        if self._count == len(waiting) <= room:
            # One of each, as mostly.
            for delivery in waiting:
                items += delivery.items
                turn.append((delivery, 1))
            waiting.clear()
            self._count = 0
            return turn, items
        most = room if len(waiting) == 1 else OF_EACH
        for _ in range(len(waiting)):
            delivery = waiting.popleft()
            part = delivery.items
            count = len(part)
            if count > most:
                part, delivery.items, count = part[:most], part[most:], most
                waiting.append(delivery)
            items += part
            turn.append((delivery, count))
            room -= count
            if room < most:
                most = room
                if not room:
                    break
        self._count -= len(items)
        return turn, items

    def _ended(self, turn: _Turn, told: Sequence[bool | None] | Exception) -> None:
        if isinstance(told, Exception):
            # It may be known at once: who has handed something over is told after that.
            asyncio.get_running_loop().call_soon(self._failed, turn, told)
            return
        self._under_way -= 1
        # The store has the next ones before these are answered.
        self._go_on()
        if True in told:
            first = 0
            for delivery, count in turn:
                delivery.tightened |= True in told[first : first + count]
                first += count
        for delivery, count in turn:
            if delivery.left != count:
                delivery.left -= count
            elif delivery.tightened:
                spawn(self._tell_settled(delivery), "a stop told to all")
            else:
                try:
                    delivery.told(None)
                except Exception as bug:
                    _report(bug)

    async def _tell_settled(self, delivery: _Delivery) -> None:
        fault: Exception | None = None
        try:
            await self._settled()
        except Exception as failed:
            fault = failed
        delivery.end(fault)

    def _failed(self, turn: _Turn, fault: Exception) -> None:
        self._under_way -= 1
        for delivery, _ in turn:
            delivery.end(fault)
        if isinstance(fault, StoreUnavailable):
            late, self._waiting, self._count = self._waiting, deque(), 0
            for delivery in late:
                delivery.end(StoreNotAsked("the store is unavailable: it failed who came before"))
        self._go_on()


def _nobody(fault: Exception | None) -> None:
    """Stands where somebody was told."""


def _report(bug: Exception) -> None:
    """A delivery that could not be told of; the others of its round are, all the same."""
    context = {"message": "a webhook could not be answered", "exception": bug}
    asyncio.get_running_loop().call_exception_handler(context)


def _end(future: asyncio.Future[None], fault: Exception | None) -> None:
    if future.done():
        return
    if fault is None:
        future.set_result(None)
    else:
        future.set_exception(fault)
