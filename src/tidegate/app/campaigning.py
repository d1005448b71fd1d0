"""Campaigns: planned, steered, fed into the queue, and looked after."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.app.ground import Ground
from tidegate.app.hearing import Hearing
from tidegate.app.records import Records
from tidegate.app.sending import Sending
from tidegate.campaigns.acquaintance import Acquaintance
from tidegate.campaigns.fate_notes import FateNotes
from tidegate.campaigns.feeder import Feeder
from tidegate.campaigns.gate_readings import GateReadings
from tidegate.campaigns.mending import Mending
from tidegate.campaigns.planner import Planner
from tidegate.campaigns.runner import Runner
from tidegate.campaigns.steering import Steering
from tidegate.campaigns.tending import Tending


@dataclass(frozen=True, slots=True)
class Campaigning:
    """It."""

    fate_notes: FateNotes
    steering: Steering
    planner: Planner
    runner: Runner


def prepare_campaigning(ground: Ground, records: Records, sending: Sending, hearing: Hearing) -> Campaigning:
    """It, with what it hears of the send path and of Meta."""
    fate_notes = FateNotes(records.fates, ground.clock)
    sending.gateway.call_on_fate(fate_notes.note)
    hearing.signals.on_fate = sending.dispatcher.on_fate = fate_notes.note
    enforcement, standings = sending.enforcement, records.standings
    steering = Steering(records.campaigns, standings, records.ledger, enforcement.settled, sending.rouse)
    steering.on_news = sending.feed.moved
    runner = _runner(ground, records, sending, steering)
    steering.on_move = runner.wake
    return Campaigning(fate_notes, steering, _planner(ground, records), runner)


def _runner(ground: Ground, records: Records, sending: Sending, steering: Steering) -> Runner:
    fates, standings, clock = records.fates, records.standings, ground.clock
    relayed = frozenset(app.name for app in ground.settings.apps if app.webhook_url is not None)
    by_number = {route.number: route for route in ground.routes}
    feeder = Feeder(sending.gateway, records.queue, records.audiences, fates, ground.ids, by_number, relayed)
    mending = Mending(fates, records.queue, feeder, records.audiences)
    tending = Tending(
        campaigns=records.campaigns,
        fates=fates,
        feeder=feeder,
        mending=mending,
        steering=steering,
        standings=standings,
        clock=clock,
        gates=GateReadings(records.history, standings, ground.waba_of_number),
    )
    return Runner(
        campaigns=records.campaigns,
        tending=tending,
        mending=mending,
        steering=steering,
        standings=standings,
        leases=records.leases,
        clock=clock,
    )


def _planner(ground: Ground, records: Records) -> Planner:
    return Planner(
        ledger=records.ledger,
        queue=records.queue,
        tallies=records.tallies,
        counts=records.history.sent,
        audiences=records.audiences,
        fates=records.fates,
        acquaintance=Acquaintance(records.ledger, ground.identity),
        clock=ground.clock,
        routes=ground.routes,
    )
