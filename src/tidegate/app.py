"""The composition root: the only place that builds things."""

from __future__ import annotations

import functools
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

from tidegate import __version__
from tidegate.alert_watch import AlertWatch
from tidegate.audit_watch import AuditWatch
from tidegate.campaigns.acquaintance import Acquaintance
from tidegate.campaigns.day_watch import DayWatch
from tidegate.campaigns.fate_notes import FateNotes
from tidegate.campaigns.feeder import Feeder
from tidegate.campaigns.gate_readings import GateReadings
from tidegate.campaigns.mending import Mending
from tidegate.campaigns.planner import Planner
from tidegate.campaigns.runner import Runner
from tidegate.campaigns.steering import Steering
from tidegate.campaigns.tending import Tending
from tidegate.clock import StoreClock
from tidegate.dispatcher import Dispatcher
from tidegate.edge.denials import Kind
from tidegate.edge.door.tls import Tls
from tidegate.edge.door.turnstile import Turnstile
from tidegate.edge.graph.media_links import MediaLinks
from tidegate.edge.routes import make_application, make_runner
from tidegate.edge.services import Services
from tidegate.enforcement import Enforcement
from tidegate.errors import StoreUnavailable
from tidegate.feed import Feed
from tidegate.gateway import START_BY_MS, Gateway, Offline, Route
from tidegate.gauges import Gauges
from tidegate.graph_reads import GraphReads
from tidegate.ids import MessageIds
from tidegate.journal import Journal, open_slot, open_slots_of_the_dead
from tidegate.keys_in_force import KeysInForce
from tidegate.metrics import Metrics
from tidegate.node import CLOSE_S, Node
from tidegate.offline_duty import OfflineDuty
from tidegate.pacer import Pacer
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import RANK
from tidegate.policy.standing import NumberStanding, Standing
from tidegate.policy.verdict import Reason
from tidegate.poller import Account, Poller
from tidegate.recovery import Recovery, Stores
from tidegate.relay import Relay
from tidegate.rules_in_force import RulesInForce
from tidegate.send_rates import SendRates
from tidegate.settings import Settings
from tidegate.settings.credentials import Credentials
from tidegate.signals import Signals, Whose
from tidegate.store.alert_marks import AlertRecords
from tidegate.store.aliases import Aliases
from tidegate.store.audiences import Audiences
from tidegate.store.audit import Audit
from tidegate.store.books import Books
from tidegate.store.campaigns import Campaigns
from tidegate.store.client import StoreConnection, connect
from tidegate.store.condition import inspect
from tidegate.store.counts import Counts
from tidegate.store.daily_use import DailyUse
from tidegate.store.data_keys import DataKeys
from tidegate.store.erasures import Erasures
from tidegate.store.fates import Fates
from tidegate.store.feeds import Feeds
from tidegate.store.idempotency import Idempotency
from tidegate.store.key_uses import KeyUses
from tidegate.store.kpis import Kpis
from tidegate.store.leases import Leases
from tidegate.store.ledger import Ledger
from tidegate.store.messages import Messages
from tidegate.store.outcome_counts import OutcomeCounts
from tidegate.store.outcomes import Outcomes
from tidegate.store.prepaid import Prepaid
from tidegate.store.relay_looks import RelayLooks
from tidegate.store.relay_traces import RelayTraces
from tidegate.store.relays import Relays, Room
from tidegate.store.releases_ahead import ReleasesAhead
from tidegate.store.scripts import StoreClient, require_replicas, time_scripts
from tidegate.store.sealing import Seal
from tidegate.store.send_queue import SendQueue
from tidegate.store.standing_history import StandingHistory
from tidegate.store.standings import Standings
from tidegate.store.steerable_clock import SteerableClock
from tidegate.store.surveys import Surveys
from tidegate.store.tallies import Tallies
from tidegate.store.users import Users
from tidegate.store.wallets import Wallets
from tidegate.store.warnings import Warnings
from tidegate.store.witness import Witness
from tidegate.tasks import spawn
from tidegate.tracing import open_tracing
from tidegate.upstream import Upstream
from tidegate.warm_ups import WarmUps
from tidegate.warning_watch import WarningWatch

