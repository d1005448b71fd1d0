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


def campaign(make_sender, name, hours=60, template="black_friday_offer", a_day=500):
    """Send every day, whatever happens, and see everything through."""
    sender = make_sender(SCENARIOS[name], throughput=999)
    for day in range(hours // 24 + 1):
        for order in range(a_day):
            sender.template(f"+1650{day * a_day + order:07d}", day * DAY_MS, template)
    sender.later(60 * DAY_MS)
    return sender


def penalties(sender):
    return [str(penalty.kind) for penalty in sender.world.book.penalties]


def test_a_bad_list_harms_with_every_template_and_restricts_its_number(make_sender):
    for template in ("black_friday_offer", "order_confirmation"):
        sender = campaign(make_sender, "bad_list", template=template)
        assert 40 < sender.world.book.harmful < 200
        assert sender.world.book.fates["failed"] > 50
        assert sender.world.book.restricted


def test_a_bad_template_is_paused_and_the_others_are_left_alone(make_sender):
    assert "template_paused" in penalties(campaign(make_sender, "bad_template"))
    other = campaign(make_sender, "bad_template", template="order_confirmation")
    assert penalties(other) == []
    assert other.world.book.harmful < 15


def test_a_template_is_paused_twice_then_disabled_and_its_number_is_not_restricted(make_sender):
    sender = campaign(make_sender, "template_pause", hours=7 * 24, a_day=200)
    assert penalties(sender) == ["template_paused", "template_paused", "template_disabled"]
    assert not sender.world.book.restricted


def test_an_account_climbs_all_steps_of_the_ladder(make_sender):
    sender = campaign(make_sender, "restriction_ladder", hours=80 * 24, a_day=150)
    days = [(p.until_ms - p.at_ms) // DAY_MS for p in sender.world.book.penalties if p.until_ms is not None]
    assert penalties(sender)[0] == "warning"
    assert days[:5] == [1, 3, 5, 7, 30]


def test_under_the_old_regime_a_number_is_flagged_and_loses_a_tier(make_sender):
    sender = campaign(make_sender, "old_regime")
    events = [value["event"] for value in sender.told("phone_number_quality_update")]
    assert events[0] == "FLAGGED"
    assert "DOWNGRADE" in events
    assert sender.world.estate.portfolios["lucky-shrub"].places.limit < 2_000


def test_scenarios_are_data_to_build_on():
    assert replace(SCENARIOS["calm"], failed_share=0.5).failed_share == 0.5
