"""Blocks, opt-outs and what follows: quality, pauses, code 131048."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tidegate.simulator.behaviour import DAY_MS, HOUR_MS, Reactions
from tidegate.simulator.scenarios import INSTANT

from .conftest import NUMBER, WABA

OFFER = "black_friday_offer"


def hated(**more: object) -> object:
    return replace(INSTANT, reactions=replace(Reactions(block_share=1.0, least_sample=5.0), **more))


def campaign(sender, now_ms, users, name=OFFER):
    """Send to users one by one; the codes of the answers."""
    return [sender.template(f"+1650{user:07d}", now_ms, name) for user in users]


def titles(sender) -> list[str]:
    return [value["other_info"]["title"] for value in sender.told("message_template_status_update")]


def test_a_hated_template_is_paused_told_and_refused_and_its_number_turns_red(make_sender):
    sender = make_sender(hated())
    assert campaign(sender, 0, range(7)) == [0, 0, 0, 0, 0, 132015, 132015]
    assert titles(sender) == ["FIRST_PAUSE"]
    assert sender.told("message_template_quality_update")[0]["new_quality_score"] == "RED"
    assert sender.world.estate.numbers[NUMBER].quality == "RED"


def test_pauses_last_3_and_6_hours_and_the_third_time_it_is_disabled(make_sender):
    sender = make_sender(hated(spam_share=2.0))
    campaign(sender, 0, range(5))
    assert campaign(sender, 3 * HOUR_MS - 1, [100]) == [132015]
    assert campaign(sender, 3 * HOUR_MS, range(200, 206)) == [0, 0, 0, 0, 0, 132015]
    assert campaign(sender, 9 * HOUR_MS - 1, [300]) == [132015]
    assert campaign(sender, 9 * HOUR_MS, range(400, 406)) == [0, 0, 0, 0, 0, 132016]
    assert titles(sender) == ["FIRST_PAUSE", "UNPAUSE", "SECOND_PAUSE", "UNPAUSE", "DISABLED"]
    assert campaign(sender, 30 * DAY_MS, [500]) == [132016]


def test_a_pause_that_was_lifted_by_hand_does_not_cut_the_next_one_short(make_sender):
    sender = make_sender()
    for hour, status in ((0, "PAUSED"), (1, "APPROVED"), (2, "PAUSED")):
        sender.world.set_template(WABA, OFFER, hour * HOUR_MS, status=status)
    assert campaign(sender, 3 * HOUR_MS, [1]) == [132015]
    assert campaign(sender, 8 * HOUR_MS - 1, [1]) == [132015]
    assert campaign(sender, 8 * HOUR_MS, [1]) == [0]


def test_a_number_that_too_many_block_may_send_no_template_for_a_while(make_sender):
    sender = make_sender(hated(spam_hold_ms=1_000))
    campaign(sender, 0, range(5))
    assert campaign(sender, 999, [100], "order_confirmation") == [131048]
    assert campaign(sender, 1_000, [100], "order_confirmation") == [0]


def test_a_user_who_blocked_the_number_gets_nothing_until_he_writes(make_sender):
    sender = make_sender(hated(least_sample=1_000.0))
    campaign(sender, 0, [1])
    campaign(sender, 6_000, [1])
    assert sender.statuses()[-1]["errors"][0]["code"] == 131026
    sender.world.inbound(NUMBER, "+16500000001", 7_000)
    campaign(sender, 12_000, [1])
    assert sender.statuses()[-1]["status"] == "delivered"


def test_a_user_who_stops_marketing_is_told_of_and_gets_none(make_sender):
    sender = make_sender(hated(block_share=0.0, stop_share=1.0))
    campaign(sender, 0, [1])
    campaign(sender, 6_000, [1])
    assert sender.told("user_preferences")[0]["user_preferences"][0]["value"] == "stop"
    assert sender.statuses()[-1]["errors"][0]["code"] == 131050
    campaign(sender, 12_000, [1], "order_confirmation")
    assert sender.statuses()[-1]["status"] == "delivered"


def test_old_reactions_weigh_less(make_sender):
    sender = make_sender(hated(least_sample=8.0, half_life_ms=DAY_MS))
    campaign(sender, 0, range(6))
    assert campaign(sender, 3 * DAY_MS, range(10, 15)) == [0] * 5  # 6/8 + 5 are fewer than 8
    assert titles(sender) == []


def test_a_low_quality_fades_with_time_though_nothing_is_sent(make_sender):
    sender = make_sender(hated(half_life_ms=2 * DAY_MS, least_sample=4.0, spam_share=2.0))
    campaign(sender, 0, range(4))
    campaign(sender, 0, range(10, 14), "login_code")
    qualities = []
    for hour in (0, 47, 49, 400):
        sender.world.catch_up(hour * HOUR_MS)
        qualities.append(sender.world.estate.numbers[NUMBER].quality)
    assert qualities == ["RED", "RED", "UNKNOWN", "UNKNOWN"]


def test_messages_inside_a_window_annoy_nobody(make_sender):
    sender = make_sender(hated())
    for user in range(6):
        sender.world.inbound(NUMBER, f"+1650{user:07d}", 0)
    campaign(sender, 0, range(6))
    assert titles(sender) == []


def test_a_user_gets_no_more_marketing_a_day_than_the_cap(make_sender):
    sender = make_sender(replace(INSTANT, marketing_per_user=2))
    for now_ms in (0, 6_000, 12_000, DAY_MS, DAY_MS + 6_000):
        campaign(sender, now_ms, [1])
    ends = [status for status in sender.statuses() if status["status"] != "sent"]
    codes = [status["errors"][0]["code"] if "errors" in status else 0 for status in ends]
    assert codes == [0, 0, 131049, 0, 0]


def test_users_in_the_experiment_stay_in_it(make_sender):
    sender = make_sender(replace(INSTANT, experiment_share=0.5))
    for now_ms in (0, DAY_MS):
        campaign(sender, now_ms, range(40))
    failed = [status["recipient_id"] for status in sender.statuses() if status["status"] == "failed"]
    assert 5 < len(set(failed)) < 35
    assert sorted(failed) == sorted([*set(failed), *set(failed)])
    assert {status["errors"][0]["code"] for status in sender.statuses() if "errors" in status} == {130472}


@pytest.mark.parametrize(
    ("change", "field", "key", "expected"),
    [
        pytest.param({"status": "REJECTED"}, "message_template_status_update", "event", "REJECTED", id="status"),
        pytest.param({"category": "marketing"}, "template_category_update", "new_category", "MARKETING", id="category"),
        pytest.param({"quality": "RED"}, "message_template_quality_update", "new_quality_score", "RED", id="quality"),
    ],
)
def test_each_change_of_a_template_has_its_own_webhook(make_sender, change, field, key, expected):
    sender = make_sender()
    for _ in range(2):  # the second time nothing changes and nothing is told
        sender.world.set_template(WABA, "order_confirmation", 0, **change)
    sender.later(0)
    assert [value[key] for value in sender.told(field)] == [expected]
    assert len(sender.webhooks) == 1
