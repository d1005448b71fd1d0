"""Every named scenario can be lived through, and does what its name says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tidegate.simulator.behaviour import DAY_MS, HOUR_MS, MINUTE_MS
from tidegate.simulator.scenarios import SCENARIOS


def lived(make_sender, name, sends=400, every_ms=1_000, template="order_confirmation"):
    sender = make_sender(SCENARIOS[name])
    for order in range(sends):
        sender.template(f"+1650{order:07d}", order * every_ms, template, opaque=f"id-{order}")
    sender.later(40 * DAY_MS)
    return sender


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "outage"])
def test_every_message_of_a_scenario_meets_its_fate(make_sender, name):
    sender = lived(make_sender, name)
    book = sender.world.book
    ended = book.fates["delivered"] + book.fates["failed"] + book.fates["lapsed"]
    assert ended == len(book.accepted) > 0
    assert sender.world.next_event_at_ms() is None
    assert sender.world.state()["portfolios"]["lucky-shrub"]["committed"] == 0


def test_slow_delivery_reaches_beyond_30_hours(make_sender):
    sender = make_sender(SCENARIOS["slow_delivery"])
    for order in range(2_000):
        sender.template(f"+1650{order:07d}", order * 100)
    late = []
    for hours in (1, 24, 30):
        sender.later(hours * HOUR_MS)
        late.append(2_000 - sender.world.book.fates["delivered"])
    assert late[0] > 200
    assert late[1] > 20
    assert late[2] > 5


def test_two_in_a_hundred_fail(make_sender):
    assert 15 < lived(make_sender, "failures", 1_000).world.book.fates["failed"] < 27


def test_messy_webhooks_come_twice_in_disorder_or_never(make_sender):
    sender = lived(make_sender, "messy_webhooks")
    told = Counter((status["id"], status["status"]) for status in sender.statuses())
    assert max(told.values()) == 2
    assert sender.world.lost_webhooks > 0
    times = [webhook.at_ms for webhook in sender.webhooks]
    assert times != sorted(times)


def test_an_outage_begins_and_ends(make_sender):
    sender = make_sender(SCENARIOS["outage"])
    codes = [sender.template(f"+1650{minute:07d}", minute * MINUTE_MS) for minute in range(20)]
    assert codes == [0] * 10 + [2] * 5 + [0] * 5


def test_a_throttled_number_has_a_tenth_of_its_throughput(make_sender):
    sender = lived(make_sender, "throttle", 80, 1)
    assert len(sender.world.book.accepted) == 8


def test_disliked_marketing_is_paused(make_sender):
    sender = lived(make_sender, "disliked", template="black_friday_offer")
    assert sender.world.book.refused[132015] > 0
    assert sender.told("user_preferences")


def test_scenarios_are_data_to_build_on():
    assert replace(SCENARIOS["calm"], failed_share=0.5).failed_share == 0.5
