"""Alerts out: whoever runs the gateway is told of each tightening and opening, by a signed webhook, once each."""

from __future__ import annotations

import hashlib
from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.gateway import until_stored
from tidegate.logs import mask_text
from tidegate.policy.alert import Alert, What, alert_of
from tidegate.policy.consequences.effect import Effect
from tidegate.policy.instant import write_time, write_time_up
from tidegate.policy.reach import Scope
from tidegate.policy.standing import Standing
from tidegate.relay import ALERTS, Relay
from tidegate.store.alert_marks import AlertMarks, AlertRecords
from tidegate.store.condition import StoreCondition
from tidegate.store.leases import Leases
from tidegate.store.relays import Parcel, Relays, Room
from tidegate.store.standing_history import StandingEvent
from tidegate.store.standings import Standings
from tidegate.tasks import spawn

#: How often a node looks whether anything has changed, in what it has in memory; and how often it looks in any case.
_LOOK_S: Final = 0.5
_SURELY_MS: Final = 60_000
#: A node that dies leaves this to another one within this.
_LEASE_MS: Final = 10_000
_DAY_MS: Final = 86_400_000
_USERS: Final = frozenset({Scope.RECIPIENT, Scope.PAIR})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Telling:
    """One alert to be written: `name` is the same whoever tells it, and however often."""

    name: str
    alert: Alert
    at_ms: int
    since_ms: int


