"""The store: is it there, does it keep what it acknowledges, how far is it, and does it agree on the time."""

from __future__ import annotations

import time
from statistics import median
from typing import Final

from tidegate.cli.examination.finding import Finding, Level
from tidegate.errors import TidegateError
from tidegate.policy.identity import Identity
from tidegate.settings import Settings
from tidegate.store.client import StoreConnection, connect
from tidegate.store.condition import StoreCondition, inspect
from tidegate.store.identity_mark import REMEDY, marked_otherwise
from tidegate.store.steerable_clock import SteerableClock

MOST_SKEW_MS: Final = 1_000
#: A send makes one trip; above this the store is most of what a send costs.
_SLOW_MS: Final = 20.0
_TRIPS: Final = 15


async def examine_store(settings: Settings) -> list[Finding]:
    """Join the store and look at it. An embedded one that no node runs is started for the look."""
    try:
        connection = await connect(settings.store.url.get_secret_value(), adopt=True)
    except TidegateError as fault:
        return [Finding("store", Level.FAIL, str(fault), "see store.url in docs/configuration.md")]
    async with connection:
        try:
            condition = await inspect(connection.client)
            trip_ms, skew_ms = await _trips(settings, connection)
            foreign = await _foreign_books(settings, connection)
        except TidegateError as fault:
            remedy = "start the store, or correct store.url; a firewall or a password may stand between"
            return [Finding("store", Level.FAIL, f"it does not answer: {fault}", remedy)]
    return [
        *judge_condition(condition, settings.store.replicas_ack),
        judge_trip(trip_ms),
        *foreign,
        *judge_clock(skew_ms, steerable=settings.testing.clock),
    ]


async def _foreign_books(settings: Settings, connection: StoreConnection) -> list[Finding]:
    mark = Identity(settings.privacy.identity_key.get_secret_value()).mark
    wrong = await marked_otherwise(connection.client, [portfolio.id for portfolio in settings.portfolios], mark)
    return [] if wrong is None else [Finding("privacy", Level.FAIL, wrong, REMEDY)]


def judge_condition(condition: StoreCondition, replicas_ack: int) -> list[Finding]:
    """What the server says of itself."""

    def finding(level: Level, found: str, remedy: str = "") -> Finding:
        return Finding("store", level, found, remedy)

    bad = []
    for refusal in condition.refusals(undurable_allowed=True):
        found, _, remedy = refusal.rpartition(": ")
        bad.append(finding(Level.FAIL, found, remedy))
    if not condition.writable:
        remedy = "point store.url at the primary, free its disk, or connect the replicas that it insists on"
        bad.append(finding(Level.FAIL, "it takes no writes", remedy))
    if not condition.durable:
        remedy = "set appendonly yes and appendfsync always"
        bad.append(finding(Level.FAIL, "a restart of it forgets what was accepted", remedy))
    elif condition.appendfsync == "everysec":
        remedy = "set appendfsync always, or replicas_ack here"
        bad.append(finding(Level.WARN, "a power loss forgets its last second", remedy))
    if condition.replicas < replicas_ack:
        found = f"replicas_ack is {replicas_ack}, but {condition.replicas} replicas are connected"
        bad.append(finding(Level.FAIL, found, "connect them, or lower store.replicas_ack"))
    kept = f"{condition.server.value} {condition.version} answers"
    if not bad:
        kept += f", takes writes, keeps them (appendfsync {condition.appendfsync or 'unknown'}), evicts nothing"
    return [finding(Level.OK, kept), *bad]


async def _trips(settings: Settings, connection: StoreConnection) -> tuple[float, int]:
    """How long a trip takes at best (ms), and how far this machine's clock is ahead of the store's (ms).

    The way of an answer counts half. A busy machine makes most trips longer, and none shorter.
    """
    clock = SteerableClock(connection.client, [portfolio.id for portfolio in settings.portfolios])
    trips_ms, skews_ms = [], []
    for _ in range(_TRIPS):
        began_s, before_s = time.perf_counter(), time.time()  # noqa: TID251 - this machine's clock is examined
        store_ms = await clock.now_ms()
        trips_ms.append((time.perf_counter() - began_s) * 1000)
        skews_ms.append(round(before_s * 1000 + trips_ms[-1] / 2) - store_ms)
    return min(trips_ms), round(median(skews_ms))


def judge_trip(trip_ms: float) -> Finding:
    """The store's distance."""
    if trip_ms < _SLOW_MS:
        return Finding("store", Level.OK, f"a trip to it takes {trip_ms:.1f} ms")
    remedy = "put it near the nodes, on a server of its own; SLOWLOG GET and LATENCY DOCTOR tell what it does"
    return Finding("store", Level.WARN, f"a trip to it takes {trip_ms:.0f} ms, and each send makes one", remedy)


def judge_clock(skew_ms: int, *, steerable: bool) -> list[Finding]:
    """This machine's clock against the store's, which is the one that decides."""
    findings = []
    if abs(skew_ms) > MOST_SKEW_MS:
        way = "ahead of" if skew_ms > 0 else "behind"
        found = f"this machine's clock is {abs(skew_ms) / 1000:.1f} s {way} the store's"
        findings.append(Finding("clock", Level.WARN, found, "keep both in step by NTP (chrony, systemd-timesyncd)"))
    else:
        findings.append(Finding("clock", Level.OK, f"{abs(skew_ms)} ms from the store's"))
    if steerable:
        remedy = "set testing.clock to false; it is for tests only"
        findings.append(Finding("clock", Level.WARN, "anybody with the scope admin can move time", remedy))
    return findings
