"""What runs beside the sends for as long as a node does."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tidegate.alert_watch import AlertWatch
from tidegate.app.campaigning import Campaigning
from tidegate.app.ground import Ground
from tidegate.app.hearing import Hearing
from tidegate.app.records import Records, ledger_of
from tidegate.app.sending import Sending
from tidegate.audit_watch import AuditWatch
from tidegate.campaigns.day_watch import DayWatch
from tidegate.gauges import Gauges
from tidegate.journal import Journal
from tidegate.offline_duty import OfflineDuty
from tidegate.policy.verdict import Reason
from tidegate.recovery import Recovery, Stores
from tidegate.store.alert_marks import AlertRecords
from tidegate.store.books import Books
from tidegate.store.condition import inspect
from tidegate.store.outcome_counts import OutcomeCounts
from tidegate.store.relays import Room
from tidegate.store.replicas import Replicas
from tidegate.store.users import Users
from tidegate.store.warnings import Warnings
from tidegate.warm_ups import WarmUps
from tidegate.warning_watch import WarningWatch

Duty = Callable[[], Coroutine[Any, Any, None]]


def duties_of(
    ground: Ground,
    records: Records,
    sending: Sending,
    hearing: Hearing,
    campaigning: Campaigning,
    *,
    audit_watch: AuditWatch,
    gauges: Gauges,
    recovery: Recovery,
    without_store: OfflineDuty,
) -> Mapping[str, Duty]:
    """All of them, by name."""
    standings, leases, clock = records.standings, records.leases, ground.clock
    alerts = _alerts(ground, records, hearing)
    sending.enforcement.on_alert = alerts.signalled
    warm_ups = WarmUps(standings, records.tallies, clock, leases)
    warm_ups.on_growth = sending.rouse
    warnings = WarningWatch(
        OutcomeCounts(ground.client, ground.portfolios),
        Warnings(ground.client, ground.portfolios),
        standings,
        leases,
        clock,
        ground.waba_of_number,
        sending.enforcement.consider,
    )
    return {
        "early warning": warnings.run,
        "warm-ups": warm_ups.run,
        "days": DayWatch(standings, records.ledger, records.daily_use, clock).run,
        "data keys": ground.data_keys.run,
        "audit": audit_watch.run,
        "loop lag": gauges.watch_loop,
        "replicas": Replicas(ground.connection, ground.portfolios).run,
        "recovery": recovery.run,
        "time without the store": without_store.run,
        "relay": hearing.relay.run,
        "live feed": sending.feed.run,
        "alerts": alerts.run,
        "campaigns' runner": campaigning.runner.run,
    }


def _alerts(ground: Ground, records: Records, hearing: Hearing) -> AlertWatch:
    settings = ground.settings
    return AlertWatch(
        relay=hearing.relay,
        relays=records.relays,
        records=AlertRecords(ground.client, ground.portfolios),
        standings=records.standings,
        leases=records.leases,
        clock=ground.clock,
        probe=functools.partial(inspect, ground.client),
        replicas_ack=settings.store.replicas_ack,
        room=Room(settings.relay.most_waiting, settings.relay.most_bytes),
    )


def recovery_of(ground: Ground, records: Records, sending: Sending) -> Recovery:
    """What keeps the node from trusting books that may miss something."""
    portfolios, clock = ground.portfolios, ground.clock

    @asynccontextmanager
    async def open_stores() -> AsyncIterator[Stores]:
        async with ground.connection.unwatched() as aside:
            yield Stores(
                connection=aside,
                books=Books(aside.client),
                ledger=ledger_of(aside, portfolios, Journal()),
                users=Users(aside.client, portfolios, clock.now_ms, one_slot=aside.is_cluster),
            )

    records.standings.on_other_books = ground.witness.doubt
    return Recovery(
        ground.journals,
        ground.witness,
        open_stores,
        records.standings,
        records.ledger,
        clock,
        ground.metrics,
        on_whole=lambda portfolio: sending.rouse(portfolio, (Reason.STORE_UNAVAILABLE.value,)),
    )


def offline_duty_of(ground: Ground, records: Records, sending: Sending) -> OfflineDuty:
    """What the node does while the store is away."""
    without_store = OfflineDuty(
        prepaid=records.prepaid,
        books=records.books,
        ledger=records.ledger,
        users=records.users,
        standings=records.standings,
        offline=sending.offline,
        journals=ground.journals,
        clock=ground.clock,
        metrics=ground.metrics,
    )
    records.standings.on_recall = without_store.call_back
    ground.witness.on_trust = without_store.forget
    return without_store
