"""What is kept in the store and used by more than one part of a node."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.app.ground import Ground
from tidegate.journal import Journal
from tidegate.policy.lifecycle import RANK
from tidegate.policy.standing import NumberStanding, Standing
from tidegate.settings import Settings
from tidegate.store.aliases import Aliases
from tidegate.store.audiences import Audiences
from tidegate.store.audit import Audit
from tidegate.store.books import Books
from tidegate.store.campaigns import Campaigns
from tidegate.store.client import StoreConnection
from tidegate.store.daily_use import DailyUse
from tidegate.store.fates import Fates
from tidegate.store.kpis import Kpis
from tidegate.store.leases import Leases
from tidegate.store.ledger import Ledger
from tidegate.store.messages import Messages
from tidegate.store.outcomes import Outcomes
from tidegate.store.prepaid import Prepaid
from tidegate.store.relays import Relays
from tidegate.store.send_queue import SendQueue
from tidegate.store.standing_history import StandingHistory
from tidegate.store.standings import Standings
from tidegate.store.tallies import Tallies
from tidegate.store.users import Users


@dataclass(frozen=True, slots=True)
class Records:
    """It."""

    ledger: Ledger
    books: Books
    prepaid: Prepaid
    queue: SendQueue
    messages: Messages
    standings: Standings
    history: StandingHistory
    tallies: Tallies
    users: Users
    aliases: Aliases
    audit: Audit
    outcomes: Outcomes
    kpis: Kpis
    daily_use: DailyUse
    relays: Relays
    campaigns: Campaigns
    fates: Fates
    audiences: Audiences
    leases: Leases


def open_records(ground: Ground) -> Records:
    """Each for all portfolios; nothing is read yet."""
    client, portfolios, settings, journal = ground.client, ground.portfolios, ground.settings, ground.journal
    now_ms = ground.clock.now_ms
    ledger, campaigns = ledger_of(ground.connection, portfolios, journal), Campaigns(client, portfolios)
    one_slot = ground.connection.is_cluster
    users = Users(client, portfolios, now_ms, one_slot=one_slot, journal=journal)
    numbers = {p.id: [n.id for w in p.wabas for n in w.numbers] for p in settings.portfolios}
    return Records(
        ledger=ledger,
        books=Books(client, journal),
        prepaid=Prepaid(client, journal.node),
        queue=SendQueue(client, portfolios, ground.seal, journal, one_slot=one_slot),
        messages=Messages(client, portfolios, ground.seal),
        standings=Standings(client, _configured(settings)),
        history=StandingHistory(client, portfolios),
        tallies=Tallies(client),
        users=users,
        aliases=Aliases(users, ground.identity, ledger, numbers),
        audit=Audit(client, portfolios, now_ms, settings.privacy.audit_kept_ms),
        outcomes=Outcomes(client, portfolios, one_slot=one_slot),
        kpis=Kpis(client, portfolios),
        daily_use=DailyUse(client),
        relays=Relays(client, portfolios, ground.seal),
        campaigns=campaigns,
        fates=Fates(client, portfolios),
        audiences=Audiences(client, portfolios, ground.seal, campaigns),
        leases=Leases(client, secrets.token_hex(8)),
    )


def ledger_of(connection: StoreConnection, portfolios: Sequence[str], journal: Journal) -> Ledger:
    """The ledger behind a connection."""
    ranks = {state.value: rank for state, rank in RANK.items()}
    return Ledger(connection.client, portfolios, ranks, one_slot=connection.is_cluster, journal=journal)


def _configured(settings: Settings) -> list[Standing]:
    return [
        Standing(
            portfolio=portfolio.id,
            epoch=0,
            limit=portfolio.messaging_limit,
            limit_source="config",
            numbers={n.id: NumberStanding(n.id, n.throughput) for w in portfolio.wabas for n in w.numbers},
            rules=settings.rules,
        )
        for portfolio in settings.portfolios
    ]
