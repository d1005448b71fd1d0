"""The way of a send: what judges it, sends it, keeps it for later, and tells of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from tidegate.app.ground import Ground
from tidegate.app.records import Records
from tidegate.dispatcher import Dispatcher
from tidegate.enforcement import Enforcement
from tidegate.errors import StoreUnavailable
from tidegate.feed import Feed
from tidegate.gateway import START_BY_MS, Gateway, Offline
from tidegate.pacer import Pacer
from tidegate.rules_in_force import RulesInForce
from tidegate.store.counts import Counts
from tidegate.store.feeds import Feeds
from tidegate.tasks import spawn

#: Admitted sends start within START_BY_MS of their asking; a stop is acknowledged a little after that.
SETTLE_MS: Final = START_BY_MS + 50

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sending:
    """It."""

    enforcement: Enforcement
    offline: Offline
    gateway: Gateway
    dispatcher: Dispatcher
    feed: Feed
    rules: RulesInForce
    #: Has what is queued in a portfolio for one of these reasons asked again at once; without any, what is due.
    rouse: Callable[[str, Sequence[str]], None]


def prepare_sending(ground: Ground, records: Records) -> Sending:
    """It, with what it tells each other of."""
    settings, clock, metrics = ground.settings, ground.clock, ground.metrics
    enforcement = Enforcement(
        standings=records.standings,
        users=records.users,
        counts=Counts(ground.client, ground.portfolios),
        ledger=records.ledger,
        clock=clock,
        metrics=metrics,
        settle_ms=SETTLE_MS,
    )
    offline = Offline(ground.journal, clock, ground.witness.doubts.is_set)
    gateway = Gateway(
        ledger=records.ledger,
        queue=records.queue,
        standings=records.standings,
        upstream=ground.upstream,
        pacer=Pacer(clock),
        clock=clock,
        identity=ground.identity,
        ids=ground.ids,
        metrics=metrics,
        users=records.users,
        aliases=records.aliases,
        offline=offline,
        prepaid=records.prepaid,
        enforcement=enforcement,
        seal=ground.seal,
        tracing=ground.tracing,
        grants={app.name: grant for app in settings.apps if (grant := app.grant) is not None},
    )
    dispatcher = Dispatcher(gateway, records.queue, records.standings, ground.routes, clock, metrics)
    feed = Feed(Feeds(ground.client, ground.portfolios), clock, ground.portfolios)
    rouse = functools.partial(_rouse, dispatcher)
    rules = RulesInForce(
        standings=records.standings,
        ledger=records.ledger,
        audit=records.audit,
        clock=clock,
        configured=settings.rules,
        settle_ms=SETTLE_MS,
        rouse=rouse,
    )
    gateway.call_on_answer(feed.decided)
    gateway.call_on_change(dispatcher.wake)
    dispatcher.on_end = feed.became
    enforcement.on_change = rouse
    return Sending(enforcement, offline, gateway, dispatcher, feed, rules, rouse)


def _rouse(dispatcher: Dispatcher, portfolio: str, reasons: Sequence[str]) -> None:
    if reasons:
        spawn(_rouse_held(dispatcher, portfolio, reasons), "rouse")
    else:
        dispatcher.wake(portfolio)


async def _rouse_held(dispatcher: Dispatcher, portfolio: str, reasons: Sequence[str]) -> None:
    try:
        await dispatcher.rouse(portfolio, reasons)
    except StoreUnavailable:
        # They are asked again at their own times.
        log.warning("held_sends_not_roused", portfolio=portfolio)
