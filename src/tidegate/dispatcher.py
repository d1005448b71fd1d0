"""The queue's other end: claims what is due and submits it down the same way as any send."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import orjson
import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.messages import BadMessage, Request, read_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Gateway, Message, Route
from tidegate.hands import MOST_INSIDE, MOST_ON_THE_WAY, Anteroom, Hands
from tidegate.lanes import Turns, left_some, open_lanes
from tidegate.lookout import Lookout, set_within
from tidegate.metrics import Metrics
from tidegate.pacer import FLOOR_EVERY
from tidegate.policy.campaign.part import Part
from tidegate.policy.lifecycle import State
from tidegate.policy.rules import Delivery
from tidegate.reaper import Reaper
from tidegate.store.sealing import BrokenSeal
from tidegate.store.send_queue import Claimed, Lane, SendQueue
from tidegate.store.standings import Standings
from tidegate.tasks import lasting, spawn

_LEAST_MS: Final = 5
_RETRY_MS: Final = 500
#: A claimed send waits for its turn as long as it takes within its lease, instead of going back to its lane.
_PACING_WAIT_MS: Final = 10_000
#: Room that came free is used together with what comes free in this span after it: soon where there is much of it.
_AGAIN_S, _AGAIN_LATER_S = 0.005, 0.02
_MUCH_ROOM: Final = MOST_ON_THE_WAY * 3 // 4
#: So many go in at a turn of the loop, half of those that may be inside: the store is asked for them while the others
#: get ready, and neither waits for the other. Reading a body takes time of the loop: no more bytes than this at a turn.
_AT_ONCE: Final = MOST_INSIDE // 2
_BYTES_AT_ONCE: Final = 65_536

#: A member of an enumeration is looked for at each asking; this one is asked for at each send.
_AT_MOST_ONCE: Final = Delivery.AT_MOST_ONCE

#: Told of a message that ran out of time: portfolio, id, what it became, what was noted of it.
OnEnd = Callable[[str, str, str, Mapping[str, str]], None]

log = structlog.get_logger()


class Dispatcher:
    """Drains the lanes of all portfolios of one node. Any number of nodes may run one."""

    def __init__(
        self,
        gateway: Gateway,
        queue: SendQueue,
        standings: Standings,
        routes: Sequence[Route],
        clock: StoreClock,
        metrics: Metrics,
    ) -> None:
        self._gateway = gateway
        self._queue = queue
        self._standings = standings
        self._routes = {route.number: route for route in routes}
        self._clock = clock
        self._numbers: dict[str, list[str]] = {}
        for route in routes:
            self._numbers.setdefault(route.portfolio, []).append(route.number)
        self._turns = {portfolio: Turns(numbers) for portfolio, numbers in self._numbers.items()}
        self._alarms = {route.portfolio: asyncio.Event() for route in routes}
        self._hands = Hands()
        self._anteroom: Anteroom[tuple[str, Claimed]] = Anteroom(FLOOR_EVERY)
        self._again: asyncio.TimerHandle | None = None
        self._is_in_no_hurry = False
        self._opening: asyncio.Handle | None = None
        self._claims: Counter[str] = Counter()
        self._claimed_at_ms: dict[str, float] = {}
        self._lookout = Lookout(queue, standings, clock, self.wake, self._left)
        self._reaper = Reaper(queue, self._lookout.overdue, clock, metrics, self.wake, self._ended)
        self._running: list[asyncio.Task[None]] = []
        self._submitting: set[asyncio.Task[None]] = set()
        self._stopping = False
        #: When it was last known of each portfolio that nothing of its queue is left undone (ms, this node's own).
        self.looked_at_ms: dict[str, float] = {}
        #: Called with the portfolio and the row of a campaign when its message ran out of time, or can't be sent.
        self.on_fate: Callable[[str, Part, State], None] = lambda portfolio, part, state: None
        #: Called with each message that ran out of time.
        self.on_end: OnEnd = lambda portfolio, message_id, became, about: None

    def start(self) -> None:
        """Begin to drain."""
        self._gateway.call_on_way(self._rested, self._started)
        for portfolio in self._alarms:
            name = f"dispatcher {portfolio}"
            self._running.append(spawn(lasting(partial(self._drain, portfolio), name), name))
        self._running += self._lookout.start()

    async def stop(self) -> None:
        """Claim no more, and return when what is in hand has ended."""
        self._stopping = True
        self._lookout.stop()
        self.wake_all()
        await asyncio.gather(*self._running)
        while self._submitting or self._hands.on_the_way:
            await asyncio.sleep(0)
            await asyncio.gather(*self._submitting, return_exceptions=True)

    def wake(self, portfolio: str) -> None:
        """Look at this portfolio's lanes now: something was queued, or may go."""
        self._alarms[portfolio].set()

    def wake_all(self) -> None:
        """Look at all lanes now."""
        for alarm in self._alarms.values():
            alarm.set()

    async def rouse(self, portfolio: str, reasons: Sequence[str]) -> None:
        """Ask again for what is held for one of these reasons. Raises StoreUnavailable."""
        await self._queue.rouse(portfolio, self._lanes(portfolio), reasons)
        self.wake(portfolio)

    async def _drain(self, portfolio: str) -> None:
        while not self._stopping:
            await self._at_distance(portfolio)
            if self._stopping:
                # Nobody will wake this again.
                return
            self._alarms[portfolio].clear()
            wait_ms: float | None
            try:
                reap_in_ms = await self._reaper.reap_in_time(portfolio)
                wait_ms = await self.drain_once(portfolio)
                if reap_in_ms is not None:
                    wait_ms = reap_in_ms if wait_ms is None else min(wait_ms, reap_in_ms)
                self.looked_at_ms[portfolio] = self._claimed_at_ms[portfolio] = self._clock.monotonic_ms()
            except StoreUnavailable as error:
                log.warning("queue_not_read", portfolio=portfolio, fault=str(error))
                wait_ms = _RETRY_MS
            await set_within(self._alarms[portfolio], wait_ms)

    def _left(self, portfolio: str) -> None:
        self.looked_at_ms[portfolio] = self._clock.monotonic_ms()

    async def _at_distance(self, portfolio: str) -> None:
        """What is queued in one moment is claimed together."""
        since_ms = self._clock.monotonic_ms() - self._claimed_at_ms.get(portfolio, float("-inf"))
        if since_ms < _LEAST_MS and not self._stopping:
            await asyncio.sleep((_LEAST_MS - since_ms) / 1_000)

    async def drain_once(self, portfolio: str) -> float | None:
        """Claim what is due and has room, begin to submit it; ms until there may be more, None: nobody knows when.

        Raises StoreUnavailable.
        """
        standing = await self._standings.current(portfolio)
        self._hands.hungry.pop(portfolio, None)
        room, turns = self._hands.room(portfolio), self._turns[portfolio]
        lanes = open_lanes(standing, turns, self._hands, self._claims[portfolio], self._clock.now_ms())
        least = min(room.values())
        self._hands.reserve(portfolio, least)
        try:
            claim = await self._queue.claim(portfolio, lanes, room)
        finally:
            self._hands.reserve(portfolio, -least)
        if left_some(claim, lanes, least):
            self._hands.hungry[portfolio] = None
            self._claims[portfolio] += 1
        self._clock.observe(claim.now_ms)
        turns.pass_on(claim.messages)
        for claimed in claim.messages:
            self._hands.take(portfolio, claimed.lane.number, claimed.message_id)
            self._anteroom.put(claimed.lane.category, (portfolio, claimed))
        self._go_on()
        if claim.epoch != standing.epoch:
            # What was claimed is judged under the new standing anyway; the other lanes are looked at again at once.
            await self._standings.reload(portfolio, claim.epoch)
            self.wake(portfolio)
        if claim.wake_at_ms is None:
            return None
        return max(1.0, claim.wake_at_ms - claim.now_ms)

    def _go_on(self) -> None:
        """Use the room that there is, inside and before the door; in a moment, for more may come free in it."""
        loop = asyncio.get_running_loop()
        if self._opening is None and self._hands.inside < MOST_INSIDE:
            self._opening = loop.call_soon(self._let_in)
        again = self._again
        if self._hands.hungry and (again is None or self._is_in_no_hurry):
            has_much = self._hands.on_the_way <= _MUCH_ROOM
            if again is not None:
                if not has_much:
                    return
                again.cancel()
            self._is_in_no_hurry = not has_much
            self._again = loop.call_later(_AGAIN_S if has_much else _AGAIN_LATER_S, self._fill)

    def _let_in(self) -> None:
        self._opening = None
        unread = 0
        for _ in range(_AT_ONCE):
            if self._hands.inside >= MOST_INSIDE or unread > _BYTES_AT_ONCE:
                break
            following = self._anteroom.next()
            if following is None:
                return
            self._hands.enter()
            task = spawn(self._submit(*following), "queued send")
            self._submitting.add(task)
            task.add_done_callback(self._submitting.discard)
            unread += len(following[1].sealed)
        self._go_on()

    def _fill(self) -> None:
        self._again = None
        for portfolio in self._hands.hungry:
            self.wake(portfolio)

    def _started(self, message_id: str) -> None:
        self._hands.start(message_id)
        self._go_on()

    def _rested(self, message_id: str) -> None:
        self._hands.rest(message_id)
        self._go_on()

    def _lanes(self, portfolio: str) -> list[Lane]:
        return [Lane(number, category) for category in Category for number in self._numbers[portfolio]]

    async def _submit(self, portfolio: str, claimed: Claimed) -> None:
        try:
            message = await self.message(claimed)
            await self._gateway.submit(message)
        except (BrokenSeal, BadMessage, KeyError, ValueError) as error:
            # A message that can't be read will not become readable: it must not block its lane.
            log.error("queued_message_unreadable", message_id=claimed.message_id, fault=type(error).__name__)
            cause = "what was stored of it can't be read"
            await self._queue.end(portfolio, claimed.message_id, State.FAILED.value, cause)
            self._tell(portfolio, claimed.about, State.FAILED)
        except StoreUnavailable:
            # Its lease lapses, and it goes back to its lane.
            log.warning("queued_send_put_off", message_id=claimed.message_id)
        finally:
            self._hands.end(claimed.lane.number, claimed.message_id)
            self._go_on()

    async def message(self, claimed: Claimed) -> Message:
        """A claimed message, ready to be submitted. Raises BrokenSeal, BadMessage, StoreUnavailable."""
        about = orjson.loads(claimed.about)
        packed = orjson.loads(await self._queue.open(claimed, about["app"]))
        request = read_send(packed["body"])
        if not isinstance(request, Request):
            raise ValueError("a read receipt was queued")
        route, delivery, numbers = self._routes[claimed.lane.number], about.get("delivery"), packed.get("numbers")
        return Message(
            message_id=claimed.message_id,
            app=about["app"],
            route=route,
            request=request,
            raw_path=packed["path"],
            deadline_ms=claimed.expires_at_ms,
            category=await self._gateway.category(route, request, claimed.lane.category),
            hold=True,
            not_before_ms=packed["not_before_ms"],
            campaign=about.get("campaign"),
            part=Part.of(about),
            alternatives=tuple(self._routes[one] for one in numbers if one in self._routes) if numbers else (),
            headers=packed["headers"],
            attempt=claimed.attempt,
            queued=True,
            delivery=Delivery(delivery) if delivery else _AT_MOST_ONCE,
            pacing_wait_ms=_PACING_WAIT_MS,
            relayed="relay" in about,
        )

    def _ended(self, portfolio: str, message_id: str, became: str, about: bytes) -> None:
        self._tell(portfolio, about, State(became))
        self.on_end(portfolio, message_id, became, orjson.loads(about) if about else {})

    def _tell(self, portfolio: str, about: bytes, state: State) -> None:
        part = Part.of(orjson.loads(about)) if about else None
        if part is not None:
            self.on_fate(portfolio, part, state)
