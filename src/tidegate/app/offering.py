"""What handlers work with, taken from the parts of a node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from tidegate import __version__
from tidegate.app.campaigning import Campaigning
from tidegate.app.ground import Ground
from tidegate.app.hearing import Hearing
from tidegate.app.records import Records
from tidegate.app.sending import Sending
from tidegate.edge.denials import Kind
from tidegate.edge.door.turnstile import Turnstile
from tidegate.edge.services import Services
from tidegate.ending import Ending
from tidegate.gauges import Gauges
from tidegate.keys_in_force import KeysInForce
from tidegate.send_rates import SendRates
from tidegate.store.condition import StoreCondition
from tidegate.store.erasures import Erasures
from tidegate.store.idempotency import Idempotency
from tidegate.store.key_uses import KeyUses
from tidegate.store.releases_ahead import ReleasesAhead
from tidegate.store.steerable_clock import SteerableClock
from tidegate.store.wallets import Wallets

#: Audiences that a node takes at once. Each may take some 50 MB.
UPLOADS: Final = 2
#: Answers on the recipients of audiences that one node writes at once.
DOWNLOADS: Final = 4


def services_of(
    ground: Ground,
    records: Records,
    sending: Sending,
    hearing: Hearing,
    campaigning: Campaigning,
    *,
    gauges: Gauges,
    probe: Callable[[], Awaitable[StoreCondition]],
    ending: Ending,
) -> Services:
    """All of it."""
    client, portfolios, settings = ground.client, ground.portfolios, ground.settings
    clock, metrics, standings = ground.clock, ground.metrics, records.standings
    return Services(
        settings=settings,
        gateway=sending.gateway,
        ledger=records.ledger,
        books=records.books,
        queue=records.queue,
        standings=standings,
        rules=sending.rules,
        credentials=ground.credentials,
        keys=KeysInForce(settings.apps, standings, KeyUses(client, min(portfolios)), clock),
        messages=records.messages,
        users=records.users,
        aliases=records.aliases,
        identity=ground.identity,
        audit=records.audit,
        outcomes=records.outcomes,
        tallies=records.tallies,
        wallets=Wallets(client),
        campaigns=records.campaigns,
        audiences=records.audiences,
        uploads=Turnstile(UPLOADS, Kind.OVERLOADED, "the node", "uploads", metrics),
        downloads=Turnstile(DOWNLOADS, Kind.OVERLOADED, "the node", "downloads", metrics),
        erasures=Erasures(client),
        planner=campaigning.planner,
        daily_use=records.daily_use,
        enforcement=sending.enforcement,
        signals=hearing.signals,
        relay=hearing.relay,
        relays=records.relays,
        dispatcher=sending.dispatcher,
        upstream=ground.upstream,
        clock=clock,
        steerable=SteerableClock(client, portfolios) if settings.testing.clock else None,
        metrics=metrics,
        gauges=gauges,
        tracing=ground.tracing,
        ids=ground.ids,
        ending=ending,
        version=__version__,
        idempotency=Idempotency(client, portfolios, ground.seal, one_slot=ground.connection.is_cluster),
        seal=ground.seal,
        history=records.history,
        kpis=records.kpis,
        send_rates=SendRates(records.kpis, clock),
        releases_ahead=ReleasesAhead(client, portfolios),
        fates=records.fates,
        fate_notes=campaigning.fate_notes,
        feed=sending.feed,
        steering=campaigning.steering,
        campaign_runner=campaigning.runner,
        probe=probe,
    )
