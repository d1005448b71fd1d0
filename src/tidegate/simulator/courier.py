"""Carries a world's webhooks to a URL: signed, in batches, again until they are taken."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

import aiohttp

from tidegate.simulator.behaviour import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from tidegate.simulator.clock import Clock
from tidegate.simulator.notices import Webhook, envelope, signature
from tidegate.simulator.world import World

#: Meta (webhooks): at once, then less and less often, for 7 days; only the last pause is repeated.
PAUSES_MS: Final = (
    100,
    SECOND_MS,
    5 * SECOND_MS,
    30 * SECOND_MS,
    2 * MINUTE_MS,
    10 * MINUTE_MS,
    HOUR_MS,
)
GIVE_UP_MS: Final = 7 * DAY_MS

#: Meta sends up to 1,000 updates in a body, "not guaranteed".
MOST_UPDATES: Final = 100

_LANES: Final = 8
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_LONGEST_NAP_S: Final = 0.25  # so that a clock which jumps by itself is noticed


@dataclass(slots=True)
class Parcel:
    """One signed body on its way; `tried` counts its POSTs."""

    body: bytes
    signature: str
    updates: int
    first_ms: int
    tried: int = 0


class Courier:
    """Asks the world for due webhooks and POSTs them, several at a time, so that order is not promised."""

    def __init__(self, world: World, clock: Clock, app_secret: str, url: str | None) -> None:
        self.url = url
        self.taken = 0
        self.given_up = 0
        self._world = world
        self._clock = clock
        self._secret = app_secret
        self._ready: deque[Parcel] = deque()
        self._again: list[tuple[int, int, Parcel]] = []
        self._order = 0
        self._carrying = 0
        self._stirred = asyncio.Event()
        self._changed = asyncio.Condition()

    def stir(self) -> None:
        """Say that something happened in the world or to its clock."""
        self._stirred.set()

    async def run(self) -> None:
        """Work until cancelled."""
        connector = aiohttp.TCPConnector(limit=_LANES)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session,
            asyncio.TaskGroup() as lanes,
        ):
            while True:
                self._stirred.clear()
                self._collect()
                while self._ready and self._carrying < _LANES:
                    self._carrying += 1
                    lanes.create_task(self._carry(session, self._ready.popleft()))
                async with self._changed:
                    self._changed.notify_all()
                await self._nap()

    async def settled(self) -> None:
        """Wait until every webhook that is due by now was taken, or waits for its next try."""
        async with self._changed:
            self.stir()
            await self._changed.wait_for(self._is_settled)

    def _is_settled(self) -> bool:
        next_ms = self._next_ms()
        now_due = next_ms is not None and next_ms <= self._clock()
        return not (self._carrying or self._ready or now_due)

    def _collect(self) -> None:
        now_ms = self._clock()
        webhooks = self._world.due(now_ms)
        for first in range(0, len(webhooks), MOST_UPDATES):
            self._pack(webhooks[first : first + MOST_UPDATES], now_ms)
        while self._again and self._again[0][0] <= now_ms:
            self._ready.append(heappop(self._again)[2])
        if self.url is None:
            self._ready.clear()  # nobody has subscribed

    def _pack(self, webhooks: list[Webhook], now_ms: int) -> None:
        body = envelope(webhooks)
        self._ready.append(Parcel(body, signature(body, self._secret), len(webhooks), now_ms))

    async def _carry(self, session: aiohttp.ClientSession, parcel: Parcel) -> None:
        try:
            taken = await self._post(session, parcel)
        finally:
            self._carrying -= 1
        if taken:
            self.taken += parcel.updates
        else:
            self._put_back(parcel)
        self.stir()

    async def _post(self, session: aiohttp.ClientSession, parcel: Parcel) -> bool:
        if self.url is None:
            return False
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": parcel.signature,
            "User-Agent": "facebookexternalua",
        }
        try:
            async with session.post(self.url, data=parcel.body, headers=headers) as response:
                await response.read()
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _put_back(self, parcel: Parcel) -> None:
        now_ms = self._clock()
        if now_ms - parcel.first_ms >= GIVE_UP_MS:
            self.given_up += parcel.updates
            return
        pause_ms = PAUSES_MS[min(parcel.tried, len(PAUSES_MS) - 1)]
        parcel.tried += 1
        self._order += 1
        heappush(self._again, (now_ms + pause_ms, self._order, parcel))

    def _next_ms(self) -> int | None:
        times = [self._world.next_event_at_ms(), self._again[0][0] if self._again else None]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    async def _nap(self) -> None:
        next_ms = self._next_ms()
        nap_s = None if next_ms is None else min(_LONGEST_NAP_S, max(0, next_ms - self._clock()) / 1_000)
        if self._carrying >= _LANES:
            nap_s = None  # a lane that comes free stirs
        try:
            async with asyncio.timeout(nap_s):
                await self._stirred.wait()
        except TimeoutError:
            return
