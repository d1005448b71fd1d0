"""The steps against an account whose messages are taken badly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tidegate.simulator.behaviour import DAY_MS, HOUR_MS, Ladder, Reactions, exactly
from tidegate.simulator.scenarios import INSTANT

from .conftest import WABA

STEEP = replace(
    INSTANT,
    reactions=Reactions(averse_share=1.0, spam_share=2.0, red_share=2.0, yellow_share=2.0),
    ladder=Ladder(share=0.5, least_sample=4.0),
)


def climb(sender, now_ms: int, first_user: int) -> list[int]:
    """Send to users of whom all are averse, until Meta says no; the answers' codes."""
    codes = [sender.template(f"+1650{first_user + order:07d}", now_ms) for order in range(6)]
    sender.later(now_ms)
    return codes


def restrictions(sender) -> list[tuple[int, int]]:
    """Each restriction as its days and how many kinds of messages it names."""
    told = [value for value in sender.told("account_update") if value["event"] == "ACCOUNT_RESTRICTION"]
    started = [penalty.at_ms for penalty in sender.world.book.penalties if penalty.until_ms is not None]
    return [
        ((value["restriction_info"][0]["expiration"] * 1_000 - at_ms) // DAY_MS, len(value["restriction_info"]))
        for value, at_ms in zip(told, started, strict=True)
    ]


def test_after_a_warning_restrictions_last_1_3_5_7_and_30_days_and_from_5_on_replies_too(make_sender):
    sender, now_ms = make_sender(STEEP), 0
    for step in range(7):
        climb(sender, now_ms, 100 * step)
        waba = sender.world.estate.wabas[WABA]
        now_ms = max(now_ms + 1_000, waba.templates_barred_until_ms)
    assert restrictions(sender) == [(1, 2), (3, 2), (5, 3), (7, 3), (30, 3), (30, 3)]
    events = [value["event"] for value in sender.told("account_update")]
    assert events == ["ACCOUNT_VIOLATION"] + ["ACCOUNT_RESTRICTION"] * 6
    assert sender.world.book.restricted


def test_a_warning_alone_restricts_nobody(make_sender):
    sender = make_sender(STEEP)
    assert climb(sender, 0, 0) == [0] * 6
    assert not sender.world.book.restricted
    assert [str(penalty.kind) for penalty in sender.world.book.penalties] == ["warning"]


@pytest.mark.parametrize(
    ("ladder", "averse"),
    [(None, 1.0), (Ladder(share=0.5, least_sample=7.0), 1.0), (Ladder(share=0.5, least_sample=4.0), 0.0)],
    ids=["no ladder", "too few deliveries", "nobody dislikes it"],
)
def test_no_step_is_taken_without_a_reason(make_sender, ladder, averse):
    reactions = replace(STEEP.reactions, averse_share=averse, stop_share=0.01)
    sender = make_sender(replace(STEEP, ladder=ladder, reactions=reactions))
    climb(sender, 0, 0)
    assert sender.told("account_update") == []


def test_while_a_restriction_is_in_force_no_further_step_is_taken(make_sender):
    sender = make_sender(STEEP)
    climb(sender, 0, 0)
    sender.world.behave(replace(STEEP, delivery_delay=exactly(HOUR_MS)))
    climb(sender, 1_000, 100)
    sender.world.restrict(WABA, DAY_MS, 2_000)
    sender.later(2 * HOUR_MS)
    assert len(restrictions(sender)) == 1


def test_a_step_needs_deliveries_of_its_own(make_sender):
    sender = make_sender(STEEP)
    for user in range(7):  # four for the warning, three are too few for the next
        sender.template(f"+1650{user:07d}", 0)
    sender.later(0)
    assert len(sender.told("account_update")) == 1
