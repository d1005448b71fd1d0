"""What is heard of Meta, by webhooks and by asking, and told on to the apps."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tidegate.app.ground import Ground
from tidegate.app.records import Records
from tidegate.app.sending import Sending
from tidegate.edge.graph.media_links import MediaLinks
from tidegate.graph_reads import GraphReads
from tidegate.poller import Account, Poller
from tidegate.relay import Relay
from tidegate.signals import Signals, Whose
from tidegate.store.relay_looks import RelayLooks
from tidegate.store.relay_traces import RelayTraces


@dataclass(frozen=True, slots=True)
class Hearing:
    """It."""

    signals: Signals
    relay: Relay
    poller: Poller


def prepare_hearing(ground: Ground, records: Records, sending: Sending) -> Hearing:
    """It, with what it tells the send path of."""
    whose = Whose(records.messages, ground.identity, ground.ids)
    signals = _signals(ground, records, sending, whose)
    poller = Poller(
        restand=signals.restand,
        consider=sending.enforcement.consider,
        standing=records.standings.current,
        clock=ground.clock,
        leases=records.leases,
        accounts=_accounts(ground),
        interval_ms=ground.settings.poll.interval_ms,
    )
    signals.on_change = sending.rouse
    sending.enforcement.on_relief = lambda portfolio, waba: poller.look(waba)
    return Hearing(signals, _relay(ground, records, whose), poller)


def _signals(ground: Ground, records: Records, sending: Sending, whose: Whose) -> Signals:
    displayed = ((n.display_phone_number, n.id) for _, _, n in ground.settings.numbers)
    return Signals(
        ledger=records.ledger,
        books=records.books,
        standings=records.standings,
        messages=records.messages,
        whose=whose,
        users=records.users,
        aliases=records.aliases,
        outcomes=records.outcomes,
        enforcement=sending.enforcement,
        identity=ground.identity,
        clock=ground.clock,
        metrics=ground.metrics,
        portfolio_of_number={route.number: route.portfolio for route in ground.routes},
        portfolio_of_waba={route.waba: route.portfolio for route in ground.routes},
        number_of_display={display: number for display, number in displayed if display},
        on_status=sending.feed.heard,
        is_watched=sending.feed.is_watched,
    )


def _relay(ground: Ground, records: Records, whose: Whose) -> Relay:
    client, portfolios, settings = ground.client, ground.portfolios, ground.settings
    public_url = settings.server.public_url
    return Relay(
        settings,
        relays=records.relays,
        traces=RelayTraces(client, portfolios, ground.seal),
        looks=RelayLooks(client, portfolios, one_slot=ground.connection.is_cluster),
        messages=records.messages,
        users=records.users,
        whose=whose,
        identity=ground.identity,
        ids=ground.ids,
        clock=ground.clock,
        metrics=ground.metrics,
        # A webhook comes with no caller whose Host header could say where the gateway is reached.
        file_address=functools.partial(MediaLinks.of(settings).address, public_url) if public_url else None,
    )


def _accounts(ground: Ground) -> list[Account]:
    upstream, credentials, clock = ground.upstream, ground.credentials, ground.clock
    return [
        Account(
            p.id,
            w.id,
            tuple(n.id for n in w.numbers),
            GraphReads(upstream, p.id, w.id, functools.partial(credentials.of_wabas.__getitem__, w.id), clock.now_ms),
        )
        for p, w in ground.settings.wabas
    ]
