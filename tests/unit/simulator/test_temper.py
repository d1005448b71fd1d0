"""What users think of what they are sent: fixed by the user and the template."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tidegate.simulator.behaviour import HOUR_MS, MINUTE_MS, Reactions, exactly
from tidegate.simulator.chance import stream_of
from tidegate.simulator.scenarios import BAD_LIST, INSTANT

from .conftest import NUMBER

OFFER, CONFIRMATION = "black_friday_offer", "order_confirmation"
USERS = range(1_000)


def liked_as(**rules: object) -> object:
    return replace(INSTANT, reactions=replace(Reactions(least_sample=1e9), **rules))


@pytest.fixture
def make_fast(make_sender):
    """Make a sender whose number takes everybody at once."""

    def make(behaviour, seed=1):
        return make_sender(behaviour, throughput=9_999, seed=seed)

    return make


def spelt(user: int) -> str:
    return f"+1650{user:07d}"


def harmed(sender, template: str, now_ms: int = 0) -> set[str]:
    """Users to whom this template is sent now, and who block for it."""
    for user in USERS:
        sender.template(spelt(user), now_ms, template)
    return {send.user for send in sender.world.book.accepted if send.harmful and send.template == template}


def test_who_is_averse_to_everything_is_so_whatever_the_template_and_the_time(make_fast):
    early = harmed(make_fast(liked_as(averse_share=0.1)), OFFER)
    late = harmed(make_fast(liked_as(averse_share=0.1)), CONFIRMATION, 77 * HOUR_MS)
    assert early == late
    assert 70 < len(early) < 130


def test_who_dislikes_one_template_may_like_another(make_fast):
    offers = harmed(make_fast(liked_as(block_share=0.1)), OFFER)
    confirmations = harmed(make_fast(liked_as(block_share=0.1)), CONFIRMATION)
    assert 70 < len(offers) < 130
    assert len(offers & confirmations) < 40


def test_another_seed_is_another_public(make_fast):
    assert harmed(make_fast(liked_as(averse_share=0.1), seed=1), OFFER) != harmed(
        make_fast(liked_as(averse_share=0.1), seed=2), OFFER
    )


def test_a_reaction_comes_in_its_own_time(make_fast):
    sender = make_fast(liked_as(averse_share=1.0, least_sample=0.5, delay=exactly(HOUR_MS)))
    sender.template(spelt(1), 0, OFFER)
    sender.later(HOUR_MS - 1)
    assert sender.world.estate.numbers[NUMBER].quality == "GREEN"
    sender.later(HOUR_MS)
    assert sender.world.estate.numbers[NUMBER].quality == "RED"


@pytest.mark.parametrize("in_words", [False, True], ids=["by a tap", "in words"])
def test_who_stops_the_marketing_says_so_by_a_tap_or_in_words(make_fast, in_words):
    sender = make_fast(liked_as(stop_share=1.0, stop_in_words_share=float(in_words), delay=exactly(MINUTE_MS)))
    sender.template(spelt(1), 0, OFFER)
    sender.template(spelt(2), 0, CONFIRMATION)
    sender.later(HOUR_MS)
    texts = [message["text"]["body"] for value in sender.told("messages") for message in value.get("messages", [])]
    stops = [value["user_preferences"][0]["value"] for value in sender.told("user_preferences")]
    assert (texts, stops) == ((["STOP"], []) if in_words else ([], ["stop"]))


def test_inside_a_window_and_to_who_is_not_on_whatsapp_nothing_is_harmful(make_fast):
    sender = make_fast(liked_as(averse_share=1.0))
    sender.world.inbound(NUMBER, spelt(1), 0)
    sender.world.unreach(spelt(2))
    for user in (1, 2, 3):
        sender.template(spelt(user), 0, OFFER)
    assert [send.harmful for send in sender.world.book.accepted] == [False, False, True]


def test_a_share_of_all_users_is_not_on_whatsapp_for_good(make_fast):
    sender = make_fast(replace(INSTANT, absent_share=0.2))
    for now_ms in (0, HOUR_MS):
        for user in USERS:
            sender.template(spelt(user), now_ms, OFFER)
    failed = [status["recipient_id"] for status in sender.statuses() if status["status"] == "failed"]
    assert 160 < len(set(failed)) < 240
    assert sorted(failed) == sorted([*set(failed), *set(failed)])


def test_the_report_tells_harmful_sends_and_that_the_number_was_restricted(make_fast):
    sender = make_fast(BAD_LIST)
    for user in USERS:
        sender.template(spelt(user), 0, OFFER)
    assert not sender.world.book.report()["restricted"]
    for user in USERS:
        sender.template(spelt(user + len(USERS)), 48 * HOUR_MS, OFFER)
    sender.later(4 * 24 * HOUR_MS)
    report = sender.world.book.report()
    assert report["harmful"] == sender.world.book.harmful > 100
    assert report["restricted"] is True
    kinds = {penalty["kind"] for penalty in report["penalties"]}
    assert {"template_paused", "warning", "templates_barred"} <= kinds


def test_names_are_told_apart_in_their_order_and_at_their_borders():
    streams = {stream_of("a", "b"), stream_of("b", "a"), stream_of("ab"), stream_of("a", "b", "")}
    assert len(streams) == 4
