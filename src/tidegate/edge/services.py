"""What handlers work with: everything that one node is made of, built elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tidegate.campaigns.fate_notes import FateNotes
from tidegate.campaigns.planner import Planner
from tidegate.campaigns.runner import Runner
from tidegate.campaigns.steering import Steering
from tidegate.clock import StoreClock
from tidegate.dispatcher import Dispatcher
from tidegate.edge.door.turnstile import Turnstile
from tidegate.ending import Ending
from tidegate.enforcement import Enforcement
from tidegate.feed import Feed
from tidegate.gateway import Gateway
from tidegate.gauges import Gauges
from tidegate.ids import MessageIds
from tidegate.keys_in_force import KeysInForce
from tidegate.metrics import Metrics
from tidegate.policy.identity import Identity
from tidegate.relay import Relay
from tidegate.rules_in_force import RulesInForce
from tidegate.send_rates import SendRates
from tidegate.settings import Settings
from tidegate.settings.credentials import Credentials
from tidegate.signals import Signals
from tidegate.store.aliases import Aliases
from tidegate.store.audiences import Audiences
from tidegate.store.audit import Audit
from tidegate.store.books import Books
from tidegate.store.campaigns import Campaigns
from tidegate.store.condition import StoreCondition
from tidegate.store.daily_use import DailyUse
from tidegate.store.erasures import Erasures
from tidegate.store.fates import Fates
from tidegate.store.idempotency import Idempotency
from tidegate.store.kpis import Kpis
from tidegate.store.ledger import Ledger
from tidegate.store.messages import Messages
from tidegate.store.outcomes import Outcomes
from tidegate.store.relays import Relays
from tidegate.store.releases_ahead import ReleasesAhead
from tidegate.store.sealing import Seal
from tidegate.store.send_queue import SendQueue
from tidegate.store.standing_history import StandingHistory
from tidegate.store.standings import Standings
from tidegate.store.steerable_clock import SteerableClock
from tidegate.store.tallies import Tallies
from tidegate.store.users import Users
from tidegate.store.wallets import Wallets
from tidegate.tracing import Tracing
from tidegate.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a node.

    `steerable` is None unless the configuration asks for a test clock. `ending` says how near the node is to its end.
    `probe` asks the store for its condition, with a write. `uploads` are the audiences that are being taken,
    `downloads` what is told of their recipients.
    """

    settings: Settings
    gateway: Gateway
    ledger: Ledger
    books: Books
    queue: SendQueue
    standings: Standings
    rules: RulesInForce
    keys: KeysInForce
    credentials: Credentials
    messages: Messages
    users: Users
    aliases: Aliases
    identity: Identity
    audit: Audit
    outcomes: Outcomes
    tallies: Tallies
    wallets: Wallets
    campaigns: Campaigns
    audiences: Audiences
    uploads: Turnstile
    downloads: Turnstile
    erasures: Erasures
    planner: Planner
    daily_use: DailyUse
    enforcement: Enforcement
    signals: Signals
    relay: Relay
    relays: Relays
    dispatcher: Dispatcher
    upstream: Upstream
    clock: StoreClock
    steerable: SteerableClock | None
    metrics: Metrics
    gauges: Gauges
    tracing: Tracing
    ids: MessageIds
    ending: Ending
    version: str
    idempotency: Idempotency
    seal: Seal
    fates: Fates
    fate_notes: FateNotes
    feed: Feed
    steering: Steering
    campaign_runner: Runner
    history: StandingHistory
    kpis: Kpis
    send_rates: SendRates
    releases_ahead: ReleasesAhead
    probe: Callable[[], Awaitable[StoreCondition]]

    def closing(self) -> bool:
        """Whether each answer is the last on its connection."""
        return self.ending.closes
