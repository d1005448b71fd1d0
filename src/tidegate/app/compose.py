"""A node put together from its parts."""

from __future__ import annotations

import functools

from tidegate import __version__
from tidegate.app.campaigning import prepare_campaigning
from tidegate.app.duties import duties_of, offline_duty_of, recovery_of
from tidegate.app.ground import lay_ground
from tidegate.app.hearing import prepare_hearing
from tidegate.app.offering import services_of
from tidegate.app.records import open_records
from tidegate.app.sending import prepare_sending
from tidegate.audit_watch import AuditWatch
from tidegate.edge.door.tls import Tls
from tidegate.edge.routes import make_application, make_runner
from tidegate.ending import Ending
from tidegate.gauges import Gauges
from tidegate.node import CLOSE_S, Node
from tidegate.settings import Settings
from tidegate.store.condition import inspect
from tidegate.store.surveys import Surveys


async def build(settings: Settings, store_url: str | None = None) -> Node:
    """Compose a node that has not started yet. `store_url` overrides the settings' (a worker joins its node's store).

    Raises StoreUnavailable when an embedded store can't be started.
    """
    ground = await lay_ground(settings, store_url)
    records = open_records(ground)
    sending = prepare_sending(ground, records)
    hearing = prepare_hearing(ground, records, sending)
    campaigning = prepare_campaigning(ground, records, sending, hearing)
    recovery, without_store = recovery_of(ground, records, sending), offline_duty_of(ground, records, sending)
    ending = Ending()
    probe = functools.partial(inspect, ground.client)
    audit_watch = AuditWatch(records.audit, records.standings, ground.clock, records.leases)
    gauges = Gauges(
        settings=settings,
        metrics=ground.metrics,
        surveys=Surveys(ground.client, ground.portfolios),
        standings=records.standings,
        relays=records.relays,
        relay=hearing.relay,
        signals=hearing.signals,
        dispatcher=sending.dispatcher,
        poller=hearing.poller,
        audit=audit_watch,
        clock=ground.clock,
        probe=probe,
        is_draining=lambda: ending.drains,
        version=__version__,
        journal_is_durable=ground.journal.is_durable,
    )
    services = services_of(
        ground,
        records,
        sending,
        hearing,
        campaigning,
        gauges=gauges,
        probe=probe,
        ending=ending,
    )
    duties = duties_of(
        ground,
        records,
        sending,
        hearing,
        campaigning,
        audit_watch=audit_watch,
        gauges=gauges,
        recovery=recovery,
        without_store=without_store,
    )
    application, control = make_application(services), settings.server.control
    runner = make_runner(application, settings.server, shutdown_timeout=CLOSE_S)
    control_runner = None
    if control is not None:
        beside = make_application(services, beside=application)
        control_runner = make_runner(beside, control, shutdown_timeout=CLOSE_S)
    return Node(
        settings,
        ground.connection,
        services,
        hearing.poller,
        runner,
        recovery,
        without_store,
        ending,
        duties,
        Tls.of(settings.server),
        control_runner,
    )
