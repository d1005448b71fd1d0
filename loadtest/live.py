"""A rollout through a gateway that runs, in real time: the campaign by its API, login codes and sends open-loop.

Only against the simulator: whether the gateway sends to it is tried with one login code, to a number that nobody can
have, before anything else is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import time
from typing import Any, Final

import aiohttp

from loadtest.caller import Caller
from loadtest.control import Control
from loadtest.deployment import LOGIN_CODE, MARKETING
from loadtest.live_outcome import LiveOutcome
from loadtest.open_loop import OpenLoop
from loadtest.recipients import zone_of
from loadtest.rollout import ENDED, Rollout
from loadtest.waits import Waits
from tidegate.simulator.behaviour import DAY_MS

#: No North American area code is 556: nobody has these.
_CUSTOMER: Final = "1556{:07d}"
_STRANGER: Final = "1557{:07d}"
_LOOK_S: Final = 0.5
_PAGE: Final = 10_000


class NotSimulated(Exception):
    """What the gateway sends does not come to the simulator that was named."""


@dataclass(frozen=True, slots=True)
class Live:
    """A gateway at `base` (http://host:port), asked with `key`, its `number`, and the simulator at `platform`.

    `sends_per_second`: marketing that an app sends itself beside the campaign, each to another user; 0: none.
    `patience_s`: how long the first login code may take to the simulator.
    """

    base: str
    key: str
    number: str
    platform: str
    sends_per_second: float = 0.0
    patience_s: float = 15.0


class Steering:
    """What the simulator tells of itself. Raises aiohttp.ClientError."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    async def read(self, what: str, **query: int) -> dict[str, Any]:
        """One of its reports."""
        async with self._session.get(f"{self._base}/_sim/{what}", params=query, raise_for_status=True) as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def accepted(self) -> int:
        """How many sends it has accepted."""
        total: int = (await self.read("accepted", limit=0))["total"]
        return total


async def play_live(
    rollout: Rollout, live: Live, progress: Callable[[int, float], None] = lambda sent, days: None
) -> LiveOutcome:
    """Play it until the campaign ends by itself, or its days do.

    Raises NotSimulated, Denied, aiohttp.ClientError, OSError.
    """
    caller = Caller(live.key, live.number, lambda: int(time() * 1000))
    caller.bases = [live.base]
    await caller.start()
    try:
        steering = Steering(caller.session, live.platform)
        await _try(caller, steering, live.patience_s)
        control = Control(caller.session, live.base, live.key)
        before, first = await steering.read("report", most=0), await steering.accepted()
        codes, answers = Waits(), Counter[str]()
        asking = (
            OpenLoop(rollout.codes_per_second, _codes(caller, rollout, codes)) if rollout.codes_per_second else None
        )
        sending = OpenLoop(live.sends_per_second, _sends(caller, answers)) if live.sends_per_second else None
        began_ms = int(time() * 1000)
        async with _beside(asking), _beside(sending):
            told = await _watch(rollout, control, live.number, began_ms, progress)
        took_ms = int(time() * 1000) - began_ms
        after, sends = await steering.read("report", most=0), await _accepted_since(steering, first)
    finally:
        await caller.close()
    marketing = [send["user"] for send in sends if send["template"] == MARKETING and zone_of(send["user"])]
    return LiveOutcome(
        rollout=rollout,
        state=told["state"],
        progress=told["progress"],
        took_ms=took_ms,
        accepted=len(marketing),
        reached=len(set(marketing)),
        codes=codes,
        answers=dict(answers),
        missed=sum(arrivals.missed for arrivals in (asking, sending) if arrivals is not None),
        broken={kind: count - before["violations"].get(kind, 0) for kind, count in after["violations"].items()},
        night_sends=_at_night(rollout, sends),
    )


async def _try(caller: Caller, steering: Steering, patience_s: float) -> None:
    """Raises NotSimulated unless a login code comes to the simulator."""
    before = await steering.accepted()
    told = await caller.send_template(_CUSTOMER.format(0), LOGIN_CODE)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + patience_s
    while loop.time() < until_s:
        if await steering.accepted() > before:
            return
        await asyncio.sleep(_LOOK_S)
    raise NotSimulated(
        f"a login code was answered with {told.status} {told.verdict}, and did not come to the simulator"
    )


def _codes(caller: Caller, rollout: Rollout, waits: Waits) -> Callable[[int, float], Any]:
    async def ask(arrival: int, due_s: float) -> None:
        user = _CUSTOMER.format(arrival % rollout.customers)
        try:
            told = await caller.send_template(user, LOGIN_CODE)
        except (aiohttp.ClientError, TimeoutError) as fault:
            waits.refused[type(fault).__name__] += 1
            return
        if told.verdict == "send" and told.status == 200:
            waits.waits_ms.append(int((asyncio.get_running_loop().time() - due_s) * 1000))
        else:
            waits.refused[told.reason or f"{told.verdict} {told.status}"] += 1

    return ask


def _sends(caller: Caller, answers: Counter[str]) -> Callable[[int, float], Any]:
    async def ask(arrival: int, _due_s: float) -> None:
        try:
            told = await caller.send_template(_STRANGER.format(arrival), MARKETING)
        except (aiohttp.ClientError, TimeoutError) as fault:
            answers[type(fault).__name__] += 1
            return
        answers[told.verdict if told.kept else (told.reason or str(told.status))] += 1

    return ask


@asynccontextmanager
async def _beside(arrivals: OpenLoop | None) -> AsyncIterator[None]:
    if arrivals is None:
        yield
        return
    task = asyncio.get_running_loop().create_task(arrivals.run(), name="arrivals")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _watch(
    rollout: Rollout, control: Control, number: str, began_ms: int, progress: Callable[[int, float], None]
) -> dict[str, Any]:
    """Order, upload and start the campaign, and look on; what the gateway tells of it at last."""
    ordered = await control.order(rollout.order([number], began_ms))
    await control.upload(ordered["id"], rollout.rows())
    await control.start(ordered["id"])
    while True:
        told = await control.look(ordered["id"])
        days = (time() * 1000 - began_ms) / DAY_MS
        progress(sum(told["progress"][fate] for fate in ("sent", "delivered", "read")), days)
        if told["state"] in ENDED or days >= rollout.days:
            return told
        await asyncio.sleep(_LOOK_S)


async def _accepted_since(steering: Steering, first: int) -> list[dict[str, Any]]:
    sends: list[dict[str, Any]] = []
    while page := (await steering.read("accepted", after=first + len(sends), limit=_PAGE))["accepted"]:
        sends += page
    return sends


def _at_night(rollout: Rollout, sends: list[dict[str, Any]]) -> int:
    if rollout.night is None:
        return 0
    zones = [(send["at_ms"], zone_of(send["user"])) for send in sends if send["template"] == MARKETING]
    return sum(rollout.night.covers(at_ms, zone) for at_ms, zone in zones if zone is not None)
