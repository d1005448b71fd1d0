"""Numbers under the rules of before October 2025."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tidegate.simulator.behaviour import DAY_MS, OldRegime, Reactions
from tidegate.simulator.config import UNLIMITED
from tidegate.simulator.old_regime import higher_tier, lower_tier
from tidegate.simulator.scenarios import INSTANT

from .conftest import NUMBER

DISLIKED = replace(
    INSTANT,
    reactions=Reactions(averse_share=1.0, spam_share=2.0, least_sample=5.0),
    old_regime=OldRegime(),
)
LIKED = replace(DISLIKED, reactions=Reactions(averse_share=1e-9, spam_share=2.0, least_sample=5.0))


def send(sender, now_ms: int, users: range, name: str = "order_confirmation") -> list[int]:
    return [sender.template(f"+1650{user:07d}", now_ms, name) for user in users]


def told(sender) -> list[tuple[str, str]]:
    return [(value["event"], value["current_limit"]) for value in sender.told("phone_number_quality_update")]


def status(sender) -> str:
    return sender.world.estate.numbers[NUMBER].status


def test_a_number_that_is_flagged_and_not_better_in_7_days_loses_a_tier_and_is_connected_again(make_sender):
    sender = make_sender(DISLIKED, throughput=999, limit=10_000)
    send(sender, 0, range(5))
    sender.later(0)
    assert (status(sender), told(sender)) == ("FLAGGED", [("FLAGGED", "TIER_10K")])
    sender.later(7 * DAY_MS - 1)
    assert status(sender) == "FLAGGED"
    sender.later(7 * DAY_MS)
    assert (status(sender), told(sender)[1:]) == ("CONNECTED", [("DOWNGRADE", "TIER_1K")])
    assert sender.told("phone_number_quality_update")[1]["old_limit"] == "TIER_10K"
    assert sender.world.estate.portfolios["lucky-shrub"].places.limit == 1_000
    assert "tier_lost" in [str(penalty.kind) for penalty in sender.world.book.penalties]


def test_a_number_that_is_better_in_time_is_unflagged_and_keeps_its_tier(make_sender):
    sender = make_sender(DISLIKED, throughput=999, limit=10_000)
    send(sender, 0, range(5))
    sender.world.behave(LIKED)
    send(sender, DAY_MS, range(100, 300), "login_code")
    sender.later(30 * DAY_MS)
    assert told(sender) == [("FLAGGED", "TIER_10K"), ("UNFLAGGED", "TIER_10K")]
    assert status(sender) == "CONNECTED"


def test_a_number_that_was_good_for_7_days_and_uses_half_of_its_limit_grows(make_sender):
    sender = make_sender(LIKED, throughput=999, limit=250)
    send(sender, 7 * DAY_MS - 1, range(80))
    send(sender, 7 * DAY_MS, range(80, 124))
    assert told(sender) == []
    send(sender, 7 * DAY_MS + 1_000, range(124, 130))
    sender.later(7 * DAY_MS + 1_000)
    assert told(sender) == [("UPGRADE", "TIER_1K")]


def test_a_number_at_its_limit_sends_nothing_but_replies_for_24_hours(make_sender):
    sender = make_sender(LIKED, throughput=999, limit=50)
    sender.world.inbound(NUMBER, "+16500000900", 0)
    send(sender, 0, range(50))
    sender.later(0)
    assert status(sender) == "RESTRICTED"
    assert send(sender, 1_000, range(60, 61)) == [131048]
    assert sender.text("+16500000900", 1_000) == 0
    sender.later(DAY_MS)
    assert status(sender) == "CONNECTED"


def test_a_flagged_number_at_its_limit_is_flagged_again_when_the_day_is_over(make_sender):
    sender = make_sender(DISLIKED, throughput=999, limit=6)
    send(sender, 0, range(4))
    send(sender, 0, range(4, 6), "login_code")
    sender.later(0)
    assert status(sender) == "RESTRICTED"
    sender.later(DAY_MS)
    assert status(sender) == "FLAGGED"


def test_a_number_that_is_flagged_while_restricted_shows_it_when_the_day_is_over(make_sender):
    sender = make_sender(DISLIKED, throughput=999, limit=5)
    send(sender, 0, range(5))
    sender.later(0)
    assert (status(sender), told(sender)[0][0]) == ("RESTRICTED", "FLAGGED")
    sender.later(DAY_MS)
    assert status(sender) == "FLAGGED"


def test_a_status_that_somebody_set_by_hand_stays(make_sender):
    sender = make_sender(LIKED, throughput=999, limit=5)
    send(sender, 0, range(5))
    sender.later(0)
    sender.world.set_number(NUMBER, status="BANNED")
    sender.later(2 * DAY_MS)
    assert status(sender) == "BANNED"


def test_today_a_low_quality_flags_nobody(make_sender):
    sender = make_sender(replace(DISLIKED, old_regime=None))
    send(sender, 0, range(5))
    sender.later(8 * DAY_MS)
    assert (status(sender), told(sender)) == ("CONNECTED", [])


@pytest.mark.parametrize(
    ("limit", "lower", "higher"),
    [
        (50, 50, 250),
        (250, 50, 1_000),
        (1_000, 250, 10_000),
        (2_000, 1_000, 10_000),
        (100_000, 10_000, UNLIMITED),
        (UNLIMITED, 100_000, UNLIMITED),
    ],
)
def test_tiers_of_then_lie_in_a_row(limit, lower, higher):
    assert (lower_tier(limit), higher_tier(limit)) == (lower, higher)