class AlertWatch:
    """Takes over into the relay what the standing's history, the books and the store say; one node of all at a time.

    What it had written is known by its name and kept once; how far it is, is written after that.
    """

    def __init__(
        self,
        *,
        relay: Relay,
        relays: Relays,
        records: AlertRecords,
        standings: Standings,
        leases: Leases,
        clock: StoreClock,
        probe: Callable[[], Awaitable[StoreCondition]],
        replicas_ack: int,
        room: Room,
    ) -> None:
        """`probe` asks the store for its condition; what `replicas_ack` replicas hold need not be on a disk."""
        self._relay = relay
        self._relays = relays
        self._records = records
        self._standings = standings
        self._leases = leases
        self._clock = clock
        self._probe = probe
        self._replicas_ack = replicas_ack
        self._room = room
        #: Of each portfolio: the standing that was seen to the end, and when to look again in any case (ms).
        self._seen: dict[str, tuple[tuple[int, bool], float]] = {}

    async def run(self) -> None:
        """Look until cancelled; where nobody is to be told, not at all."""
        while self._relay.subscribers.alerts is not None:
            for portfolio in self._standings.portfolios:
                await self._look(portfolio)
            await sleep(_LOOK_S)

    def signalled(self, portfolio: str, effect: Effect) -> None:
        """A rule whose action is `alert` has met its signal; the same again within a day (UTC) is not told again."""
        if self._relay.subscribers.alerts is None:
            return
        now_ms = self._clock.now_ms()
        told = f"{effect.rule}\n{effect.value}\n{effect.cause}\n{now_ms // _DAY_MS}"
        value = "" if effect.scope in _USERS else effect.value
        alert = Alert(What.SIGNAL, effect.scope, value, effect.cause, rule=effect.rule, mode=effect.mode)
        name = f"signal/{hashlib.sha256(told.encode()).hexdigest()[:24]}"
        telling = _Telling(name, alert, now_ms, effect.at_ms)
        spawn(self._surely(portfolio, telling), "alert")

    async def _surely(self, portfolio: str, telling: _Telling) -> None:
        try:
            await until_stored(lambda: self._tell(portfolio, [telling]), self._clock)
        except StoreUnavailable as fault:
            log.error("alert_not_told", portfolio=portfolio, rule=telling.alert.rule, fault=str(fault))

    async def _look(self, portfolio: str) -> None:
        now_ms = self._clock.monotonic_ms()
        standing = self._standings.known(portfolio)
        state = standing.epoch, self._is_held(standing)
        seen, again_at_ms = self._seen.get(portfolio, (None, 0.0))
        if state == seen and now_ms < again_at_ms:
            return
        try:
            if await self._leases.hold(portfolio, "alerts", _LEASE_MS):
                await self._take_over(portfolio)
                self._seen[portfolio] = state, now_ms + _SURELY_MS
            else:
                # Whoever holds it tells of this too, unless it dies first.
                self._seen[portfolio] = state, now_ms + _LEASE_MS
        except StoreUnavailable as fault:
            log.warning("alerts_put_off", portfolio=portfolio, fault=str(fault))

    async def _take_over(self, portfolio: str) -> None:
        marks = await self._records.read(portfolio)
        if marks.history is None:
            # What was before anybody was to be told is no news.
            marks = replace(marks, history=await self._records.end(portfolio))
            await self._records.write(portfolio, marks)
        marks = await self._follow(portfolio, marks, marks.history or "0-0")
        marks = await self._books(portfolio, marks)
        if portfolio == min(self._standings.portfolios):
            await self._store(portfolio, marks)

    async def _follow(self, portfolio: str, marks: AlertMarks, entry: str) -> AlertMarks:
        while found := await self._records.since(portfolio, entry):
            standing = await self._standings.current(portfolio)
            oldest_ms = self._clock.now_ms() - _DAY_MS
            tellings = [
                _Telling(f"history/{entry_id}", alert, event.at_ms, event.since_ms)
                for entry_id, event in found
                if event.at_ms > oldest_ms and (alert := _alert(standing, event)) is not None
            ]
            entry = found[-1][0]
            marks = await self._told(portfolio, tellings, replace(marks, history=entry))
        return marks

    async def _books(self, portfolio: str, marks: AlertMarks) -> AlertMarks:
        standing, was_ms = await self._standings.current(portfolio), marks.held_until_ms
        if self._is_held(standing) is (was_ms > 0):
            return marks
        until_ms = standing.held_until_ms if not was_ms else 0
        what = What.BOOKS_WHOLE if was_ms else What.BOOKS_HELD
        cause = "the books are whole again" if was_ms else "the books may miss what was sent: nothing that counts goes"
        alert = Alert(what, "portfolio", portfolio, cause, until_ms=until_ms or None)
        telling = self._now(f"{what}/{was_ms or until_ms}", alert)
        return await self._told(portfolio, [telling], replace(marks, held_until_ms=until_ms))

    async def _store(self, portfolio: str, marks: AlertMarks) -> None:
        durable = self._replicas_ack > 0 or (await self._probe()).durable
        if durable is marks.durable:
            return
        what = What.STORE_DURABLE if durable else What.STORE_UNDURABLE
        cause = "the store keeps what it is told" if durable else "a restart of the store forgets what was accepted"
        # A first look tells how it is, and no change.
        tellings = (
            []
            if marks.durable is None
            else [self._now(f"{what}/{self._clock.now_ms()}", Alert(what, "store", "", cause))]
        )
        await self._told(portfolio, tellings, replace(marks, durable=durable))

    def _is_held(self, standing: Standing) -> bool:
        return standing.held_until_ms > self._clock.now_ms()

    def _now(self, name: str, alert: Alert) -> _Telling:
        now_ms = self._clock.now_ms()
        return _Telling(name, alert, now_ms, now_ms)

    async def _told(self, portfolio: str, tellings: list[_Telling], marks: AlertMarks) -> AlertMarks:
        await self._tell(portfolio, tellings)
        await self._records.write(portfolio, marks)
        return marks

    async def _tell(self, portfolio: str, tellings: list[_Telling]) -> None:
        """Have them delivered. Raises StoreUnavailable."""
        if not tellings:
            return
        parcels = [self._parcel(portfolio, telling) for telling in tellings]
        taken = await self._relays.take(portfolio, parcels, self._room)
        for telling, one in zip(tellings, taken, strict=True):
            if one.is_new is None:
                log.error("alert_left_out", portfolio=portfolio, what=telling.alert.what.value)
        self._relay.wake(portfolio, ALERTS)

    def _parcel(self, portfolio: str, telling: _Telling) -> Parcel:
        name = f"{portfolio}/{telling.name}"
        body = orjson.dumps(told(portfolio, name, telling.alert, telling.at_ms, telling.since_ms))
        # Of one thing one after the other: that it is over is not heard before that it began.
        line = f"{telling.alert.scope}:{telling.alert.value}"
        return Parcel(ALERTS, self._relays.name(name.encode(), ALERTS), line, telling.at_ms // _DAY_MS, "alert", body)


def told(portfolio: str, name: str, alert: Alert, at_ms: int, since_ms: int) -> dict[str, Any]:
    """An alert as it is written to whoever is told."""
    return {
        "id": name,
        "at": write_time(at_ms),
        "kind": alert.kind.value,
        "what": alert.what.value,
        "portfolio": portfolio,
        "scope": alert.scope,
        "value": alert.value,
        "rule": alert.rule,
        "mode": alert.mode,
        "cause": mask_text(alert.cause),
        "cause_in_words": mask_text(alert.in_words),
        "by": alert.by,
        "since": write_time(since_ms),
        "until": None if alert.until_ms is None else write_time_up(alert.until_ms),
        "from": alert.before,
        "to": alert.after,
        "what_to_do": alert.what_to_do,
        "runbook": f"docs/runbooks.md#{alert.runbook}",
    }


def _alert(standing: Standing, event: StandingEvent) -> Alert | None:
    """What is to be told of an entry of the history, with what the standing knows beside."""
    alert = alert_of(event.kind, event.key, event.field, event.before, event.after, event.cause)
    breaker = standing.breakers.get(event.key) if event.kind == "breaker" else None
    if alert is None or breaker is None:
        return alert
    until_ms = breaker.until_ms if breaker.state.value == event.after else None
    return replace(alert, mode=standing.rules.consequences.mode(breaker), until_ms=until_ms)
