"""Statuses as they are told: failed shares, skipped and contradicting ones, webhooks lost and doubled."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tidegate.simulator.behaviour import exactly
from tidegate.simulator.scenarios import INSTANT


def after(make_sender, sends=200, **behaviour):
    sender = make_sender(replace(INSTANT, **behaviour))
    for order in range(sends):
        sender.template(f"+1650{order:07d}", order * 100)
    sender.later(10**9)
    return sender


def counts(sender) -> Counter[str]:
    return Counter(status["status"] for status in sender.statuses())


def test_a_failed_message_is_told_once_with_a_code_of_the_table(make_sender):
    sender = after(make_sender, failed_share=1.0, failure_codes=((131026, 0.5), (131049, 0.5)))
    assert counts(sender) == {"failed": 200}
    codes = Counter(status["errors"][0]["code"] for status in sender.statuses())
    assert set(codes) == {131026, 131049}
    assert min(codes.values()) > 60
    assert "recipient_user_id" not in sender.statuses()[0]


def test_a_share_of_messages_is_never_heard_of_again(make_sender):
    sender = after(make_sender, silent_share=1.0)
    assert counts(sender) == {"sent": 200}


def test_read_may_stand_for_delivered_and_then_carries_the_price(make_sender):
    sender = after(make_sender, read_share=1.0, delivered_skipped_share=1.0)
    assert counts(sender) == {"sent": 200, "read": 200}
    assert all("pricing" in status for status in sender.statuses())


def test_read_after_delivered_carries_no_price(make_sender):
    sender = after(make_sender, read_share=1.0)
    assert counts(sender) == {"sent": 200, "delivered": 200, "read": 200}
    assert not any("pricing" in status for status in sender.statuses() if status["status"] == "read")


def test_a_delivered_message_may_be_told_as_failed_too_and_still_counts(make_sender):
    sender = after(make_sender, sends=5, failed_after_delivered_share=1.0)
    assert counts(sender) == {"sent": 5, "delivered": 5, "failed": 5}
    assert sender.world.state()["portfolios"]["lucky-shrub"]["delivered"] == 0  # long ago
    assert sender.world.book.fates == {"delivered": 5}


def test_lost_webhooks_are_lost(make_sender):
    sender = after(make_sender, lost_share=1.0)
    assert sender.webhooks == []
    assert sender.world.lost_webhooks == 400


def test_doubled_webhooks_come_twice(make_sender):
    assert counts(after(make_sender, duplicated_share=1.0)) == {"sent": 400, "delivered": 400}


def test_reordered_webhooks_overtake_each_other(make_sender):
    sender = after(make_sender, reordered_share=0.5)
    order = [status["status"] for status in sender.statuses() if status["recipient_id"] == "16500000000"]
    assert sorted(order) == ["delivered", "sent"]
    firsts: dict[str, str] = {}
    for status in sender.statuses():
        firsts.setdefault(status["recipient_id"], status["status"])
    assert {"sent", "delivered"} == set(firsts.values())


def test_calm_webhooks_keep_their_order(make_sender):
    sender = after(make_sender, webhook_delay=exactly(100))
    firsts: dict[str, str] = {}
    for status in sender.statuses():
        firsts.setdefault(status["recipient_id"], status["status"])
    assert set(firsts.values()) == {"sent"}
