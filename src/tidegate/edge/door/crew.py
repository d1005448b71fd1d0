"""Tasks that go on from one piece of work to the next: one of its own costs a plain request as much as its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

#: So many wait for work at most; whoever is done beyond that ends.
_MOST_IDLE: Final = 256

Work = Coroutine[Any, Any, None]


class _Hand:
    """A task, and what it waits by while it has nothing to do."""

    __slots__ = ("next", "task")

    next: asyncio.Future[Work]
    task: asyncio.Task[None]


class Crew:
    """Does work beside its callers, as `tasks.spawn` does, by tasks that are made once.

    A piece of work must leave its context as it found it: the next one has the same.
    """

    __slots__ = ("_hands", "_idle", "_most_idle", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._most_idle = _MOST_IDLE
        self._idle: list[_Hand] = []
        self._hands: set[_Hand] = set()

    def begin(self, work: Work) -> asyncio.Task[None]:
        """Have it done from the loop's next turn on. The task may be cancelled until the work has ended, not later."""
        while self._idle:
            hand = self._idle.pop()
            if not hand.next.done():
                hand.next.set_result(work)
                return hand.task
        loop = asyncio.get_running_loop()
        hand = _Hand()
        hand.next = loop.create_future()
        hand.next.set_result(work)
        hand.task = loop.create_task(self._go_on(hand), name=self._name)
        self._hands.add(hand)
        return hand.task

    def end(self) -> None:
        """Let those go that have nothing to do, and whoever is done from now on."""
        self._most_idle = 0
        idle, self._idle = self._idle, []
        for hand in idle:
            hand.next.cancel()

    async def _go_on(self, hand: _Hand) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                work = await hand.next
                try:
                    await work
                except Exception as fault:
                    context = {"message": f"{self._name} failed", "exception": fault, "task": hand.task}
                    loop.call_exception_handler(context)
                if len(self._idle) >= self._most_idle:
                    return
                hand.next = loop.create_future()
                self._idle.append(hand)
        finally:
            self._hands.discard(hand)
            if hand.next.done() and not hand.next.cancelled():
                # Cancelled before it was begun.
                hand.next.result().close()