#: Admitted sends start within START_BY_MS of their asking; a stop is acknowledged a little after that.
SETTLE_MS: Final = START_BY_MS + 50
#: Audiences that a node takes at once. Each may take some 50 MB.
UPLOADS: Final = 2
#: Answers on the recipients of audiences that one node writes at once.
DOWNLOADS: Final = 4
log = structlog.get_logger()

__all__ = ["SETTLE_MS", "Node", "build"]


async def build(settings: Settings, store_url: str | None = None) -> Node:
    """Compose a node that has not started yet. `store_url` overrides the settings' (a worker joins its node's store).

    Raises StoreUnavailable when an embedded store can't be started.
    """
    witness = Witness()
    connection = await connect(store_url or settings.store.url.get_secret_value(), witness=witness)
    client = connection.client
    require_replicas(client, settings.store.replicas_ack)
    journals = _journals(settings.journal.directory)
    portfolios = [portfolio.id for portfolio in settings.portfolios]
    routes = [Route(p.id, w.id, n.id) for p, w, n in settings.numbers]
    clock, metrics, ids = StoreClock(), Metrics(), MessageIds(portfolios)
    time_scripts(client, metrics)
    tracing = open_tracing(settings.tracing.endpoint, __version__)
    identity = Identity(settings.privacy.identity_key.get_secret_value())
    data_keys = _data_keys(client, settings, clock)
    seal = Seal(settings.privacy.identity_key.get_secret_value(), data_keys)
    ledger = _ledger(connection, portfolios, journals[0])
    queue, messages = SendQueue(client, portfolios, seal, journals[0]), Messages(client, portfolios, seal)
    standings, tallies = Standings(client, _configured(settings)), Tallies(client)
    credentials = Credentials(settings)
    upstream = Upstream(
        settings.upstream.base_url,
        settings.upstream.timeout_ms / 1000,
        credentials.of_numbers,
    )
    users = Users(client, portfolios, clock.now_ms, one_slot=connection.is_cluster, journal=journals[0])
    numbers = {p.id: [n.id for w in p.wabas for n in w.numbers] for p in settings.portfolios}
    aliases = Aliases(users, identity, ledger, numbers)
    audit = Audit(client, portfolios, clock.now_ms, settings.privacy.audit_kept_ms)
    outcomes = Outcomes(client, portfolios, one_slot=connection.is_cluster)
    enforcement = Enforcement(
        standings=standings,
        users=users,
        counts=Counts(client, portfolios),
        ledger=ledger,
        clock=clock,
        metrics=metrics,
        settle_ms=SETTLE_MS,
    )
    offline = Offline(journals[0], clock, witness.doubts.is_set)
    prepaid = Prepaid(client, journals[0].node)
    gateway = Gateway(
        ledger=ledger,
        queue=queue,
        standings=standings,
        upstream=upstream,
        pacer=Pacer(clock),
        clock=clock,
        identity=identity,
        ids=ids,
        metrics=metrics,
        users=users,
        aliases=aliases,
        offline=offline,
        prepaid=prepaid,
        enforcement=enforcement,
        seal=seal,
        tracing=tracing,
        grants={app.name: grant for app in settings.apps if (grant := app.grant) is not None},
    )
    dispatcher = Dispatcher(gateway, queue, standings, routes, clock, metrics)
    books = Books(client, journals[0])
    whose = Whose(messages, identity, ids)
    signals = Signals(
        ledger=ledger,
        books=books,
        standings=standings,
        messages=messages,
        whose=whose,
        users=users,
        aliases=aliases,
        outcomes=outcomes,
        enforcement=enforcement,
        identity=identity,
        clock=clock,
        metrics=metrics,
        portfolio_of_number={route.number: route.portfolio for route in routes},
        portfolio_of_waba={route.waba: route.portfolio for route in routes},
        number_of_display={n.display_phone_number: n.id for _, _, n in settings.numbers if n.display_phone_number},
    )
    relays, public_url = Relays(client, portfolios, seal), settings.server.public_url
    relay = Relay(
        settings,
        relays=relays,
        traces=RelayTraces(client, portfolios, seal),
        looks=RelayLooks(client, portfolios, one_slot=connection.is_cluster),
        messages=messages,
        users=users,
        whose=whose,
        identity=identity,
        ids=ids,
        clock=clock,
        metrics=metrics,
        # A webhook comes with no caller whose Host header could say where the gateway is reached.
        file_address=functools.partial(MediaLinks.of(settings).address, public_url) if public_url else None,
    )
    campaigns, fates = Campaigns(client, portfolios), Fates(client, portfolios)
    audiences = Audiences(client, portfolios, seal, campaigns)
    fate_notes = FateNotes(fates, clock)
    gateway.call_on_fate(fate_notes.note)
    signals.on_fate = dispatcher.on_fate = fate_notes.note
    feed = Feed(Feeds(client, portfolios), clock, portfolios)
    gateway.call_on_answer(feed.decided)
    signals.on_status, dispatcher.on_end = feed.heard, feed.became
    rouse = functools.partial(_rouse, dispatcher)
    steering = Steering(campaigns, standings, ledger, enforcement.settled, rouse)
    steering.on_news = feed.moved
    leases = Leases(client, secrets.token_hex(8))
    relayed = frozenset(app.name for app in settings.apps if app.webhook_url is not None)
    by_number = {route.number: route for route in routes}
    feeder = Feeder(gateway, queue, audiences, fates, ids, by_number, relayed)
    history, daily_use = StandingHistory(client, portfolios), DailyUse(client)
    mending = Mending(fates, queue, feeder, audiences)
    tending = Tending(
        campaigns=campaigns,
        fates=fates,
        feeder=feeder,
        mending=mending,
        steering=steering,
        standings=standings,
        clock=clock,
        gates=GateReadings(history, standings, {route.number: route.waba for route in routes}),
    )
    runner_of_campaigns = Runner(
        campaigns=campaigns,
        tending=tending,
        mending=mending,
        steering=steering,
        standings=standings,
        leases=leases,
        clock=clock,
    )
    steering.on_move = runner_of_campaigns.wake
    gateway.call_on_change(dispatcher.wake)
    signals.on_change = enforcement.on_change = rouse
    accounts = [
        Account(
            p.id,
            w.id,
            tuple(n.id for n in w.numbers),
            GraphReads(upstream, p.id, w.id, functools.partial(credentials.of_wabas.__getitem__, w.id), clock.now_ms),
        )
        for p, w in settings.wabas
    ]
    draining, handing_over = [False], [False]
    poller = Poller(
        restand=signals.restand,
        consider=enforcement.consider,
        standing=standings.current,
        clock=clock,
        leases=leases,
        accounts=accounts,
        interval_ms=settings.poll.interval_ms,
    )
    audit_watch = AuditWatch(audit, standings, clock, leases)
    probe = functools.partial(inspect, client)
    gauges = Gauges(
        settings=settings,
        metrics=metrics,
        surveys=Surveys(client, portfolios),
        standings=standings,
        relays=relays,
        relay=relay,
        signals=signals,
        dispatcher=dispatcher,
        poller=poller,
        audit=audit_watch,
        clock=clock,
        probe=probe,
        is_draining=lambda: draining[0],
        version=__version__,
        journal_is_durable=journals[0].is_durable,
    )
    kpis = Kpis(client, portfolios)
    services = Services(
        settings=settings,
        gateway=gateway,
        ledger=ledger,
        books=books,
        queue=queue,
        standings=standings,
        rules=RulesInForce(
            standings=standings,
            ledger=ledger,
            audit=audit,
            clock=clock,
            configured=settings.rules,
            settle_ms=SETTLE_MS,
            rouse=rouse,
        ),
        credentials=credentials,
        keys=KeysInForce(settings.apps, standings, KeyUses(client, min(portfolios)), clock),
        messages=messages,
        users=users,
        aliases=aliases,
        identity=identity,
        audit=audit,
        outcomes=outcomes,
        tallies=tallies,
        wallets=Wallets(client),
        campaigns=campaigns,
        audiences=audiences,
        uploads=Turnstile(UPLOADS, Kind.OVERLOADED, "the node", "uploads", metrics),
        downloads=Turnstile(DOWNLOADS, Kind.OVERLOADED, "the node", "downloads", metrics),
        erasures=Erasures(client),
        planner=Planner(
            ledger=ledger,
            queue=queue,
            tallies=tallies,
            counts=history.sent,
            audiences=audiences,
            fates=fates,
            acquaintance=Acquaintance(ledger, identity),
            clock=clock,
            routes=routes,
        ),
        daily_use=daily_use,
        enforcement=enforcement,
        signals=signals,
        relay=relay,
        relays=relays,
        dispatcher=dispatcher,
        upstream=upstream,
        clock=clock,
        steerable=SteerableClock(client, portfolios) if settings.testing.clock else None,
        metrics=metrics,
        gauges=gauges,
        tracing=tracing,
        ids=ids,
        draining=lambda: draining[0],
        handing_over=lambda: handing_over[0],
        version=__version__,
        idempotency=Idempotency(client, portfolios, seal, one_slot=connection.is_cluster),
        seal=seal,
        history=history,
        kpis=kpis,
        send_rates=SendRates(kpis, clock),
        releases_ahead=ReleasesAhead(client, portfolios),
        fates=fates,
        fate_notes=fate_notes,
        feed=feed,
        steering=steering,
        campaign_runner=runner_of_campaigns,
        probe=probe,
    )
    enforcement.on_relief = lambda portfolio, waba: poller.look(waba)
    watch = WarningWatch(
        OutcomeCounts(client, portfolios),
        Warnings(client, portfolios),
        standings,
        leases,
        clock,
        {route.number: route.waba for route in routes},
        enforcement.consider,
    )
    alerts = AlertWatch(
        relay=relay,
        relays=relays,
        records=AlertRecords(client, portfolios),
        standings=standings,
        leases=leases,
        clock=clock,
        probe=services.probe,
        replicas_ack=settings.store.replicas_ack,
        room=Room(settings.relay.most_waiting, settings.relay.most_bytes),
    )
    enforcement.on_alert = alerts.signalled
    warm_ups = WarmUps(standings, tallies, clock, leases)
    warm_ups.on_growth = rouse

    @asynccontextmanager
    async def open_stores() -> AsyncIterator[Stores]:
        async with connection.unwatched() as aside:
            yield Stores(
                connection=aside,
                books=Books(aside.client),
                ledger=_ledger(aside, portfolios, Journal()),
                users=Users(aside.client, portfolios, clock.now_ms, one_slot=aside.is_cluster),
            )

    recovery = Recovery(
        journals,
        witness,
        open_stores,
        standings,
        ledger,
        clock,
        metrics,
        on_whole=functools.partial(_rouse, dispatcher, reasons=(Reason.STORE_UNAVAILABLE.value,)),
    )
    standings.on_other_books = witness.doubt
    without_store = OfflineDuty(
        prepaid=prepaid,
        books=books,
        ledger=ledger,
        users=users,
        standings=standings,
        offline=offline,
        journals=journals,
        clock=clock,
        metrics=metrics,
    )
    standings.on_recall = without_store.call_back
    witness.on_trust = without_store.forget
    application, control = make_application(services), settings.server.control
    runner = make_runner(application, settings.server, shutdown_timeout=CLOSE_S)
    control_runner = None
    if control is not None:
        beside = make_application(services, beside=application)
        control_runner = make_runner(beside, control, shutdown_timeout=CLOSE_S)
    duties = {
        "early warning": watch.run,
        "warm-ups": warm_ups.run,
        "days": DayWatch(standings, ledger, daily_use, clock).run,
        "data keys": data_keys.run,
        "audit": audit_watch.run,
        "loop lag": gauges.watch_loop,
        "recovery": recovery.run,
        "time without the store": without_store.run,
        "relay": relay.run,
        "live feed": feed.run,
        "alerts": alerts.run,
        "campaigns' runner": runner_of_campaigns.run,
    }
    return Node(
        settings,
        connection,
        services,
        poller,
        runner,
        recovery,
        without_store,
        draining,
        handing_over,
        duties,
        Tls.of(settings.server),
        control_runner,
    )


def _journals(directory: Path | None) -> list[Journal]:
    """This node's own journal first, then those that nodes which have ended here left behind."""
    if directory is None:
        return [Journal()]
    return [Journal(open_slot(directory)), *map(Journal, open_slots_of_the_dead(directory))]


def _data_keys(client: StoreClient, settings: Settings, clock: StoreClock) -> DataKeys:
    privacy = settings.privacy
    previous = [key.get_secret_value() for key in privacy.previous_keys]
    return DataKeys(client, privacy.payload_key.get_secret_value(), previous, clock.now_ms)


def _ledger(connection: StoreConnection, portfolios: Sequence[str], journal: Journal) -> Ledger:
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
